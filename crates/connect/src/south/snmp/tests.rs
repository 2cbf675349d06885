use super::oid::parse;
use super::types::Type;
use super::*;
use crate::south::tags::read;
use model::{Access, Path};

fn built(text: &str) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let document = Document::parse("connections/switch.toml", text)?;
    build(&document, &Context::new("switch", Path::new("acme/leeds").unwrap(), ""))
}

#[test]
fn the_sample_becomes_points() {
    let built = built(KIND.sample).unwrap();
    let words: Vec<(&str, &str)> =
        built.points.iter().map(|point| (point.path.last(), point.source.as_str())).collect();
    assert_eq!(
        words,
        [
            ("location", "sysLocation.0 text"),
            ("port_1", "ifOperStatus.1 integer"),
            ("port_1_in", "ifHCInOctets.1 counter"),
            ("processor", "1.3.6.1.2.1.25.3.3.1.2.1 integer"),
            ("uptime", "sysUpTime.0 ticks"),
        ]
    );
    assert!(matches!(built.points[0].access, Access::Write(_)));
    assert_eq!(built.endpoint, "10.20.1.2:161");
    assert_eq!(built.security.level, "encrypted");
    let layout = built.it.layout();
    let periods: Vec<u64> = layout.groups.iter().map(|group| group.period.as_secs()).collect();
    assert_eq!(periods, [10, 300]);
}

#[test]
fn objects_by_name_and_by_number_are_the_same() {
    let (named, kind) = parse("ifhcinoctets.12").unwrap();
    let (numbered, known) = parse(".1.3.6.1.2.1.31.1.1.1.6.12").unwrap();
    assert_eq!((named, kind, known), (numbered, Some(Type::Counter), Some(Type::Counter)));
    assert_eq!(parse("1.3.6.1.4.1.1.0").unwrap().1, None);
    for wrong in ["", "1", "1.3.6.1.2.1.1.3.0.x", "4.1.1", "1.40.1", "1.3.99999999999", "nowhere.0"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_list_from_a_spreadsheet() {
    let list = read::<Entry>("x.csv", "tag;at;type;unit\nup;sysUpTime.0;;s\nt;1.3.6.1.4.1.1.0;Integer;Cel\n")
        .unwrap();
    assert_eq!(list.rows[1].entry.kind, Some(Type::Integer));
    assert_eq!(list.rows[0].entry.at, "sysUpTime.0");
}
