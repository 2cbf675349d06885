use super::*;
use crate::south::tags::read;
use model::Path;

#[test]
fn the_sample_becomes_points() {
    let document = Document::parse("connections/meter.toml", KIND.sample).unwrap();
    let built = build(&document, &Context::new("meter", Path::new("acme/leeds").unwrap(), "")).unwrap();
    let sources: Vec<&str> = built.points.iter().map(|point| point.source.as_str()).collect();
    assert_eq!(
        sources,
        [
            "/status#/breaker/closed bool",
            "/status#/energy_wh u64",
            "/about#/firmware text",
            "/status#/power/total f64",
            "/status#/phases/0/voltage f64",
        ]
    );
    assert_eq!(built.points[1].value_type, model::ValueType::F64, "scaled");
    assert_eq!((built.endpoint.as_str(), built.security.level), ("https://10.20.1.30/api", "tls"));
    let layout = built.it.layout();
    assert_eq!(layout.groups.iter().map(|group| group.points.len()).collect::<Vec<_>>(), [4, 1]);
}

#[test]
fn a_list_from_a_spreadsheet() {
    let list = read::<Entry>("x.csv", "tag,at,type\npower,/status#/power,F64\n").unwrap();
    assert_eq!(list.rows[0].entry.kind, Some(document::Type::F64));
}
