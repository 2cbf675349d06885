//! Formats: a fixture of each version, and refusal of newer ones in words.

use crate::plant::{Plant, options};
use store::segment::read::Segment;
use store::StoreError;

#[test]
fn version_1_stays_readable() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1.parquet");
    let segment = Segment::open(&path).unwrap();
    assert_eq!(segment.points(), [1, 2, 3, 4]);
    let text: Vec<String> = segment
        .points()
        .iter()
        .map(|p| {
            let (group, run) = segment.places(*p).next().unwrap();
            let run = segment.group(group).unwrap().run(run).unwrap();
            let rows = (0..run.len()).map(|r| format!("{}:{:?}:{}", run.stamps.time[r], run.values.get(r), run.status_at(r)));
            format!("{p} {}", rows.collect::<Vec<_>>().join(" "))
        })
        .collect();
    let want = include_str!("../fixtures/format-1.txt");
    assert_eq!(text.join("\n"), want.trim_end());
}

#[test]
fn a_newer_catalogue_is_refused_in_words() {
    let plant = Plant::new(options());
    plant.store.flush();
    plant.store.close();
    let history = plant.dir.path().join("history");
    std::fs::write(history.join("segments/catalogue.json"), r#"{"format":99,"next":1,"consumed":0,"expired":0,"segments":[]}"#).unwrap();
    let clock: std::sync::Arc<dyn model::Clock> = plant.clock.clone();
    let error = store::Store::offline(&history, clock).err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }));
    assert!(error.to_string().contains("newer Ironbridge"), "{error}");
}
