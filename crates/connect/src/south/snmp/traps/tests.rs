use super::words::{meaning, objects};
use super::*;
use async_snmp::{Oid, Value as Wire, VarBind};
use model::{EventKind, Path};

#[test]
fn the_sample_becomes_points_and_a_listener() {
    let document = Document::parse("connections/traps.toml", KIND.sample).unwrap();
    let built = build(&document, &Context::new("traps", Path::new("acme/leeds").unwrap(), "")).unwrap();
    assert_eq!(built.points.len(), 1);
    assert_eq!(built.points[0].path.as_str(), "acme/leeds/network/line-1-switch/port_1_now");
    assert_eq!(built.endpoint, "listens on UDP 0.0.0.0:1162");
    assert_eq!(built.security.level, "none", "as weak as its weakest device: {}", built.security.text);
    let layout = built.it.layout();
    assert_eq!((layout.devices.len(), layout.groups.len()), (2, 2));
}

#[test]
fn traps_have_names_and_what_they_carry_is_told_shortly() {
    let oid = |arcs: &[u32]| Oid::from_slice(arcs);
    let (name, kind, ..) = meaning(&oid(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 3]));
    assert_eq!((name.as_str(), kind), ("linkDown: a port has no link", EventKind::Fault));
    assert_eq!(meaning(&oid(&[1, 3, 6, 1, 6, 3, 1, 1, 5, 5])).1, EventKind::Finding);
    assert_eq!(meaning(&oid(&[1, 3, 6, 1, 4, 1, 9, 1])).0, "trap 1.3.6.1.4.1.9.1");
    let bind = |value| VarBind::new(oid(&[1, 3, 6, 1, 7]), value);
    let text = objects(&[
        bind(Wire::Integer(2)),
        bind(Wire::OctetString("a b".into())),
        bind(Wire::OctetString(vec![0, 255].into())),
    ]);
    assert_eq!(text, "It carries 1.3.6.1.7 = 2, 1.3.6.1.7 = \"a b\", 1.3.6.1.7 = 00 ff.");
    let long = objects(&vec![bind(Wire::OctetString("x".repeat(5_000).into())); 100]);
    assert!(long.len() < 2_500 && long.ends_with("and 88 more."), "{}", long.len());
}
