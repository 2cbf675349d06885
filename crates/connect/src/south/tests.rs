//! Of all kinds together.

use super::link::ARRIVES;
use crate::kind::{Context, choose};
use model::Path;
use model::config::Document;

/// The lines of a case that end in `# ! words` have that mistake, and no others have one; a sample has none.
#[test]
fn samples_build_and_cases_name_each_mistake_at_its_line() {
    let context = Context::new("x", Path::new("acme/leeds").unwrap(), "");
    for text in [
        include_str!("mqtt/sample.toml"),
        include_str!("pccc/sample.toml"),
        include_str!("pccc/cases/wrong-keys.toml"),
        include_str!("pccc/cases/wrong-meaning.toml"),
        include_str!("snmp/traps-sample.toml"),
        include_str!("snmp/cases/traps-wrong-keys.toml"),
        include_str!("snmp/cases/traps-wrong-meaning.toml"),
        include_str!("syslog/sample.toml"),
        include_str!("syslog/eve-sample.toml"),
        include_str!("syslog/cases/wrong-keys.toml"),
        include_str!("syslog/cases/wrong-meaning.toml"),
        include_str!("syslog/cases/eve-wrong-meaning.toml"),
        include_str!("webhook/sample.toml"),
        include_str!("webhook/cases/wrong-keys.toml"),
        include_str!("webhook/cases/wrong-meaning.toml"),
        include_str!("mqtt/cases/wrong-keys.toml"),
        include_str!("mqtt/cases/wrong-meaning.toml"),
        include_str!("nats/sample.toml"),
        include_str!("nats/sample-hub.toml"),
        include_str!("nats/cases/wrong-keys.toml"),
        include_str!("nats/cases/wrong-meaning.toml"),
        include_str!("postgres/sample.toml"),
        include_str!("postgres/cases/wrong-keys.toml"),
        include_str!("postgres/cases/wrong-meaning.toml"),
        include_str!("sparkplug/sample.toml"),
        include_str!("sparkplug/cases/wrong-keys.toml"),
        include_str!("sparkplug/cases/wrong-meaning.toml"),
    ] {
        let document = Document::parse("connections/x.toml", text).unwrap();
        let kind = choose(super::KINDS, "connection", &document).unwrap();
        let found = (kind.build)(&document, &context).err().unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            let here: Vec<_> = found.iter().filter(|mistake| mistake.line() == number + 1).collect();
            let told = line.split_once("# ! ").map_or(here.is_empty(), |(_, words)| {
                here.iter().any(|mistake| mistake.to_string().contains(words))
            });
            assert!(told, "{} line {}: {line}\n{here:?}\nall: {found:#?}", kind.name, number + 1);
        }
    }
}

/// `apply` waits for what is read soon, and for nothing that comes by itself: the points must say which they are.
#[test]
fn points_that_come_by_themselves_say_so() {
    let context = Context::new("x", Path::new("acme/leeds").unwrap(), "");
    let mut kinds = Vec::new();
    for kind in super::KINDS {
        let document = Document::parse("connections/x.toml", kind.sample).unwrap();
        // Some samples name a list of tags beside them.
        let Ok(built) = (kind.build)(&document, &context) else { continue };
        for group in built.it.layout().groups.iter().filter(|group| group.class == ARRIVES) {
            for index in &group.points {
                let point = &built.points[*index];
                assert!(point.scan.is_zero(), "{}: {} every {:?}", kind.name, point.path, point.scan);
                kinds.push(kind.name);
            }
        }
    }
    kinds.dedup();
    assert!(kinds.len() >= 6, "{kinds:?}");
}
