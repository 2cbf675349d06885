//! The command line: exit codes, mistakes with lines, help with examples.

use crate::harness::{Plant, binary};
use std::process::Command;

fn code(plant: &Plant, words: &[&str]) -> (i32, String) {
    let out = plant.cli(words);
    let text = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    (out.status.code().unwrap(), text)
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = |words: &[&str]| {
        let out = Command::new(binary()).args(words).arg("--help").output().unwrap();
        assert!(out.status.success(), "{words:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let top = help(&[]);
    assert!(top.contains("Exit codes"), "{top}");
    let all: &[&[&str]] = &[
        &["run"],
        &["demo"],
        &["check"],
        &["plan"],
        &["apply"],
        &["write"],
        &["commands"],
        &["query"],
        &["connections"],
        &["points"],
        &["tail"],
        &["simulate"],
        &["backup"],
        &["restore"],
        &["discover"],
        &["characterise"],
        &["browse"],
        &["import"],
        &["profiles"],
        &["watch"],
        &["schema"],
        &["completions"],
        &["audit", "verify"],
        &["user", "add"],
        &["user", "list"],
        &["user", "link"],
        &["user", "remove"],
        &["token", "add"],
        &["token", "list"],
        &["token", "remove"],
        &["secret", "set"],
        &["secret", "list"],
        &["secret", "remove"],
    ];
    for words in all {
        assert!(help(words).contains("Example: ironbridge"), "{words:?} has no example");
    }
}

#[test]
fn what_is_normal_is_learned_from_one_capture_and_guarded_in_another() {
    let folder = tempfile::tempdir().unwrap();
    let normal = folder.path().join("normal.json");
    let normal = normal.to_str().unwrap();
    let docs = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");
    let watch = |words: &[&str]| {
        let out = Command::new(binary()).arg("watch").args(words).output().unwrap();
        (
            out.status.code(),
            String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr),
        )
    };
    let monday = format!("{docs}/watch-monday.pcap");
    let (code, said) = watch(&[&monday, "--learn", normal]);
    assert!(code == Some(0) && said.contains("2 assets, 1 links; learned for 19 min"), "{said}");
    let tuesday = format!("{docs}/watch-tuesday.pcap");
    let (code, said) = watch(&[&tuesday, "--baseline", normal]);
    assert_eq!(code, Some(0), "{said}");
    for words in [
        "IB-BASE-005  A client writes that is not approved to: 10.0.0.66 to 10.0.0.9",
        "holding 100 (unit 1): 480 -> 900",
        "IB-BASE-004  Data that were not read before: 10.0.0.5 to 10.0.0.9",
        "new writer",
    ] {
        assert!(said.contains(words), "{words} is not in:\n{said}");
    }
    let (_, said) = watch(&[&monday, "--baseline", normal]);
    assert!(said.contains("0 findings") && said.contains("DIFFERENCES FROM THE BASELINE\nnone"), "{said}");
    std::fs::write(normal, "{\"version\": 9}").unwrap();
    let (code, said) = watch(&[&monday, "--baseline", normal]);
    assert!(code != Some(0) && said.contains("is no baseline"), "{said}");
}

#[test]
fn a_wrong_configuration_names_every_mistake_with_its_line_and_starts_nothing() {
    let plant = Plant::new("wirtes = \"off\"");
    plant.write("connections/line-1.toml", "kind = \"modbus-tpc\"\nhost = \"127.0.0.1\"\n");
    plant.write(
        "connections/line-2.toml",
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\n\n[device.a]\nunit = 1\nat = \"x\"\n\n[device.a.tags]\nlevel = { at = \"40110\", type = \"i61\" }\n",
    );
    plant.write(
        "connections/line-3.toml",
        "kind = \"modbus-tcp\"\nhost = \"127.0.0.2\"\n\n[device.a]\nunit = 1\nat = \"y\"\n\n[device.a.tags]\nspeed = { at = \"100\", type = \"f32\" }\n",
    );
    plant.write("assets/filler.toml", "type = \"Filler\"\npath = \"x y\"\n");
    for words in [&["check", "."][..], &["run", "."], &["apply", "."]] {
        let (code, text) = code(&plant, words);
        assert_eq!(code, 2, "{words:?}: {text}");
        for part in [
            "ironbridge.toml:3",
            "`writes`",
            "connections/line-1.toml:1",
            "\"modbus-tcp\"",
            "connections/line-2.toml:9",
            "\"i64\"",
            "connections/line-3.toml:9",
            "holding 100",
            "assets/filler.toml:2",
        ] {
            assert!(text.contains(part), "{words:?} lacks {part}: {text}");
        }
    }
    assert!(!plant.data().exists(), "something was started");
}

#[test]
fn asking_a_plant_that_does_not_run_says_so() {
    let plant = Plant::new("");
    for words in [&["points"][..], &["tail"], &["query", "select 1"], &["user", "list"]] {
        let (code, text) = code(&plant, words);
        assert_eq!(code, 3, "{words:?}: {text}");
        assert!(text.contains("ironbridge run"), "{text}");
    }
}

#[test]
fn leaving_the_machine_needs_tls() {
    let plant = Plant::new("[web]\nlisten = \"0.0.0.0:8080\"");
    let (code, text) = code(&plant, &["check", "."]);
    assert!(code == 2 && text.contains("must be encrypted") && text.contains("built-in"), "{text}");
}

#[test]
fn schemas_and_completions_are_printed() {
    let plant = Plant::new("");
    let list = plant.say(&["schema"]);
    for kind in list.lines().filter_map(|line| line.split_whitespace().next()) {
        let schema: serde_json::Value = serde_json::from_str(&plant.say(&["schema", kind])).unwrap();
        assert!(schema["properties"].is_object(), "{kind}: {schema}");
    }
    assert!(list.contains("modbus-tcp") && list.contains("mqtt"), "{list}");
    assert!(plant.say(&["completions", "bash"]).contains("_ironbridge"));
}

#[test]
fn two_processes_never_share_a_data_folder() {
    let mut plant = Plant::new("");
    plant.start();
    let (code, text) = code(&plant, &["run", "."]);
    assert!(code == 1 && text.contains("in use"), "{code} {text}");
    plant.stop();
}

#[test]
fn people_tokens_and_secrets_are_managed_from_the_command_line() {
    let mut plant = Plant::new("");
    plant.start();
    let added = plant.say(&["user", "add", "anna", "--role", "operator"]);
    assert!(added.contains("/link#"), "{added}");
    assert!(plant.say(&["user", "list"]).contains("operator"));
    let token = plant.say(&["token", "add", "grafana", "--days", "1"]);
    let mut http = crate::harness::Http::tcp(plant.port());
    assert_eq!(http.get("/api/points").status, 401);
    http.headers.push(("authorization".into(), format!("Bearer {}", token.trim())));
    assert_eq!(http.get("/api/points").status, 200);
    let out = Command::new("sh")
        .arg("-c")
        .arg(format!("echo top-secret-value | {} secret set hq", binary().display()))
        .current_dir(plant.dir())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(plant.say(&["secret", "list"]).contains("hq"));
    plant.say(&["user", "remove", "anna"]);
    plant.stop();
    let found =
        Command::new("grep").args(["-r", "-l", "top-secret-value"]).arg(plant.dir()).output().unwrap();
    assert!(
        found.stdout.is_empty(),
        "the secret lies in clear text in {}",
        String::from_utf8_lossy(&found.stdout)
    );
}

#[test]
fn a_backup_of_a_running_plant_comes_back() {
    let mut plant = Plant::new("");
    plant.start();
    plant.say(&["user", "add", "anna", "--role", "engineer"]);
    plant.say(&["backup", "data", "plant.tar.zst"]);
    plant.stop();
    std::fs::remove_dir_all(plant.data()).unwrap();
    plant.say(&["restore", "plant.tar.zst", "data"]);
    plant.start();
    assert!(plant.say(&["user", "list"]).contains("anna"));
    plant.stop();
    assert!(plant.say(&["audit", "verify"]).contains("every hash fits"));
}
