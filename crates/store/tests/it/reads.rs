//! Range, latest, trend, aggregate over head and segments.

use crate::plant::{DAY, HOUR, Plant, SECOND, START, floats, options, shape};
use model::{PointId, Status, Time, Value};
use std::time::Duration;
use store::{Order, Trend};

#[test]
fn head_and_segments_answer_as_one() {
    let plant = Plant::new(options());
    let scan = shape(1, 3);
    let mut want = Vec::new();
    for i in 0..1000i64 {
        let time = START + i * SECOND;
        plant.send(&scan, time, floats([i as f64 / 10.0, 5.0, -1.5]));
        want.push((time, i as f64 / 10.0));
        if i % 300 == 299 {
            plant.store.flush();
        }
    }
    plant.journal.flush().unwrap();
    plant.store.flush();
    plant.send(&scan, START + 1000 * SECOND, floats([100.0, 5.0, -1.5]));
    want.push((START + 1000 * SECOND, 100.0));
    // The last one is taken in by the worker some time; a flush makes sure that it has been.
    plant.store.flush();
    assert_eq!(plant.all(1), want);
    let part = plant
        .store
        .range(PointId(1), Time(START + 10 * SECOND), Time(START + 20 * SECOND), 4, Order::Ascending)
        .unwrap();
    assert_eq!((part.len(), part.time[0], part.more), (4, Time(START + 10 * SECOND), true));
    let part =
        plant.store.range(PointId(1), Time(START), Time(START + 20 * SECOND), 4, Order::Descending).unwrap();
    assert_eq!((part.len(), part.time[0], part.more), (4, Time(START + 19 * SECOND), true));
    let newest = plant.store.latest(PointId(1), true).unwrap().unwrap();
    assert_eq!((newest.time, newest.value), (Time(START + 1000 * SECOND), Value::F64(100.0)));
    assert_eq!(plant.store.extent(PointId(3)).unwrap(), Some((Time(START), Time(START + 1000 * SECOND))));
    assert!(plant.store.latest(PointId(99), false).unwrap().is_none());
    let stats = plant.store.stats();
    assert_eq!((stats.rows, stats.samples, stats.head_rows), (3003, 3003, 0));
}

#[test]
fn merging_changes_no_answer() {
    let plant = Plant::new(options());
    let (a, b) = (shape(1, 5), shape(10, 2));
    for i in 0..2_000i64 {
        let time = START + i * 10 * SECOND;
        plant.send(&a, time, floats((0..5).map(|p| (i * (p + 1)) as f64 / 100.0)));
        if i % 3 == 0 {
            plant.send(&b, time + 5, vec![Value::Text(format!("t{i}").into()), Value::I64(i * i)]);
        }
        if i % 250 == 0 {
            plant.send_as(&a, time + 7, Status::BAD_COMMUNICATION_ERROR, vec![Value::None; 5]);
            plant.store.flush();
        }
    }
    plant.store.flush();
    let points = [1, 2, 3, 4, 5, 10, 11];
    let read = |p: u32| {
        plant.store.range(PointId(p), Time(0), Time(i64::MAX), usize::MAX, Order::Ascending).unwrap()
    };
    let before: Vec<_> = points.iter().map(|p| format!("{:?}", read(*p))).collect();
    let numbers: Vec<_> = points.map(PointId).into();
    let hours =
        |from, to| plant.store.aggregate(&numbers, Time(from), Time(to), Duration::from_secs(3600)).unwrap();
    let spans = [(START, START + DAY), (START + 17 * SECOND, START + 3 * HOUR + 5 * SECOND)];
    let raw = spans.map(|(a, b)| hours(a, b));
    assert!(plant.store.segments().len() > 5);
    plant.store.compact().unwrap();
    let segments = plant.store.segments();
    assert_eq!((segments.len(), segments[0].entry.level), (1, 2));
    assert!(segments[0].entry.rollup > 0);
    let after: Vec<_> = points.iter().map(|p| format!("{:?}", read(*p))).collect();
    assert_eq!(before, after);
    for (span, want) in spans.into_iter().zip(raw) {
        let got = hours(span.0, span.1);
        for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
            assert_eq!((got.start, got.count, got.good), (want.start, want.count, want.good));
            assert!((got.sum - want.sum).abs() < 1e-6, "{got:?} {want:?}");
            if got.good > 0 {
                assert_eq!(
                    (got.min, got.max, got.first, got.last),
                    (want.min, want.max, want.first, want.last)
                );
            }
        }
    }
}

#[test]
fn late_data_stands_where_it_belongs() {
    let plant = Plant::new(options());
    let scan = shape(1, 2);
    for i in 0..100i64 {
        plant.send(&scan, START + 10 * DAY + i * SECOND, floats([1.0, 2.0]));
    }
    plant.store.flush();
    // A device delivers what it kept over eight days, newest first.
    let one = shape(1, 1);
    for day in (0..8i64).rev() {
        plant.backfill(&one, vec![START + day * DAY + 5], floats([day as f64]));
    }
    // And two samples share one time.
    plant.send(&scan, START + 10 * DAY, floats([7.0, 8.0]));
    plant.store.flush();
    let all = plant.all(1);
    assert_eq!(all.len(), 109);
    assert_eq!(all[..8].iter().map(|s| s.1).collect::<Vec<_>>(), (0..8).map(f64::from).collect::<Vec<_>>());
    assert_eq!(all[8..10], [(START + 10 * DAY, 1.0), (START + 10 * DAY, 7.0)]);
    assert!(
        plant.store.segments().iter().any(|s| s.entry.day.is_none()),
        "many days at once go into one mixed file"
    );
    let samples =
        plant.store.range(PointId(1), Time(START), Time(START + DAY), 10, Order::Ascending).unwrap();
    assert_eq!((samples.len(), samples.historical[0], samples.received[0]), (1, true, Time(START + 5 * DAY)));
    plant.store.compact().unwrap();
    assert_eq!(plant.all(1), all);
}

#[test]
fn a_trend_is_raw_or_buckets() {
    let plant = Plant::new(options());
    let scan = shape(1, 1);
    for i in 0..20_000i64 {
        let status = if i % 10 == 0 { Status::BAD_SENSOR_FAILURE } else { Status::GOOD };
        plant.send_as(&scan, START + i * 10 * SECOND, status, floats([(i % 100) as f64]));
    }
    plant.store.flush();
    for _ in 0..2 {
        let end = START + 20_000 * 10 * SECOND;
        let Trend::Raw(raw) =
            plant.store.trend(PointId(1), Time(START), Time(START + 1000 * SECOND), 100).unwrap()
        else {
            panic!("few samples are drawn as they are")
        };
        assert_eq!((raw.len(), raw.status[0]), (100, Status::BAD_SENSOR_FAILURE));
        let Trend::Buckets { width, buckets } =
            plant.store.trend(PointId(1), Time(START), Time(end), 20).unwrap()
        else {
            panic!("many are not")
        };
        assert_eq!(width, Duration::from_secs(3 * 3600));
        assert_eq!(buckets.iter().map(|b| b.count).sum::<u64>(), 20_000);
        assert_eq!(buckets.iter().map(|b| b.good).sum::<u64>(), 18_000);
        assert_eq!((buckets[0].min, buckets[0].max, buckets[0].first), (1.0, 99.0, 1.0));
        let share = buckets[1].good_ns as f64 / width.as_nanos() as f64;
        assert!((share - 0.9).abs() < 0.01, "{share}");
        plant.store.compact().unwrap();
    }
}

#[test]
fn metadata_is_effective_dated() {
    let plant = Plant::new(options());
    plant.declare(1, "acme/leeds/boiler/pressure", "kPa");
    plant.send(&shape(1, 1), START + SECOND, floats([100.0]));
    plant.declare(1, "acme/leeds/boiler/pressure", "bar");
    plant.send(&shape(1, 1), START + 2 * SECOND, floats([1.0]));
    plant.store.flush();
    let plant = plant.restart();
    let unit = |t: i64| plant.store.metadata_at(PointId(1), Time(t)).unwrap().declaration.unit.clone();
    assert_eq!((unit(START), unit(START + 2 * SECOND)), ("kPa".into(), "bar".into()));
    assert_eq!(plant.store.metadata_history(PointId(1)).len(), 2);
    assert_eq!(plant.store.find("ACME/leeds/boiler/Pressure"), Some(PointId(1)));
    assert!(plant.dir.path().join("history/points.parquet").exists());
}
