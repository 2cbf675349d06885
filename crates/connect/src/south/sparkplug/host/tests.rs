use super::*;
use crate::mqtt::sparkplug::{Metric, MetricValue, PropertySet};
use crate::south::testing::{random, spoil};
use model::{Status, Time, Value};
use proptest::prelude::*;
use prost::Message;

const LIMITS: Limits = Limits { owners: 4, metrics: 6 };
const NOW: Duration = Duration::from_secs(100);

fn metric(name: &str, alias: u64, code: u32, value: MetricValue) -> Metric {
    let (name, alias) = (Some(name.to_owned()), Some(alias));
    Metric { name, alias, datatype: Some(code), value: Some(value), ..Metric::default() }
}

fn by_alias(alias: u64, value: MetricValue) -> Metric {
    Metric { alias: Some(alias), value: Some(value), ..Metric::default() }
}

fn bd_seq_metric(number: u64) -> Metric {
    Metric {
        name: Some(BD_SEQ.into()),
        datatype: Some(4),
        value: Some(MetricValue::Long(number)),
        ..Metric::default()
    }
}

fn say(host: &mut Host, topic: &str, seq: Option<u64>, metrics: Vec<Metric>) -> Vec<News> {
    say_at(host, topic, seq, metrics, NOW)
}

fn say_at(host: &mut Host, topic: &str, seq: Option<u64>, metrics: Vec<Metric>, now: Duration) -> Vec<News> {
    let payload = Payload { timestamp: Some(1_000), metrics, seq }.encode_to_vec();
    host.take(&Topic::parse(&format!("spBv1.0/{topic}")).unwrap(), &payload, now)
}

/// News as short words.
fn words(news: &[News]) -> Vec<String> {
    let values = |samples: &mut dyn Iterator<Item = &Sample>| {
        samples.map(|s| format!("{}={}", s.metric, s.value)).collect::<Vec<_>>().join(" ")
    };
    news.iter()
        .map(|news| match news {
            News::Born { owner, metrics, gone } => {
                format!("born {owner}: {} gone {gone:?}", values(&mut metrics.iter().map(|m| &m.sample)))
            }
            News::Data { owner, samples } => format!("data {owner}: {}", values(&mut samples.iter())),
            News::Died(owner) => format!("died {owner}"),
            News::Unsure(owner) => format!("unsure {owner}"),
            News::Ask(owner) => format!("ask {owner}"),
            News::Ignored(why) => format!("ignored {why:?}"),
        })
        .collect()
}

/// A node with metric 0 `level` (alias 10), its device `plc` with metric 1 `speed` (alias 11).
fn born() -> Host {
    let mut host = Host::new(LIMITS);
    let level = metric("level", 10, datatype::DOUBLE, MetricValue::Double(1.5));
    let said = say(&mut host, "leeds/NBIRTH/gw", Some(0), vec![bd_seq_metric(7), level]);
    assert_eq!(words(&said), ["born leeds/gw: 0=1.5 gone []"]);
    let speed = metric("line/speed", 11, 3, MetricValue::Int((-5i32).cast_unsigned()));
    let said = say(&mut host, "leeds/DBIRTH/gw/plc", Some(1), vec![speed]);
    assert_eq!(words(&said), ["born leeds/gw/plc: 1=-5 gone []"]);
    host
}

#[test]
fn data_by_alias_and_by_name() {
    let mut host = born();
    let said = say(&mut host, "leeds/DDATA/gw/plc", Some(2), vec![by_alias(11, MetricValue::Int(9))]);
    assert_eq!(words(&said), ["data leeds/gw/plc: 1=9"]);
    let named = Metric { alias: None, ..metric("level", 0, datatype::DOUBLE, MetricValue::Double(2.5)) };
    assert_eq!(words(&say(&mut host, "leeds/NDATA/gw", Some(3), vec![named])), ["data leeds/gw: 0=2.5"]);
    // The alias of another device is nothing of this one.
    let said = say(&mut host, "leeds/NDATA/gw", Some(4), vec![by_alias(11, MetricValue::Int(9))]);
    assert_eq!(words(&said), ["ask leeds/gw", "ignored Unborn"]);
}

#[test]
fn after_a_gap_nothing_is_believed_until_the_birth() {
    let mut host = born();
    let data = || vec![by_alias(10, MetricValue::Double(3.0))];
    let said = say(&mut host, "leeds/NDATA/gw", Some(3), data());
    assert_eq!(words(&said), ["unsure leeds/gw", "ask leeds/gw", "ignored Unborn"]);
    assert_eq!(words(&say(&mut host, "leeds/NDATA/gw", Some(4), data())), ["ignored Unborn"], "asked once");
    assert!(host.tick(NOW + Duration::from_secs(4)).is_empty());
    assert_eq!(words(&host.tick(NOW + Duration::from_secs(5))), ["ask leeds/gw"], "and again");
    // The aliases may have changed places meanwhile.
    let other = metric("other", 10, datatype::DOUBLE, MetricValue::Double(4.0));
    let said = say(&mut host, "leeds/NBIRTH/gw", Some(0), vec![bd_seq_metric(8), other]);
    assert_eq!(words(&said), ["born leeds/gw: 2=4 gone [0]"]);
    assert_eq!(words(&say(&mut host, "leeds/NDATA/gw", Some(1), data())), ["data leeds/gw: 2=3"]);
    // Its device does not come back.
    assert_eq!(words(&host.tick(NOW + Duration::from_secs(9))), [""; 0]);
    assert_eq!(words(&host.tick(NOW + Duration::from_secs(10))), ["died leeds/gw/plc"]);
    assert!(host.tick(NOW + Duration::from_secs(99)).is_empty(), "told once");
}

#[test]
fn sequence_numbers_wrap() {
    let mut host = born();
    for seq in 2..600u64 {
        let said =
            say(&mut host, "leeds/NDATA/gw", Some(seq % 256), vec![by_alias(10, MetricValue::Double(0.0))]);
        assert_eq!(words(&said), ["data leeds/gw: 0=0"], "{seq}");
    }
    let said = say(&mut host, "leeds/NDATA/gw", None, vec![by_alias(10, MetricValue::Double(0.0))]);
    assert_eq!(words(&said)[0], "unsure leeds/gw", "a message without a number");
}

#[test]
fn deaths_are_those_of_the_session() {
    let mut host = born();
    let old = say(&mut host, "leeds/NDEATH/gw", None, vec![bd_seq_metric(6)]);
    assert_eq!(words(&old), ["ignored OldDeath"]);
    assert_eq!(words(&say(&mut host, "leeds/DDEATH/gw/plc", Some(2), vec![])), ["died leeds/gw/plc"]);
    let said = say(&mut host, "leeds/DDATA/gw/plc", Some(3), vec![by_alias(11, MetricValue::Int(9))]);
    assert_eq!(words(&said), ["ask leeds/gw", "ignored Unborn"], "a dead device has no data");
    assert_eq!(words(&say(&mut host, "leeds/NDEATH/gw", None, vec![bd_seq_metric(7)])), ["died leeds/gw"]);
    assert!(host.tick(NOW + Duration::from_secs(99)).is_empty(), "nobody asks the dead");
    assert_eq!(
        words(&say(&mut host, "york/NDEATH/gw", None, vec![])),
        ["ignored NoRoom(1)"],
        "nobody knows it"
    );
}

#[test]
fn a_lost_broker_means_births_again() {
    let mut host = born();
    host.disconnected();
    let said = host.ask_all(NOW);
    assert_eq!(words(&said), ["unsure leeds/gw", "ask leeds/gw"]);
    let gone = host.tick(NOW + Duration::from_secs(10));
    assert_eq!(words(&gone), ["ask leeds/gw", "died leeds/gw", "died leeds/gw/plc"]);
}

#[test]
fn qualities_types_and_what_is_no_value() {
    let mut host = Host::new(LIMITS);
    let with = |quality: u32, status: &str| {
        let value =
            |datatype, value| crate::mqtt::sparkplug::PropertyValue { datatype, is_null: None, value };
        use crate::mqtt::sparkplug::Property::{Int, Text};
        Some(PropertySet {
            keys: vec!["Quality".into(), "Status".into()],
            values: vec![value(Some(3), Some(Int(quality))), value(Some(12), Some(Text(status.into())))],
        })
    };
    let double = |value| MetricValue::Double(value);
    let metrics = vec![
        Metric { properties: with(192, "Good"), ..metric("a", 0, 10, double(1.0)) },
        Metric { properties: with(500, ""), ..metric("b", 1, 10, double(1.0)) },
        Metric { properties: with(0, "BadSensorFailure"), ..metric("c", 2, 10, double(1.0)) },
        Metric { value: None, is_null: Some(true), ..metric("d", 3, 10, double(1.0)) },
        metric("e", 4, 10, MetricValue::Text("1".into())),
        metric("template", 5, 19, double(1.0)),
        metric("f", 6, 5, MetricValue::Int(200)),
        metric("one too many", 7, 10, double(1.0)),
        metric("a", 8, 10, double(1.0)),
    ];
    let said = say(&mut host, "leeds/NBIRTH/gw", Some(9), metrics);
    let News::Born { metrics, .. } = &said[0] else { panic!("{said:?}") };
    let got: Vec<_> = metrics.iter().map(|m| (&*m.name, m.sample.value.clone(), m.sample.status)).collect();
    assert_eq!(
        got,
        vec![
            ("a", Value::F64(1.0), Status::GOOD),
            ("b", Value::F64(1.0), Status::UNCERTAIN_LAST_USABLE_VALUE),
            ("c", Value::None, Status::BAD_SENSOR_FAILURE),
            ("d", Value::None, Status::BAD),
            ("e", Value::None, Status::BAD_DECODING_ERROR),
            ("f", Value::U64(200), Status::GOOD),
        ]
    );
    assert_eq!(words(&said[1..]), ["ignored Unsupported(2)", "ignored NoRoom(1)"]);
    assert_eq!(
        metrics[0].sample.time,
        Some(Time::from_millis(1_000)),
        "the payload's time, without one of its own"
    );
}

#[test]
fn an_alias_that_stands_twice_is_nobodys() {
    let mut host = Host::new(LIMITS);
    let value = || MetricValue::Double(1.0);
    say(
        &mut host,
        "leeds/NBIRTH/gw",
        Some(0),
        vec![metric("a", 1, 10, value()), metric("b", 1, 10, value())],
    );
    let said = say(&mut host, "leeds/NDATA/gw", Some(1), vec![by_alias(1, value())]);
    assert_eq!(words(&said), ["ask leeds/gw", "ignored Unborn"]);
}

#[test]
fn there_is_room_for_so_many() {
    let mut host = Host::new(LIMITS);
    for node in 0..4 {
        say(&mut host, &format!("leeds/NBIRTH/gw{node}"), Some(0), vec![]);
    }
    assert_eq!(words(&say(&mut host, "leeds/NBIRTH/gw4", Some(0), vec![])), ["ignored NoRoom(1)"]);
    assert_eq!(words(&say(&mut host, "leeds/DBIRTH/gw0/plc", Some(1), vec![])), ["ignored NoRoom(1)"]);
}

/// What a host may never do, whatever comes: panic, exceed its limits, or give a value of another type than was born.
fn check(host: &mut Host, types: &mut HashMap<u32, ValueType>, topic: &str, payload: &[u8], now: Duration) {
    let Some(topic) = Topic::parse(topic) else { return };
    for news in host.take(&topic, payload, now) {
        let samples = match news {
            News::Born { metrics, .. } => {
                types.extend(metrics.iter().map(|m| (m.sample.metric, m.value_type)));
                metrics.into_iter().map(|m| m.sample).collect()
            }
            News::Data { samples, .. } => samples,
            _ => Vec::new(),
        };
        for sample in samples {
            let fits = sample.value.value_type().is_none_or(|t| Some(&t) == types.get(&sample.metric));
            assert!(fits && (sample.metric as usize) < LIMITS.metrics, "{sample:?}");
            assert!(sample.value != Value::None || sample.status.is_bad(), "{sample:?}");
        }
    }
    assert!(host.nodes.len() <= LIMITS.owners && host.metrics.len() <= LIMITS.metrics);
}

/// A million frames that were births and data once, cut, grown and flipped.
#[test]
fn a_million_hostile_payloads() {
    let mut random = random(0x1B0B_5EED);
    let value = |which: u64, bits: u64| match which {
        0 => MetricValue::Int(bits as u32),
        1 => MetricValue::Long(bits),
        2 => MetricValue::Float(f32::from_bits(bits as u32)),
        3 => MetricValue::Double(f64::from_bits(bits)),
        4 => MetricValue::Boolean(bits.is_multiple_of(2)),
        5 => MetricValue::Text(format!("{bits:x}")),
        _ => MetricValue::Bytes(bits.to_le_bytes().into()),
    };
    let topics = [
        "a/NBIRTH/n",
        "a/DBIRTH/n/d",
        "a/NDATA/n",
        "a/DDATA/n/d",
        "a/NDEATH/n",
        "a/DDEATH/n/d",
        "a/NBIRTH/m",
        "b/NCMD/n",
    ];
    let (mut host, mut types) = (Host::new(LIMITS), HashMap::new());
    let (mut sound, mut taken) = (0u32, 0u32);
    for round in 0..1_000_000u64 {
        let metrics = (0..random(4)).map(|_| {
            let mut one = metric(
                &format!("m{}", random(9)),
                random(9),
                random(36) as u32,
                value(random(7), random(u64::MAX)),
            );
            one.name = one.name.filter(|_| random(3) > 0);
            one.alias = one.alias.filter(|_| random(3) > 0);
            one.is_null = (random(9) == 0).then_some(true);
            one
        });
        let mut metrics: Vec<Metric> = metrics.collect();
        metrics.push(bd_seq_metric(random(2)));
        let seq = Some(random(4)).filter(|_| random(9) > 0);
        let mut bytes = Payload { timestamp: Some(random(u64::MAX)), metrics, seq }.encode_to_vec();
        if random(3) > 0 {
            let places = 1 + random(5);
            spoil(&mut bytes, places, &mut random);
        }
        sound += u32::from(Payload::read(&bytes, MAX_METRICS).is_ok());
        let topic = format!("spBv1.0/{}", topics[random(topics.len() as u64) as usize]);
        check(&mut host, &mut types, &topic, &bytes, Duration::from_millis(round));
        taken += u32::from(host.nodes.values().any(|node| node.born));
    }
    assert!(sound > 300_000 && sound < 1_000_000 && taken > 100_000, "{sound} {taken}");
}

proptest! {
    #[test]
    fn any_bytes_on_any_topic(topic in "(spBv1.0/)?[a-zA-Z/]{0,20}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        check(&mut Host::new(LIMITS), &mut HashMap::new(), &topic, &bytes, NOW);
    }
}

#[test]
fn many_empty_metrics_are_refused_before_they_are_built() {
    let bytes: Vec<u8> = [0x12, 0].repeat(MAX_METRICS + 1);
    assert!(Payload::read(&bytes, MAX_METRICS).is_err());
    assert_eq!(Payload::read(&bytes[2..], MAX_METRICS).map(|payload| payload.metrics.len()), Ok(MAX_METRICS));
}
