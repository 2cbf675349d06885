//! Formats: a fixture of each version, and refusal of newer ones in words.

use crate::plant::{Plant, options};
use model::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::StoreError;
use store::run::{Few, Run, Stamps, Values};
use store::segment::read::Segment;
use store::segment::write::{Levels, Writer};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn describe(path: &Path) -> String {
    let segment = Segment::open(path).unwrap();
    let line = |p: &u32| {
        let (group, run) = segment.places(*p).next().unwrap();
        let run = segment.group(group).unwrap().run(run).unwrap();
        let row = |r: usize| {
            let (time, seq) = (run.stamps.time[r], run.stamps.seq[r]);
            format!("{time}/{}/{seq}:{:?}:{}", run.stamps.received_at(r), run.values.get(r), run.status_at(r))
        };
        format!("{p} {}", (0..run.len()).map(row).collect::<Vec<_>>().join(" "))
    };
    segment.points().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How `format-1.parquet` was made.
fn write_format_1(path: &Path) {
    let stamps = Arc::new(Stamps {
        time: vec![10, 20, 30],
        received: Some(vec![11, 21, 31]),
        seq: vec![5, 6, 7],
        flags: Few::Rows(vec![0, 1, 2]),
    });
    let run = |point: u32, values: Values| {
        Arc::new(Run {
            point,
            stamps: Arc::clone(&stamps),
            values,
            status: Few::Rows(vec![0, 0x8005_0000, 0]),
        })
    };
    let runs = [
        run(1, Values::F64(vec![0.1, -0.0, 1e300])),
        run(2, Values::I64(vec![i64::MIN, 0, i64::MAX])),
        run(3, Values::Mixed(vec![Value::Text("on".into()), Value::None, Value::Bytes(vec![1, 255].into())])),
        run(4, Values::Bool(vec![true, false, true])),
        run(5, Values::U64(vec![u64::MAX, 1, 0])),
    ];
    let mut writer = Writer::new(std::fs::File::create(path).unwrap(), Levels::SMALL).unwrap();
    writer.group(9, &runs).unwrap();
    writer.finish(|_, _| "{}".into()).unwrap();
}

#[test]
fn version_1_stays_readable() {
    let want = std::fs::read_to_string(fixture("format-1.txt")).unwrap();
    assert_eq!(describe(&fixture("format-1.parquet")), want.trim_end());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("now.parquet");
    write_format_1(&path);
    assert_eq!(describe(&path), want.trim_end(), "what is written today says the same");
}

/// Makes the fixture of a new version: `cargo test -p store -- --ignored make_fixture`, once, and never again.
#[test]
#[ignore = "makes the fixture"]
fn make_fixture() {
    let path = fixture("format-1.parquet");
    assert!(!path.exists(), "a fixture is never made anew");
    write_format_1(&path);
    std::fs::write(fixture("format-1.txt"), describe(&path)).unwrap();
}

#[test]
fn a_newer_segment_is_refused_in_words() {
    let bytes = std::fs::read(fixture("format-1.parquet")).unwrap();
    let key = b"ironbridge.format";
    let at = bytes.windows(key.len()).position(|w| w == key).unwrap() + key.len();
    let digit = at + bytes[at..].iter().position(|b| *b == b'1').unwrap();
    let mut newer = bytes;
    newer[digit] = b'9';
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.parquet");
    std::fs::write(&path, newer).unwrap();
    let error = Segment::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9, known: 1, .. }), "{error}");
    assert!(error.to_string().contains("newer Ironbridge"));
}

#[test]
fn a_newer_catalogue_is_refused_in_words() {
    let plant = Plant::new(options());
    plant.store.flush();
    plant.store.close();
    let history = plant.dir.path().join("history");
    let newer = r#"{"format":99,"next":1,"consumed":0,"expired":0,"segments":[]}"#;
    std::fs::write(history.join("segments/catalogue.json"), newer).unwrap();
    let clock: Arc<dyn model::Clock> = plant.clock.clone();
    let error = store::Store::offline(&history, clock).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }));
    assert!(error.to_string().contains("newer Ironbridge"), "{error}");
}
