use super::super::command;
use super::*;
use crate::mqtt::sparkplug::Template;
use crate::north::Rows;
use model::{Batch, Each, Flags, Shape, ValueType};
use std::time::Duration;

const NOW: Time = Time::from_millis(1_700_000_000_000);

fn current(id: u32, path: &str, device: &str, value_type: ValueType) -> Current {
    let mut declaration = Declaration::new(Path::new(&format!("acme/leeds/{path}")).unwrap(), value_type);
    declaration.connection = "plc".into();
    declaration.device = device.into();
    declaration.unit = "bar".into();
    declaration.range = Some((0.0, 10.0));
    Current { point: PointId(id), declaration: Arc::new(declaration), last: Last::WAITING }
}

fn node() -> Node {
    let identity =
        Identity { group: "leeds".into(), node: "gw".into(), site: Path::new("acme/leeds").unwrap() };
    let mut node = Node::new(identity, Arc::default(), 7);
    let points = vec![
        current(1, "line/speed", "filler", ValueType::F64),
        current(2, "line/count", "filler", ValueType::I64),
        current(3, "boiler/level", "boiler", ValueType::F64),
        current(4, "oee", "", ValueType::F64),
    ];
    node.refresh(points, Position::END);
    node
}

fn samples(rows: &[(u32, Value, Status)], seq: u64, historical: bool) -> Samples {
    let shape = Shape::new(rows.iter().map(|row| PointId(row.0)).collect::<Vec<_>>());
    let status = Each::Rows(rows.iter().map(|row| row.2).collect());
    let values = rows.iter().map(|row| row.1.clone()).collect();
    let mut batch = Batch::polled(shape, NOW.after(Duration::from_millis(seq)), status, values);
    batch.flags = Flags { historical, ..batch.flags };
    Samples { position: Position::new(1, seq), batch: Arc::new(batch), rows: Rows::All, historical }
}

fn good(rows: &[(u32, f64)], seq: u64, historical: bool) -> Samples {
    let rows: Vec<_> = rows.iter().map(|(id, v)| (*id, Value::F64(*v), Status::GOOD)).collect();
    samples(&rows, seq, historical)
}

fn kinds(all: &[Out]) -> Vec<String> {
    all.iter().map(|out| out.topic.trim_start_matches("spBv1.0/leeds/").to_owned()).collect()
}

fn decode(out: &Out) -> Payload {
    Payload::decode(out.payload.as_slice()).unwrap()
}

fn property(metric: &Metric, key: &str) -> Option<Property> {
    let set = metric.properties.as_ref()?;
    let index = set.keys.iter().position(|have| have == key)?;
    set.values[index].value.clone()
}

#[test]
fn a_device_is_born_with_its_first_answer_and_dies_with_its_last_point() {
    let mut node = node();
    let born = node.birth(NOW);
    assert_eq!(kinds(&born), ["NBIRTH/gw"]);
    let payload = decode(&born[0]);
    assert_eq!((payload.seq, payload.metrics.len()), (Some(0), 3));
    assert_eq!(payload.metrics[0].name.as_deref(), Some("bdSeq"));
    assert_eq!(
        (payload.metrics[0].datatype, &payload.metrics[0].value),
        (Some(4), &Some(MetricValue::Long(7)))
    );

    let all = node.data(&good(&[(1, 2.5)], 1, false), NOW);
    assert_eq!(kinds(&all), ["DBIRTH/gw/plc.filler"]);
    let payload = decode(&all[0]);
    let speed = &payload.metrics[0];
    assert_eq!((payload.seq, speed.name.as_deref(), speed.alias), (Some(1), Some("line/speed"), Some(1)));
    assert_eq!((&speed.value, speed.datatype), (&Some(MetricValue::Double(2.5)), Some(datatype::DOUBLE)));
    assert_eq!(property(speed, "engUnit"), Some(Property::Text("bar".into())));
    assert_eq!(property(speed, "engHigh"), Some(Property::Double(10.0)));
    assert_eq!(property(speed, "Quality"), Some(Property::Int(192)));
    let count = &payload.metrics[1];
    assert_eq!((count.is_null, property(count, "Quality")), (Some(true), Some(Property::Int(500))));

    let all = node.data(
        &samples(
            &[(1, Value::F64(9.0), Status::BAD_SENSOR_FAILURE), (2, Value::I64(-5), Status::GOOD)],
            2,
            false,
        ),
        NOW,
    );
    assert_eq!(kinds(&all), ["DDATA/gw/plc.filler"]);
    let payload = decode(&all[0]);
    assert_eq!((payload.metrics[0].name.as_deref(), payload.metrics[0].alias), (None, Some(1)));
    assert_eq!(payload.metrics[0].value, Some(MetricValue::Double(2.5)), "a bad value keeps the last one");
    assert_eq!(property(&payload.metrics[0], "Quality"), Some(Property::Int(0)));
    assert_eq!(property(&payload.metrics[0], "Status"), Some(Property::Text("BadSensorFailure".into())));
    assert_eq!(payload.metrics[1].value, Some(MetricValue::Long((-5_i64).cast_unsigned())));
    assert_eq!(payload.metrics[1].properties, None);

    let lost = Status::BAD_COMMUNICATION_ERROR;
    let all = node.data(&samples(&[(1, Value::None, lost)], 3, false), NOW);
    assert_eq!(kinds(&all), ["DDATA/gw/plc.filler"], "one point of two");
    let all = node.data(&samples(&[(2, Value::None, lost)], 4, false), NOW);
    assert_eq!(kinds(&all), ["DDEATH/gw/plc.filler"]);
    assert_eq!((decode(&all[0]).metrics.len(), decode(&all[0]).seq), (0, Some(4)));
    assert!(node.data(&samples(&[(2, Value::None, lost)], 5, false), NOW).is_empty());
    assert_eq!(kinds(&node.data(&good(&[(1, 1.0)], 6, false), NOW)), ["DBIRTH/gw/plc.filler"]);
    assert_eq!(kinds(&node.data(&good(&[(4, 1.0)], 7, false), NOW)), ["NDATA/gw"]);
    assert_eq!(kinds(&node.birth(NOW)), ["NBIRTH/gw", "DBIRTH/gw/plc.filler"]);
}

#[test]
fn history_of_a_dead_device_stands_between_a_birth_and_a_death_of_its_own() {
    let mut node = node();
    node.birth(NOW);
    let all = node.data(&good(&[(3, 1.0)], 1, true), NOW);
    assert_eq!(kinds(&all), ["DBIRTH/gw/plc.boiler", "DDATA/gw/plc.boiler"]);
    let past = &decode(&all[1]).metrics[0];
    assert_eq!((past.is_historical, &past.value), (Some(true), &Some(MetricValue::Double(1.0))));
    assert_eq!(decode(&all[0]).metrics[0].is_null, Some(true), "history is not what is known now");
    assert_eq!(kinds(&node.data(&good(&[(3, 2.0)], 2, true), NOW)), ["DDATA/gw/plc.boiler"]);
    assert_eq!(kinds(&node.history_over(NOW)), ["DDEATH/gw/plc.boiler"]);
    assert!(node.history_over(NOW).is_empty());
    // A device that comes back while its history is sent stays.
    node.data(&good(&[(3, 3.0)], 3, true), NOW);
    assert_eq!(kinds(&node.data(&good(&[(3, 4.0)], 4, false), NOW)), ["DDATA/gw/plc.boiler"]);
    assert!(node.history_over(NOW).is_empty());
}

#[test]
fn new_points_bear_their_device_again_and_new_node_points_everything() {
    let mut node = node();
    node.birth(NOW);
    node.data(&good(&[(1, 1.0), (3, 1.0)], 1, false), NOW);
    let mut all: Vec<Current> = vec![
        current(1, "line/speed", "filler", ValueType::F64),
        current(2, "line/count", "filler", ValueType::I64),
        current(3, "boiler/level", "boiler", ValueType::F64),
        current(4, "oee", "", ValueType::F64),
        current(5, "line/torque", "filler", ValueType::F64),
    ];
    let changed = node.refresh(all.clone(), Position::END);
    let out = node.changed(&changed, NOW);
    assert_eq!(kinds(&out), ["DBIRTH/gw/plc.filler"]);
    let payload = decode(&out[0]);
    assert_eq!((payload.metrics.len(), &payload.metrics[0].value), (3, &Some(MetricValue::Double(1.0))));
    all.push(current(6, "energy", "", ValueType::F64));
    let changed = node.refresh(all.clone(), Position::END);
    assert_eq!(
        kinds(&node.changed(&changed, NOW)),
        ["NBIRTH/gw", "DBIRTH/gw/plc.boiler", "DBIRTH/gw/plc.filler"]
    );
    all.retain(|current| current.point != PointId(3));
    let changed = node.refresh(all, Position::END);
    assert_eq!(kinds(&node.changed(&changed, NOW)), ["DDEATH/gw/plc.boiler"]);
}

/// Random samples and losses: seq counts without a hole, and data of a device comes only between birth and death.
#[test]
fn a_host_can_follow_whatever_happens() {
    for seed in 1..100_u64 {
        let mut state = seed;
        let mut random = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut node = node();
        let mut all = node.birth(NOW);
        for seq in 1..400 {
            let status =
                [Status::GOOD, Status::GOOD, Status::BAD_COMMUNICATION_ERROR, Status::BAD_SENSOR_FAILURE];
            let id = 1 + u32::try_from(random(4)).unwrap();
            let status = status[usize::try_from(random(4)).unwrap()];
            let value = if status.is_good() { Value::F64(1.0) } else { Value::None };
            all.extend(node.data(&samples(&[(id, value, status)], seq, random(5) == 0), NOW));
            match random(60) {
                0 => all.extend(node.history_over(NOW)),
                1 => all.extend(node.birth(NOW)),
                _ => {}
            }
        }
        let mut born: BTreeSet<String> = BTreeSet::new();
        let mut next = 0;
        for out in &all {
            let mut parts = out.topic.split('/').skip(2);
            let (kind, device) = (parts.next().unwrap(), parts.nth(1).unwrap_or_default().to_owned());
            if kind == "NBIRTH" {
                (next, born) = (0, BTreeSet::new());
            }
            assert_eq!(decode(out).seq, Some(next), "seed {seed}");
            next = (next + 1) % 256;
            match kind {
                "DBIRTH" => drop(born.insert(device)),
                "DDEATH" => assert!(born.remove(&device), "seed {seed}"),
                "DDATA" => assert!(born.contains(&device), "seed {seed}: data of {device} before its birth"),
                _ => {}
            }
        }
    }
}

#[test]
fn what_is_newer_than_the_stream_waits_for_it() {
    let mut node = node();
    let mut ahead = current(9, "line/ahead", "", ValueType::F64);
    ahead.last =
        Last { value: Value::F64(5.0), status: Status::GOOD, position: Position::new(1, 8), ..Last::WAITING };
    node.refresh(vec![ahead], Position::new(1, 7));
    let metric = decode(&node.birth(NOW)[0]).metrics.pop().unwrap();
    assert_eq!((metric.alias, metric.is_null), (Some(9), Some(true)));
}

#[test]
fn large_data_is_split_and_counted() {
    let mut node = node();
    node.refresh(
        (10..13).map(|id| current(id, &format!("text/t{id}"), "", ValueType::Text)).collect(),
        Position::END,
    );
    node.birth(NOW);
    let long = Value::from("x".repeat(60_000).as_str());
    let rows: Vec<_> = (10..13).map(|id| (id, long.clone(), Status::GOOD)).collect();
    let all = node.data(&samples(&rows, 1, false), NOW);
    assert_eq!(kinds(&all), ["NDATA/gw", "NDATA/gw", "NDATA/gw"]);
    assert_eq!(all.iter().map(|out| decode(out).seq).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert!(all.iter().all(|out| decode(out).metrics.len() == 1));
}

fn command(metrics: Vec<Metric>) -> Vec<u8> {
    Payload { timestamp: Some(stamp(NOW)), metrics, seq: None }.encode_to_vec()
}

#[test]
fn commands_by_name_and_by_alias() {
    let node = node();
    let ttl = Duration::from_secs(10);
    let by_alias = Metric { alias: Some(1), value: Some(MetricValue::Float(1.5)), ..Metric::default() };
    let asked = command::read(&node, Some("plc.filler"), &command(vec![by_alias.clone()]), NOW, ttl);
    assert_eq!(asked.writes[0].path.as_str(), "acme/leeds/line/speed");
    assert_eq!((&asked.writes[0].value, asked.writes[0].expires), (&Value::F64(1.5), NOW.after(ttl)));
    let again =
        command::read(&node, Some("plc.filler"), &command(vec![by_alias.clone()]), NOW.after(ttl), ttl);
    assert_eq!(again.writes[0].id, asked.writes[0].id, "the same message is the same command");
    assert_eq!(again.writes[0].expires, NOW.after(ttl), "and it does not live longer");
    let name =
        |name: &str, value| Metric { name: Some(name.into()), value: Some(value), ..Metric::default() };
    let negative = Metric { datatype: Some(1), ..name("LINE/count", MetricValue::Int(0xFE)) };
    let asked = command::read(&node, Some("plc.filler"), &command(vec![negative]), NOW, ttl);
    assert_eq!(asked.writes[0].value, Value::I64(-2));
    for (device, metric) in [
        (Some("plc.boiler"), by_alias),
        (None, name("line/speed", MetricValue::Double(1.0))),
        (Some("plc.filler"), name("nothing", MetricValue::Double(1.0))),
        (
            Some("plc.filler"),
            Metric { name: Some("line/speed".into()), is_null: Some(true), ..Metric::default() },
        ),
    ] {
        let asked = command::read(&node, device, &command(vec![metric]), NOW, ttl);
        assert!(asked.writes.is_empty() && asked.refused.len() == 1, "{asked:?}");
    }
    let rebirth = name(REBIRTH, MetricValue::Boolean(true));
    assert!(command::read(&node, None, &command(vec![rebirth.clone()]), NOW, ttl).rebirth);
    assert!(!command::read(&node, Some("plc.filler"), &command(vec![rebirth]), NOW, ttl).rebirth);
}

#[test]
fn hostile_commands_are_refused_not_followed() {
    let node = node();
    let mut seed = 99_u64;
    let many =
        command(vec![Metric { alias: Some(1), value: Some(MetricValue::Long(1)), ..Metric::default() }; 101]);
    assert!(command::read(&node, None, &many, NOW, Duration::from_secs(1)).writes.is_empty());
    for length in 0..2_000 {
        let bytes: Vec<u8> = (0..length % 300)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40) as u8
            })
            .collect();
        command::read(&node, Some("plc.filler"), &bytes, NOW, Duration::from_secs(1));
    }
}

/// A node that tells its assets as templates: the filler is fed by two devices, and is of a type with three members.
fn seated() -> Node {
    use crate::kind::{Contract, Member};
    let identity =
        Identity { group: "leeds".into(), node: "gw".into(), site: Path::new("acme/leeds").unwrap() };
    let member = |name: &str, value_type| {
        let contract = Arc::new(Contract { unit: "bar".into(), ..Contract::default() });
        Member { name: name.into(), value_type, contract }
    };
    let members = vec![
        member("Speed", ValueType::F64),
        member("Count", ValueType::F64),
        member("Power", ValueType::F64),
    ];
    let models = Models {
        types: BTreeMap::from([("Filler".to_owned(), members)]),
        assets: BTreeMap::from([("acme/leeds/line/filler".to_owned(), "Filler".to_owned())]),
        ..Models::default()
    };
    let mut node = Node::new(identity, Arc::new(models), 7);
    let points = vec![
        current(1, "line/filler/Speed", "filler", ValueType::F64),
        current(2, "line/filler/Count", "filler", ValueType::I64),
        current(3, "line/filler/Power", "meter", ValueType::F64),
        current(4, "line/filler/door", "filler", ValueType::Bool),
    ];
    node.refresh(points, Position::END);
    node
}

fn template(metric: &Metric) -> Template {
    match &metric.value {
        Some(MetricValue::Template(bytes)) => Template::read(bytes, 10).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn members(template: &Template) -> Vec<(&str, Option<f64>)> {
    let value = |metric: &Metric| metric.value(ValueType::F64).and_then(|value| value.as_f64());
    template.metrics.iter().map(|metric| (metric.name.as_deref().unwrap(), value(metric))).collect()
}

#[test]
fn assets_are_instances_of_their_types_where_asked_for() {
    let mut node = seated();
    let birth = decode(&node.birth(NOW)[0]);
    let definition = birth.metrics.iter().find(|metric| metric.name.as_deref() == Some("Filler")).unwrap();
    assert_eq!(definition.datatype, Some(datatype::TEMPLATE));
    let definition = template(definition);
    assert_eq!((definition.is_definition, &definition.template_ref), (Some(true), &None));
    assert_eq!(members(&definition), [("Speed", None), ("Count", None), ("Power", None)]);
    assert_eq!(property(&definition.metrics[0], "engUnit"), Some(Property::Text("bar".into())));

    let rows = [(1, Value::F64(2.5), Status::GOOD), (2, Value::I64(7), Status::GOOD)];
    let born = decode(&node.data(&samples(&rows, 1, false), NOW)[0]);
    let names: Vec<_> = born.metrics.iter().map(|metric| metric.name.as_deref().unwrap()).collect();
    assert_eq!(
        names,
        ["line/filler/door", "line/filler"],
        "what the type does not have stays a metric of its own"
    );
    let whole = template(&born.metrics[1]);
    assert_eq!((whole.is_definition, whole.template_ref.as_deref()), (Some(false), Some("Filler")));
    assert_eq!(members(&whole), [("Speed", Some(2.5)), ("Count", Some(7.0)), ("Power", None)], "all members");
    assert_eq!(whole.metrics[2].is_null, Some(true), "the meter feeds it");

    let some = decode(&node.data(&good(&[(1, 3.5)], 2, false), NOW)[0]);
    assert_eq!(some.metrics[0].name.as_deref(), Some("line/filler"));
    assert_eq!(members(&template(&some.metrics[0])), [("Speed", Some(3.5))], "only what changed");
    let lost = samples(&[(1, Value::None, Status::BAD_SENSOR_FAILURE)], 3, false);
    let bad = template(&decode(&node.data(&lost, NOW)[0]).metrics[0]);
    assert_eq!(members(&bad), [("Speed", Some(3.5))], "a bad value keeps the last one");
    assert_eq!(property(&bad.metrics[0], "Quality"), Some(Property::Int(0)));
    let old = decode(&node.data(&good(&[(1, 1.5)], 4, true), NOW)[0]);
    assert_eq!(old.metrics[0].is_historical, Some(true));
}

#[test]
fn members_are_written_by_the_names_of_instance_and_member() {
    let node = seated();
    let ask = |member: &str| {
        let metric = Metric {
            name: Some(member.into()),
            datatype: Some(datatype::DOUBLE),
            value: Some(MetricValue::Double(4.0)),
            ..Metric::default()
        };
        let whole = Template {
            metrics: vec![metric],
            template_ref: Some("Filler".into()),
            is_definition: Some(false),
        };
        let metric = Metric {
            name: Some("line/filler".into()),
            datatype: Some(datatype::TEMPLATE),
            value: Some(MetricValue::Template(whole.encode_to_vec())),
            ..Metric::default()
        };
        let payload = Payload { timestamp: Some(stamp(NOW)), metrics: vec![metric], seq: None };
        command::read(&node, Some("plc.filler"), &payload.encode_to_vec(), NOW, Duration::from_secs(10))
    };
    let asked = ask("Speed");
    assert_eq!(asked.writes[0].path.as_str(), "acme/leeds/line/filler/Speed");
    assert_eq!(asked.writes[0].value, Value::F64(4.0));
    assert!(ask("Power").refused[0].contains("does not belong to plc.filler"));
    assert!(ask("Torque").refused[0].contains("is no metric of this node"));
}
