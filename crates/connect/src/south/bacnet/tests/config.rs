//! Files: the sample, and mistakes at their lines.

use crate::kind::Context;
use crate::south::bacnet::KIND;
use crate::south::tags::read;
use model::Path;
use model::config::Document;

fn context() -> Context {
    Context::new("building", Path::new("acme/leeds").unwrap(), "")
}

#[test]
fn the_sample_builds_and_stands_in_the_readme() {
    assert!(include_str!("../README.md").contains(KIND.sample));
    let document = Document::parse("connections/building.toml", KIND.sample).unwrap();
    let built = (KIND.build)(&document, &context()).unwrap();
    let words: Vec<(&str, &str)> =
        built.points.iter().map(|point| (point.path.last(), point.source.as_str())).collect();
    assert_eq!(
        words,
        [
            ("filter", "binary-input 3 binary, told on change"),
            ("held", "analog-value 3 held, priority 10"),
            ("limit", "analog-input 1 high-limit real"),
            ("mode", "multi-state-value 2 unsigned, told on change"),
            ("setpoint", "analog-value 3 real, priority 10, told on change"),
            ("status", "device 1001 system-status enumerated"),
            ("supply", "analog-input 1 real, told on change"),
            ("temp", "analog-input 1 real"),
        ]
    );
    let layout = built.it.layout();
    let units: Vec<&str> = layout.devices.iter().map(|device| device.unit.as_str()).collect();
    assert_eq!(units, ["device 1001", "device 20007, network 2001 address 7"]);
    assert_eq!((built.endpoint.as_str(), built.security.level), ("10.20.1.40:47808", "none"));
    assert_eq!(built.expected.iter().filter(|traffic| traffic.function == 15).count(), 2);
}

#[test]
fn mistakes_are_told_at_their_lines() {
    for text in [include_str!("../cases/wrong-keys.toml"), include_str!("../cases/wrong-meaning.toml")] {
        let document = Document::parse("connections/building.toml", text).unwrap();
        let found = (KIND.build)(&document, &context()).err().unwrap();
        for (number, line) in text.lines().enumerate() {
            let here: Vec<_> = found.iter().filter(|mistake| mistake.line() == number + 1).collect();
            let told = line.split_once("# ! ").map_or(here.is_empty(), |(_, words)| {
                here.iter().any(|mistake| mistake.to_string().contains(words))
            });
            assert!(told, "line {}: {line}\n{here:?}\nall: {found:#?}", number + 1);
        }
    }
}

#[test]
fn a_file_says_where_the_devices_are() {
    for (head, words) in [
        ("", "neither `host` nor `bbmd`"),
        ("bbmd = { host = \"10.20.1.2\" }\n", ""),
        ("host = \"10.20.1.2\"\nlocal_port = 47808\n", ""),
    ] {
        let text = format!(
            "kind = \"bacnet-ip\"\n{head}[device.d]\ninstance = 1\n[device.d.tags]\na = {{ at = \"AI1\" }}\n"
        );
        let document = Document::parse("connections/building.toml", &text).unwrap();
        match (KIND.build)(&document, &context()) {
            Ok(built) => assert!(words.is_empty() && !built.claims.is_empty()),
            Err(found) => assert!(!words.is_empty() && found[0].to_string().contains(words), "{found:?}"),
        }
    }
}

#[test]
fn a_list_from_a_spreadsheet() {
    let list = read::<crate::south::bacnet::config::Tag>(
        "x.csv",
        "tag;at;priority;cov;unit\nsupply;AI1;;true;Cel\nset;AV3;10;;Cel\n",
    )
    .unwrap();
    assert_eq!((list.rows[0].entry.cov, list.rows[1].entry.priority), (Some(true), Some(10)));
}
