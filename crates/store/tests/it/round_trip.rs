//! What is written is what is read, to the bit.

use model::Value;
use proptest::prelude::*;
use std::sync::Arc;
use store::codec::split::{Split, power, split};
use store::codec::{decode, encode};
use store::run::{Few, Run, Stamps, Values};
use store::segment::read::Segment;
use store::segment::write::{Levels, Writer};

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        (-1_000_000i64..1_000_000, 0u8..6).prop_map(|(k, s)| k as f64 / power(s)),
        Just(f64::NAN),
        Just(-0.0),
        Just(f64::INFINITY),
        Just(f64::MIN_POSITIVE),
        Just(f64::from_bits(0x7FF8_0000_0000_0001)),
        Just(f64::MAX),
        any::<f32>().prop_map(f64::from),
    ]
}

fn integer() -> impl Strategy<Value = i64> {
    prop_oneof![any::<i64>(), -100i64..100, Just(i64::MIN), Just(i64::MAX), Just(0)]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        integer().prop_map(Value::I64),
        any::<u64>().prop_map(Value::U64),
        double().prop_map(Value::F64),
        "\\PC{0,12}".prop_map(|t| Value::Text(t.into())),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|b| Value::Bytes(b.into())),
    ]
}

fn values(rows: usize) -> impl Strategy<Value = Values> {
    prop_oneof![
        prop::collection::vec(double(), rows).prop_map(Values::F64),
        (0u8..4, prop::collection::vec(-5000i64..5000, rows))
            .prop_map(|(s, v)| Values::F64(v.into_iter().map(|k| k as f64 / power(s)).collect())),
        prop::collection::vec(integer(), rows).prop_map(Values::I64),
        prop::collection::vec(any::<u64>(), rows).prop_map(Values::U64),
        prop::collection::vec(any::<bool>(), rows).prop_map(Values::Bool),
        prop::collection::vec(value(), rows).prop_map(Values::Mixed),
    ]
}

fn stamps(rows: usize) -> impl Strategy<Value = Stamps> {
    let few = prop_oneof![Just(false), any::<bool>()];
    (prop::collection::vec(0i64..5_000_000_000, rows), any::<i32>(), few, any::<bool>()).prop_map(
        move |(mut time, seq, flags, late)| {
            time.sort_unstable();
            let received = late.then(|| time.iter().map(|t| t + 7).collect());
            let seq = (0..rows as i64).map(|i| i64::from(seq) + i * 3).collect();
            let flags =
                if flags { Few::Rows((0..rows).map(|i| (i % 3) as u8).collect()) } else { Few::All(2) };
            Stamps { time, received, seq, flags }
        },
    )
}

fn groups() -> impl Strategy<Value = Vec<Vec<Run>>> {
    let group = (0usize..700, 1usize..5).prop_flat_map(|(rows, points)| {
        let status =
            prop_oneof![Just(Few::All(0)), prop::collection::vec(any::<u32>(), rows).prop_map(Few::Rows)];
        (
            stamps(rows),
            prop::collection::vec((values(rows), status, stamps(rows), prop::bool::weighted(0.2)), points),
        )
    });
    prop::collection::vec(group, 1..4).prop_map(|groups| {
        let mut point = 0;
        let mut all = Vec::new();
        for (shared, runs) in groups {
            let shared = Arc::new(shared);
            let mut group = Vec::new();
            for (values, status, own, alone) in runs {
                point += 3;
                let stamps = if alone { Arc::new(own) } else { Arc::clone(&shared) };
                group.push(Run { point, stamps, values, status });
            }
            all.push(group);
        }
        all
    })
}

fn same(a: &Run, b: &Run) {
    assert_eq!(a.len(), b.len());
    assert_eq!(a.stamps.time, b.stamps.time);
    assert_eq!(a.stamps.seq, b.stamps.seq);
    for row in 0..a.len() {
        assert_eq!(a.stamps.received_at(row), b.stamps.received_at(row));
        assert_eq!(a.stamps.flags.get(row), b.stamps.flags.get(row));
        assert_eq!(a.status.get(row), b.status.get(row));
        let (x, y) = (a.values.get(row), b.values.get(row));
        assert!(x.same(&y), "row {row}: {x:?} became {y:?}");
    }
}

fn check(groups: Vec<Vec<Run>>, levels: Levels) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.parquet");
    let mut writer = Writer::new(std::fs::File::create(&path).unwrap(), levels).unwrap();
    let groups: Vec<Vec<Arc<Run>>> =
        groups.into_iter().map(|g| g.into_iter().map(Arc::new).collect()).collect();
    for (at, group) in groups.iter().enumerate() {
        writer.group(at as u64 + 1, group).unwrap();
    }
    let (_, rows, _) = writer.finish(|_, _| String::new()).unwrap();
    assert_eq!(rows as usize, groups.iter().flatten().map(|r| r.len()).sum::<usize>());
    let segment = Segment::open(&path).unwrap();
    for run in groups.iter().flatten() {
        let mut parts = Vec::new();
        for (group, at) in segment.places(run.point) {
            let info = *segment.info(group, at).unwrap();
            let part = segment.group(group).unwrap().run(at).unwrap();
            assert_eq!(
                (part.stamps.time.first(), part.stamps.time.last()),
                (Some(&info.from), Some(&info.to))
            );
            parts.push(Arc::new(part));
        }
        if let Some(whole) = store::run::join(parts) {
            same(run, &whole);
        } else {
            assert!(run.is_empty());
        }
    }
    // The library's own reader agrees on the whole.
    let file = std::fs::File::open(&path).unwrap();
    let batches = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .unwrap()
        .build()
        .unwrap();
    let mut numbers = 0i128;
    let mut count = 0;
    for batch in batches {
        let batch = batch.unwrap();
        count += batch.num_rows() as u64;
        let times =
            batch.column(1).as_any().downcast_ref::<arrow::array::TimestampNanosecondArray>().unwrap();
        let seqs = batch.column(3).as_any().downcast_ref::<arrow::array::Int64Array>().unwrap();
        numbers += (0..batch.num_rows())
            .map(|r| i128::from(times.value(r)) * 3 + i128::from(seqs.value(r)))
            .sum::<i128>();
    }
    assert_eq!(count, rows);
    let want = groups.iter().flatten().flat_map(|r| r.stamps.time.iter().zip(&r.stamps.seq));
    assert_eq!(numbers, want.map(|(t, s)| i128::from(*t) * 3 + i128::from(*s)).sum::<i128>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn segments_keep_every_bit(groups in groups()) {
        check(groups, Levels::FAST);
    }

    #[test]
    fn split_is_exact(v in prop::collection::vec(double(), 0..300)) {
        let back: Vec<f64> = match split(&v) {
            Split::Real => v.clone(),
            Split::Decimal(s, n) => n.iter().map(|n| *n as f64 / power(s)).collect(),
            Split::Mixed(s, n) => n.iter().zip(&v).map(|(n, v)| n.map_or(*v, |n| n as f64 / power(s))).collect(),
        };
        prop_assert_eq!(v.len(), back.len());
        for (a, b) in v.iter().zip(&back) {
            prop_assert_eq!(a.to_bits(), b.to_bits());
        }
    }

    #[test]
    fn deltas_come_back(v in prop::collection::vec(integer(), 0..3000)) {
        let mut out = Vec::new();
        encode::delta_values(&v, &mut out);
        prop_assert_eq!(&decode::delta(&out, v.len()).unwrap(), &v);
        out.clear();
        encode::delta_stamps(&[&v], &mut out);
        prop_assert_eq!(&decode::delta(&out, v.len()).unwrap(), &v);
    }

    #[test]
    fn hybrid_comes_back(runs in prop::collection::vec((0u32..9, 1usize..40), 0..60)) {
        let mut all = encode::Runs::default();
        runs.iter().for_each(|(v, n)| all.push(*v, *n));
        let flat: Vec<u32> = runs.iter().flat_map(|(v, n)| std::iter::repeat_n(*v, *n)).collect();
        let mut out = Vec::new();
        encode::hybrid(&all, 4, &mut out);
        prop_assert_eq!(decode::hybrid(&out, 4, flat.len()).unwrap(), flat);
    }

    #[test]
    fn hostile_bytes_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in 0usize..500) {
        let _ = decode::delta(&bytes, rows);
        let _ = decode::hybrid(&bytes, 5, rows);
        let _ = decode::byte_stream_split(&bytes, rows);
        let _ = store::segment::index::Index::decode(&bytes);
    }
}

#[test]
fn shared_times_are_repeated_not_rewritten() {
    for rows in [128usize, 256, 10_240, 1000] {
        let stamps = Arc::new(Stamps {
            time: (0..rows as i64).map(|i| i * 1_000_000_000 + (i * 7919 % 4) * 1_000_000).collect(),
            received: None,
            seq: (0..rows as i64).map(|i| i * 20 + i % 3).collect(),
            flags: Few::All(2),
        });
        let run = |p: u32| Run {
            point: p,
            stamps: Arc::clone(&stamps),
            values: Values::I64(vec![i64::from(p); rows]),
            status: Few::All(0),
        };
        check(vec![(1..60).map(run).collect()], Levels::SMALL);
    }
}
