//! The files of the plant over HTTP: read, checked, changed key by key, saved and committed; never behind a person's back.

use crate::harness::{Http, Plant, free_port};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::Command;

const LINE: &str = "connections/line-1.toml";

fn line(port: u16) -> String {
    format!(
        "# The line.\nkind = \"modbus-tcp\"\nhost = \"127.0.0.1\" # here\nport = {port}\n\n[device.filler]\nat = \"line-1/filler\"\n\n\
         [device.filler.tags]\nspeed = {{ at = \"40101\", type = \"f32\" }}\n"
    )
}

fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let out = Command::new("git").arg("-C").arg(folder).args(words).output().ok()?;
    out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
}

fn edit(name: &str, text: Option<&str>, version: &Json) -> Json {
    json!({"edits": [{"name": name, "text": text, "version": version}]})
}

#[test]
fn a_file_is_read_changed_checked_saved_and_committed() {
    let mut plant = Plant::new("");
    plant.write(LINE, &line(free_port()));
    let repository = git(plant.dir(), &["init", "--quiet", "--initial-branch=main"]).is_some();
    plant.start();
    let http = plant.local();

    let files = http.get("/api/config/files").ok();
    let names: Vec<&str> =
        files["files"].as_array().unwrap().iter().map(|f| f["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ironbridge.toml", LINE]);
    assert_eq!(files["repository"].is_object(), repository);
    let file = http.get(&format!("/api/config/file?name={LINE}")).ok();
    assert_eq!((&file["kind"], &file["values"]["host"]), (&json!("modbus-tcp"), &json!("127.0.0.1")));
    assert!(file["schema"]["properties"]["host"]["description"].is_string());
    let kinds = http.get("/api/config/kinds").ok();
    for kind in kinds["kinds"].as_array().unwrap() {
        assert!(
            !kind["title"].as_str().unwrap().is_empty() && !kind["sample"].as_str().unwrap().is_empty(),
            "{kind}"
        );
    }

    let change = json!({"text": file["text"], "set": [{"path": ["retries"], "value": 2}, {"path": ["host"], "value": "localhost"}]});
    let changed = http.post("/api/config/change", &change).ok();
    let text = changed["text"].as_str().unwrap();
    assert!(text.starts_with("# The line.\n") && text.contains("host = \"localhost\" # here"), "{text}");
    let findings = http.post("/api/config/check", &edit(LINE, Some(text), &file["version"])).ok();
    assert_eq!(findings["mistakes"], json!([]));
    assert_eq!(
        (&findings["changes"][0]["added"], &findings["changes"][0]["removed"]),
        (&json!(2), &json!(1))
    );

    let wrong = text.replace("f32", "f33");
    let found = http.post("/api/config/check", &edit(LINE, Some(&wrong), &file["version"])).ok();
    assert_eq!(
        (&found["mistakes"][0]["file"], &found["mistakes"][0]["line"]),
        (&json!(LINE), &json!(11)),
        "{found}"
    );
    let refused = http.post("/api/config/save", &edit(LINE, Some(&wrong), &file["version"]));
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(
        !std::fs::read_to_string(plant.dir().join(LINE)).unwrap().contains("f33"),
        "nothing with a mistake is saved"
    );

    let saved = http.post("/api/config/save", &edit(LINE, Some(text), &file["version"])).ok();
    assert_eq!(std::fs::read_to_string(plant.dir().join(LINE)).unwrap(), text);
    assert_eq!(saved["remark"], "");
    if repository {
        let log = git(plant.dir(), &["log", "--format=%h %s"]).unwrap();
        assert!(log.starts_with(saved["commit"].as_str().unwrap()) && log.contains(LINE), "{log}");
    }
    let late = http.post("/api/config/save", &edit(LINE, Some("x = 1\n"), &file["version"]));
    assert_eq!(late.status, 409, "the version that was read is not there any more");
    let audit = http.get("/api/audit?search=config-save").ok();
    let record = &audit["records"][0];
    assert_eq!(record["object"], LINE);
    assert!(record["detail"].as_str().unwrap().contains("+host = \"localhost\""), "{record}");
    let left = std::fs::read_dir(plant.data())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("check-"));
    assert_eq!(left.count(), 0);
    plant.stop();
}

#[test]
fn what_a_page_may_not_do_with_files() {
    let mut plant = Plant::new("");
    plant.start();
    let http: Http = plant.local();
    for name in [
        "../outside.toml",
        "data/access/users.json",
        "/etc/passwd",
        "connections/../ironbridge.toml",
        "notes.txt",
    ] {
        assert_eq!(http.get(&format!("/api/config/file?name={name}")).status, 404, "{name}");
        let answer = http.post("/api/config/save", &edit(name, Some("a = 1\n"), &Json::Null));
        assert_eq!(answer.status, 404, "{name}: {answer:?}");
    }
    let settings = http.get("/api/config/file?name=ironbridge.toml").ok();
    let text = settings["text"].as_str().unwrap();
    let on = format!("writes = \"on\"\n{text}");
    let refused = http.post("/api/config/save", &edit("ironbridge.toml", Some(&on), &settings["version"]));
    assert_eq!(refused.status, 409);
    assert!(
        refused.json()["error"]["title"].as_str().unwrap().contains("at the machine itself"),
        "{refused:?}"
    );
    let gone = http.post("/api/config/save", &edit("ironbridge.toml", None, &settings["version"]));
    assert!((400..500).contains(&gone.status), "{gone:?}");
    assert_eq!(std::fs::read_to_string(plant.dir().join("ironbridge.toml")).unwrap(), text);
    // A new file, and its removal.
    let asset = "type = \"Area\"\npath = \"packaging\"\nlevel = \"area\"\n";
    http.post("/api/config/save", &edit("assets/packaging.toml", Some(asset), &Json::Null)).ok();
    let again = http.post("/api/config/save", &edit("assets/packaging.toml", Some(asset), &Json::Null));
    assert_eq!(again.status, 409, "a new file never replaces another");
    let made = http.get("/api/config/file?name=assets/packaging.toml").ok();
    http.post("/api/config/save", &edit("assets/packaging.toml", None, &made["version"])).ok();
    assert!(!plant.dir().join("assets/packaging.toml").exists());
    plant.stop();
}
