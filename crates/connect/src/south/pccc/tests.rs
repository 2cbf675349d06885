use super::*;
use model::{Access, Path};

fn built(text: &str) -> Built<dyn Driver> {
    let document = Document::parse("connections/press.toml", text).unwrap();
    build(&document, &Context::new("press", Path::new("acme/leeds").unwrap(), "")).unwrap()
}

#[test]
fn the_sample_becomes_points() {
    assert!(include_str!("README.md").contains(KIND.sample.trim()));
    let built = built(KIND.sample);
    let words: Vec<(&str, &str)> =
        built.points.iter().map(|point| (point.path.last(), point.source.as_str())).collect();
    assert_eq!(
        words,
        [
            ("dwell", "T4:3.ACC i16"),
            ("force", "F8:2 f32"),
            ("guard", "I:1/3 bool"),
            ("pressure", "N7:12 i16"),
            ("program", "ST9:0 text"),
            ("running", "B3:0/4 bool"),
            ("strokes", "C5:0.ACC i16"),
            ("target", "N7:20 i16"),
        ]
    );
    assert!(matches!(built.points[7].access, Access::Write(_)));
    assert_eq!(built.endpoint, "10.20.1.40:44818");
    let layout = built.it.layout();
    assert_eq!(layout.devices[0].excluded, ["N7:100-199"]);
    let groups: Vec<(&str, Option<usize>)> = layout
        .groups
        .iter()
        .enumerate()
        .map(|(index, group)| (group.class.as_str(), built.it.requests(index)))
        .collect();
    // Two files are fast; of the others each file is one request.
    assert_eq!(groups, [("fast", Some(2)), ("normal", Some(6))]);
}
