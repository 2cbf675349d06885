//! Every mistake at once, with its line and what to write.

use crate::kind::{Built, Context};
use crate::south::Driver;
use crate::south::s7::KIND;
use model::config::{Diagnostic, Document};
use model::{Access, Path, ValueType};

fn build(text: &str) -> Result<Built<dyn Driver>, Vec<Diagnostic>> {
    let document = Document::parse("connections/line-1.toml", text)?;
    let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), "");
    (KIND.build)(&document, &context)
}

#[test]
fn the_sample_builds_and_stands_in_the_readme() {
    assert!(include_str!("../README.md").contains(KIND.sample.trim()));
    let built = build(KIND.sample).unwrap();
    let point = |path: &str| {
        let path = format!("acme/leeds/pressing/press-4/{path}");
        built.points.iter().find(|p| p.path.as_str() == path).unwrap_or_else(|| panic!("{path}")).clone()
    };
    assert_eq!(point("force").source, "DB10.DBD4 f32");
    assert_eq!((point("oil").value_type, point("oil").range), (ValueType::F64, Some((0.0, 120.0))));
    assert_eq!(point("recipe").source, "DB10.DBB20 string 16");
    assert_eq!((point("cpu").states[&8].as_str(), point("cpu").source.as_str()), ("RUN", "cpu.state"));
    assert!(matches!(point("target").access, Access::Write(_)));
    assert_eq!(built.endpoint, "10.20.1.21:102 TSAP 03.01");
    let functions: std::collections::BTreeSet<u8> = built.expected.iter().map(|e| e.function).collect();
    assert_eq!(functions.into_iter().collect::<Vec<_>>(), [0, 4, 5], "{:?}", built.expected);
}

#[track_caller]
fn mistakes(tags: &str, expected: &[&str]) {
    let text =
        format!("kind = \"s7\"\nhost = \"plc\"\n[device.a]\nexclude = [\"DB9\"]\n[device.a.tags]\n{tags}");
    let found: Vec<String> = build(&text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found} lacks {expected}");
    }
}

#[test]
fn what_is_wrong_with_a_tag() {
    for (tag, words) in [
        ("{ at = \"DB1.DBD4\" }", "`type` is missing"),
        ("{ at = \"DB1.DBD4\", type = \"INT\" }", "a word is written like DB1.DBW4"),
        ("{ at = \"DB1.DBW4\", type = \"BOOL\" }", "a bit is written like"),
        ("{ at = \"DB1.DBB4\", type = \"REAL\" }", "a double word is written like"),
        ("{ at = \"DB1.DBW4\", type = \"LREAL\" }", "with the byte they begin at"),
        ("{ at = \"DB1.DBB4\", type = \"STRING\" }", "needs `length`"),
        ("{ at = \"DB1.DBB4\", type = \"STRING\", length = 300 }", "at most 254"),
        ("{ at = \"DB1.DBW4\", type = \"INT\", length = 3 }", "only a STRING"),
        ("{ at = \"DB9.DBW4\", type = \"INT\" }", "`exclude` range"),
        ("{ at = \"IW4\", type = \"INT\", write = {} }", "cannot be written"),
        ("{ at = \"cpu.state\", write = {} }", "cannot be written"),
        ("{ at = \"T5\", type = \"REAL\" }", "is a s5time"),
        ("{ at = \"DB1.DBW4\", type = \"INTEGER\" }", "INTEGER"),
        ("{ at = \"40001\", type = \"INT\" }", "no such area"),
    ] {
        mistakes(&format!("x = {tag}\n"), &[words]);
    }
}

#[test]
fn what_is_wrong_with_the_file() {
    let tags = "[device.a]\ntags = { x = { at = \"M0.0\" } }\n";
    let found = |keys: &str| {
        let found = build(&format!("kind = \"s7\"\nhost = \"plc\"\n{keys}\n{tags}")).unwrap_err();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert!(
        found("slot = 2\ntsap = { local = \"01.00\", remote = \"02.00\" }")[0]
            .contains("rack and slot, or tsap")
    );
    assert!(found("tsap = { local = \"01.00\", remote = \"2\" }")[0].contains("no selector"));
    assert!(found("slot = 40")[0].contains("31"));
    assert!(found("slto = 2")[0].contains("did you mean `slot`"));
    assert!(found("pdu = 20")[0].contains("112"));
}

#[test]
fn cases_say_what_is_wrong_where() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/south/s7/cases");
    let mut cases = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let found: Vec<String> = build(&text).unwrap_err().iter().map(ToString::to_string).collect();
        for (number, line) in (1..).zip(text.lines()) {
            let Some((_, expected)) = line.split_once("# ! ") else { continue };
            let at = format!(":{number}:");
            let hit = found.iter().any(|found| found.contains(&at) && found.contains(expected));
            assert!(hit, "line {number} lacks `{expected}`: {found:#?}");
        }
        let marked = text.lines().filter(|line| line.contains("# ! ")).count();
        assert_eq!(found.len(), marked, "{found:#?}");
        cases += 1;
    }
    assert!(cases >= 2);
}
