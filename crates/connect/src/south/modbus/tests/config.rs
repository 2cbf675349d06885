//! Every mistake at once, with its line and what to write.

use crate::kind::{Binding, Context};
use crate::south::{self, Driver};
use model::config::{Diagnostic, Document};
use model::{Access, Confirm, Path, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

fn context() -> Context {
    Context::new("line-1", Path::new("acme/leeds").unwrap(), "")
}

fn build(text: &str, context: &Context) -> Result<crate::kind::Built<dyn Driver>, Vec<Diagnostic>> {
    let document = Document::parse("connections/line-1.toml", text)?;
    let kind = document.root.get("kind").and_then(|node| node.as_text()).unwrap();
    (crate::kind::find(south::KINDS, kind).unwrap().build)(&document, context)
}

#[track_caller]
fn mistakes(text: &str, expected: &[&str]) {
    let found: Vec<String> = build(text, &context()).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{found:#?}");
}

#[test]
fn samples_build_and_stand_in_the_readme() {
    let readme = include_str!("../README.md");
    for kind in south::KINDS.iter().filter(|kind| kind.name.starts_with("modbus")) {
        assert!(readme.contains(kind.sample), "README.md lacks the sample of {}", kind.name);
        let schema = (kind.schema)();
        let document = Document::parse("sample.toml", kind.sample).unwrap();
        assert_eq!(model::config::check(&document, &schema), [], "{}", kind.name);
        if kind.name == "modbus-tls" {
            // Its certificates do not exist here; that must be its only mistake.
            let found = (kind.build)(&document, &context()).unwrap_err();
            assert!(found.len() == 1 && found[0].message.contains("plant-ca.pem"), "{found:?}");
            continue;
        }
        let built = (kind.build)(&document, &context()).unwrap();
        assert!(
            !built.points.is_empty() && !built.expected.is_empty() && !built.claims.is_empty(),
            "{}",
            kind.name
        );
    }
}

#[test]
fn the_contract_example_becomes_points() {
    let binding = Binding {
        path: Path::new("acme/leeds/packaging/line-1/filler/Speed").unwrap(),
        was: vec![Path::new("acme/leeds/old/speed").unwrap()],
        contract: None,
    };
    let mut context = context();
    context.bindings = Arc::new(BTreeMap::from([("line-1.filler.speed".to_owned(), binding)]));
    let built = build(south::modbus::TCP.sample, &context).unwrap();
    let point = |path: &str| {
        let path = format!("acme/leeds/packaging/line-1/filler/{path}");
        built
            .points
            .iter()
            .find(|p| p.path.as_str() == path)
            .unwrap_or_else(|| panic!("{path}: {:?}", built.points))
    };
    let speed = point("Speed");
    assert_eq!((speed.unit.as_str(), speed.source.as_str()), ("/min", "holding 100 (40101) f32 CDAB"));
    assert_eq!(speed.scan.as_millis(), 250);
    assert_eq!(speed.was[0].as_str(), "acme/leeds/old/speed");
    assert_eq!(point("level").range, Some((0.0, 100.0)));
    assert_eq!(point("state").states[&1], "Execute");
    assert_eq!(point("jam").source, "holding 120.3 (40121.3) bool");
    let Access::Write(rule) = &point("target").access else { panic!("not writable") };
    assert_eq!(
        (rule.min, rule.max, rule.step, &rule.confirm),
        (Some(0.0), Some(600.0), Some(50.0), &Confirm::Readback)
    );
    assert_eq!(built.endpoint, "10.20.1.11:502");
    let functions: std::collections::BTreeSet<u8> = built.expected.iter().map(|e| e.function).collect();
    assert_eq!(functions.into_iter().collect::<Vec<_>>(), [1, 2, 3, 5, 16], "{:?}", built.expected);
    let target = built
        .expected
        .iter()
        .find(|one| one.point.as_ref().is_some_and(|point| point.path.as_str().ends_with("/target")));
    let (target, asked) = (target.unwrap(), Value::F64(240.5));
    assert_eq!((target.host.as_ref(), target.unit, target.function, target.count), ("10.20.1.11", 1, 16, 2));
    let coding = target.coding.as_ref().unwrap();
    // 240.5 as a single with the low word first, as the file has it.
    let seen = [0x80, 0, 0x43, 0x70];
    assert_eq!(coding.value(&seen), Some(asked.clone()));
    assert!(coding.agrees(&asked, &seen) && !coding.agrees(&Value::F64(240.0), &seen));
}

#[test]
fn schema_mistakes_come_first_and_together() {
    mistakes(
        "kind = \"modbus-tcp\"\nprot = 502\ntimeout = \"soon\"\n[device.a]\nunit = 300\n[device.a.tags]\nx = { at = \"40001\", type = \"int16\" }\ny = { at = 40001 }\n",
        &[
            "connections/line-1.toml:1: `host` is missing (write `host = ...`: Name or address of the device or gateway, e.g. \"10.20.1.11\")",
            "connections/line-1.toml:2: `prot` is not known (did you mean `port`?)",
            "connections/line-1.toml:3: `timeout` is no length of time (write it like \"250ms\", \"1s\", \"10min\", \"2h\")",
            "connections/line-1.toml:5: `device.a.unit` is above 255 (write 255 or less)",
            "connections/line-1.toml:7: `device.a.tags.x.type` cannot be \"int16\" (did you mean \"i16\"? Possible: bool, i16, u16, i32, u32, i64, u64, f32, f64, bcd16, bcd32, text)",
            "connections/line-1.toml:8: `device.a.tags.y.at` must be a text in quotes, not a whole number (Where it is: \"40101\" (Modicon, 1-based) or \"holding 100\" (wire offset); a bit as \"40120.3\")",
        ],
    );
}

#[test]
fn semantic_mistakes_with_their_lines() {
    mistakes(
        r#"kind = "modbus-tcp"
host = "plc"
scan = { fast = "1ms", slow = "5s" }
[device.a]
at = "pack/line 1"
exclude = ["40010-40019", "900-999"]
[device.a.tags]
bare = { at = "101", type = "i16", scan = "fast" }
untyped = { at = "40001", scan = "fast" }
classless = { at = "40001", type = "i16" }
unknown = { at = "40002", type = "i16", scan = "fats" }
inside = { at = "40012", type = "i16", scan = "slow" }
raw = { at = "40020", type = "i16", scan = "slow", raw = [0, 100] }
both = { at = "40021", type = "i16", scan = "slow", raw = [0, 1], range = [0, 1], scale = 2 }
bit = { at = "coil 5", type = "i16", scan = "slow" }
text = { at = "40030", type = "text", scan = "slow" }
input = { at = "30001", type = "i16", scan = "slow", write = { min = 5, max = 1 } }
state = { at = "40040", type = "u16", scan = "slow", states = { idle = "Idle" } }
end = { at = "465536", type = "f32", scan = "slow" }
"b d" = { at = "40050", type = "i16", scan = "slow" }
[device.b]
"#,
        &[
            "connections/line-1.toml:3: scan class `fast` is faster than every 5 ms (write 5ms or more)",
            "connections/line-1.toml:5: `pack/line 1` is no path: `line 1` has the character ` `; a segment may use A-Z, a-z, 0-9, `_` and `-` (write it like \"packaging/line-1/filler\")",
            "connections/line-1.toml:6: `900` does not say its table, nor whether it counts from 0 or from 1 (write a Modicon number like \"40101\" (1-based) or the wire offset like \"holding 100\", \"input 100\", \"coil 5\", \"discrete 7\"; is it \"holding 900\"?)",
            "connections/line-1.toml:8: `101` does not say its table, nor whether it counts from 0 or from 1 (write a Modicon number like \"40101\" (1-based) or the wire offset like \"holding 100\", \"input 100\", \"coil 5\", \"discrete 7\"; is it \"holding 101\"?)",
            "connections/line-1.toml:9: `type` is missing: registers do not say what they hold (write type = \"i16\" or another of bool, i16, u16, i32, u32, i64, u64, f32, f64, bcd16, bcd32, text)",
            "connections/line-1.toml:10: this tag names no scan class, and there is no class `normal` (write scan = \"fast\", or name one of the classes normal)",
            "connections/line-1.toml:11: scan class `fats` is not known (scan classes of this connection: fast, slow)",
            "connections/line-1.toml:12: holding 11 lies in an `exclude` range of the device (move one of them)",
            "connections/line-1.toml:13: `raw` needs `range`: the values that the raw numbers stand for (write e.g. raw = [0, 27648], range = [0, 100])",
            "connections/line-1.toml:14: `raw` and `scale`/`offset` are two ways to say the same (keep one of them)",
            "connections/line-1.toml:15: `coil 5` is a single bit, so its type is bool, not i16 (leave out `type`, or point at a register)",
            "connections/line-1.toml:16: a text needs `length` (write length = 16 (characters))",
            "connections/line-1.toml:17: input 0 cannot be written: Modbus knows no way to write this table (use a holding register or a coil, or leave out `write`)",
            "connections/line-1.toml:17: `min` 5 is above `max` 1 (swap them)",
            "connections/line-1.toml:18: `idle` in `states` is no whole number (write states = { 0 = \"Idle\", 1 = \"Execute\" })",
            "connections/line-1.toml:19: holding 65535 with 2 registers runs past 65535 (the last register of a table has the wire offset 65535)",
            "connections/line-1.toml:20: `b d` is no name for a tag: `b d` has the character ` `; a segment may use A-Z, a-z, 0-9, `_` and `-` (rename the tag; its display name (`name`) is free)",
            "connections/line-1.toml:21: the devices `a` and `b` have the same unit id 1 (give each device of an endpoint its own unit id, or put the tags into one device)",
        ],
    );
}

#[test]
fn paths_must_differ_and_something_must_be_read() {
    mistakes(
        "kind = \"modbus-tcp\"\nhost = \"plc\"\n[device.a]\nat = \"x\"\ntags = { s = { at = \"40001\", type = \"i16\" }, S = { at = \"40002\", type = \"i16\" } }\n",
        &[
            "connections/line-1.toml:5: `a.s` and `a.S` have the same path acme/leeds/x/s (rename one; case is ignored)",
        ],
    );
    mistakes(
        "kind = \"modbus-tcp\"\nhost = \"plc\"\n[device.a]\nat = \"x\"\n",
        &[
            "connections/line-1.toml:3: no device has a tag, so nothing would be read (add e.g. [device.filler.tags] with speed = { at = \"40101\", type = \"f32\" })",
        ],
    );
    mistakes(
        "kind = \"modbus-rtu-tcp\"\nhost = \"plc\"\nport = 4001\npipeline = 4\n[device.a]\nsafety = true\ntags = { s = { at = \"40001\", type = \"i16\", write = {} } }\n",
        &[
            "connections/line-1.toml:4: a serial line answers one request at a time (leave `pipeline` out; it is for Modbus TCP)",
            "connections/line-1.toml:7: points of a safety controller are never writable (leave out `write`, or `safety` if this is none)",
        ],
    );
}

#[test]
fn tags_from_a_spreadsheet_join_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let list = "tag;at;type;unit\nlevel;40110;i16;%\ntemp;30001;i16;Cel\n";
    std::fs::create_dir(folder.path().join("connections")).unwrap();
    std::fs::write(folder.path().join("connections/a.csv"), list).unwrap();
    let context = Context::new("line-1", Path::new("acme/leeds").unwrap(), folder.path());
    let text = "kind = \"modbus-tcp\"\nhost = \"plc\"\n[device.a]\nat = \"x\"\ntags_file = \"a.csv\"\ntags = { speed = { at = \"40001\", type = \"f32\" } }\n";
    let built = build(text, &context).unwrap();
    let paths: Vec<&str> = built.points.iter().map(|p| p.path.as_str()).collect();
    assert_eq!(paths, ["acme/leeds/x/speed", "acme/leeds/x/level", "acme/leeds/x/temp"]);
    std::fs::write(folder.path().join("connections/a.csv"), "tag,at,type\nlevel,110,i16\n").unwrap();
    let found = build(text, &context).unwrap_err();
    assert!(found[0].to_string().starts_with("a.csv:2: `110` does not say its table"), "{found:?}");
    std::fs::remove_file(folder.path().join("connections/a.csv")).unwrap();
    let found = build(text, &context).unwrap_err();
    assert!(
        found[0].to_string().starts_with("connections/line-1.toml:5: `a.csv` cannot be read"),
        "{found:?}"
    );
}

#[test]
fn the_rule_of_a_write_is_read_whole_and_its_mistakes_are_named() {
    let file = |write: &str| {
        format!(
            "kind = \"modbus-tcp\"\nhost = \"plc\"\n[device.a]\nat = \"line\"\n[device.a.tags]\nt = {{ at = \"40001\", type = \"i16\", write = {write} }}\n"
        )
    };
    let whole = "{ tolerance = 0.5, rate = { writes = 6, per = \"1min\" }, role = \"engineer\", approval = \"administrator\", \
                 interlock = { allow_if = \"guard && speed < 10\", points = { guard = \"line/guard\", speed = \"line/speed\" } } }";
    let built = build(&file(whole), &context()).unwrap();
    let Access::Write(rule) = &built.points[0].access else { panic!("not writable") };
    let rate = rule.rate.unwrap();
    assert_eq!((rule.tolerance, rate.writes, rate.per.as_secs()), (Some(0.5), 6, 60));
    assert_eq!((rule.role, rule.approval), (Some(model::Role::Engineer), Some(model::Role::Administrator)));
    let interlock = rule.interlock.as_ref().unwrap();
    assert_eq!(interlock.points["guard"].as_str(), "acme/leeds/line/guard");
    for (write, part) in [
        ("{ tolerance = -1.0 }", "`tolerance` is a number"),
        ("{ approval = \"viewer\" }", "a viewer may not write"),
        ("{ rate = { writes = 1, per = \"2d\" } }", "at most a day"),
        ("{ rate = { writes = 0, per = \"1min\" } }", "below 1"),
        ("{ interlock = { allow_if = \"guard =\", points = { guard = \"line/guard\" } } }", "equality is =="),
        ("{ interlock = { allow_if = \"guard\", points = {} } }", "does not say what that is"),
        ("{ interlock = { allow_if = \"guard\", points = { guard = \"a b\" } } }", "is no path"),
    ] {
        let found = build(&file(write), &context()).unwrap_err();
        assert!(found.iter().any(|mistake| mistake.to_string().contains(part)), "{write}: {found:?}");
        assert!(found.iter().all(|mistake| mistake.line() == 6), "{write}: {found:?}");
    }
}
