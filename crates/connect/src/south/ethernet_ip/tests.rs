//! The configuration: what it becomes, and every mistake with what to write.

use super::KIND;
use crate::kind::{Built, Context};
use crate::south::Driver;
use model::config::{Diagnostic, Document};
use model::{Access, Path, ValueType};

fn build(text: &str) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let document = Document::parse("connections/line-1.toml", text)?;
    (KIND.build)(&document, &Context::new("line-1", Path::new("acme/leeds").unwrap(), ""))
}

#[test]
fn the_sample_becomes_points() {
    assert!(include_str!("README.md").contains(KIND.sample.trim()));
    let built = build(KIND.sample).unwrap();
    let point = |path: &str| {
        let path = format!("acme/leeds/packaging/line-1/filler/{path}");
        built.points.iter().find(|point| point.path.as_str() == path).unwrap()
    };
    assert_eq!((point("fault").value_type, point("state").value_type), (ValueType::Bool, ValueType::I64));
    assert_eq!((point("batch").value_type, point("level").value_type), (ValueType::Text, ValueType::F64));
    assert_eq!(point("target").source, "Line1.TargetSpeed f32");
    assert!(matches!(point("target").access, Access::Write(_)));
    assert_eq!(built.endpoint, "10.20.1.15:44818");
    let layout = built.it.layout();
    assert_eq!(layout.devices[0].unit, "route 1,0");
    assert_eq!(layout.groups.iter().map(|group| group.points.len()).sum::<usize>(), 7);
    assert!(built.expected.iter().any(|traffic| traffic.function == 0x4D), "it may write");
}

/// Each line with `# ! words` has a mistake that says so, and there is no other.
#[test]
fn every_mistake_stands_where_it_is() {
    for text in [include_str!("cases/wrong-keys.toml"), include_str!("cases/wrong-meaning.toml")] {
        let found = build(text).unwrap_err();
        let mut expected = 0;
        for (number, line) in text.lines().enumerate() {
            let Some((_, words)) = line.split_once("# ! ") else { continue };
            expected += 1;
            let here = format!(":{}: ", number + 1);
            let fits = |found: &&Diagnostic| {
                let said = found.to_string();
                said.contains(&here) && said.contains(words)
            };
            assert!(found.iter().any(|found| fits(&found)), "{line}\n{found:#?}");
        }
        assert_eq!(found.len(), expected, "{found:#?}");
    }
}

#[test]
fn slots_are_not_shared() {
    let text = "kind = \"ethernet-ip\"\nhost = \"h\"\n[device.a]\ntags = { x = { at = \"X\" } }\n[device.b]\nslot = 0\ntags = { x = { at = \"X\" } }\n[device.c]\nslot = 1\nroute = \"1,1\"\n";
    let found: Vec<String> = build(text).unwrap_err().iter().map(ToString::to_string).collect();
    assert!(found.iter().any(|m| m.contains("the devices `a` and `b` have the same route 1,0")), "{found:?}");
    assert!(found.iter().any(|m| m.contains("`slot` and `route` are two ways")), "{found:?}");
}
