//! A real ERP: a production planned in Tryton sets the machine, and what was made stands in Tryton.

use crate::harness::{Plant, Process, Python, free_port, listening, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use crate::webhook::secret;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const PASSWORD: &str = "tryton-admin";
const TOKEN: &str = "5f0c9a3b7d1e4826";
const LINE: &str = "acme/leeds/packaging/line-1";

/// A Tryton server with the production module, on SQLite.
struct Tryton {
    python: Python,
    port: u16,
    _dir: tempfile::TempDir,
    _process: Process,
}

impl Tryton {
    fn start() -> Option<Self> {
        let python = Python::find()?;
        let (program, _) = python.paths("");
        let tool = |name: &str| -> PathBuf { program.parent().unwrap().join(name) };
        if !tool("trytond").exists() {
            println!("SKIPPED: no Tryton beside the peers' Python; `make test` installs it");
            return None;
        }
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let at = dir.path().display();
        let config = format!("[database]\nuri = sqlite://\npath = {at}\n[web]\nlisten = 127.0.0.1:{port}\n");
        std::fs::write(dir.path().join("trytond.conf"), config).unwrap();
        std::fs::write(dir.path().join("password"), PASSWORD).unwrap();
        std::fs::write(dir.path().join("plant.sqlite"), "").unwrap();
        let made = Command::new(tool("trytond-admin"))
            .args(["-c", "trytond.conf", "-d", "plant", "-u", "ir", "res", "production"])
            .args(["--activate-dependencies", "--email", "plan@acme.test"])
            .env("TRYTONPASSFILE", dir.path().join("password"))
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let mut server = Command::new(tool("trytond"));
        server.args(["-c", "trytond.conf", "-d", "plant"]).current_dir(dir.path());
        let process = Process(server.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        listening("Tryton", port);
        Some(Self { python, port, _dir: dir, _process: process })
    }

    /// What the planner does.
    fn plan(&self, words: &[&str]) -> String {
        let server = format!("http://127.0.0.1:{}", self.port);
        let all = [&[&*server, "plant", PASSWORD], words].concat();
        let out = self.python.run("tryton_plan.py", &all);
        assert!(out.status.success(), "{words:?}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    fn show(&self, number: &str) -> Value {
        serde_json::from_str(&self.plan(&["show", number])).unwrap()
    }

    /// The bridge as its page describes it.
    fn bridge(&self, plant: &Plant, listen: u16) -> Process {
        let write = |name: &str, text: &str| plant.write(name, text);
        write("tryton.password", PASSWORD);
        write("gateway.token", TOKEN);
        let config = json!({
            "tryton": format!("http://127.0.0.1:{}/plant/", self.port), "user": "admin",
            "password_file": "tryton.password",
            "gateway": format!("{}/api/in/tryton/orders", plant.address().trim_end_matches('/')),
            "token_file": "gateway.token", "listen": listen, "count": format!("{LINE}/filler/count"),
        });
        write("bridge.json", &config.to_string());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tryton_bridge.py");
        let (program, _) = self.python.paths("");
        let mut command = Command::new(program);
        Process(command.arg(script).arg("bridge.json").current_dir(plant.dir()).spawn().unwrap())
    }
}

/// The example of a page, with its places changed.
fn example(file: &str, changes: &[(&str, &str)]) -> String {
    let page = include_str!("../../../docs/tryton.md");
    let (_, rest) = page.split_once(&format!("file={file}\n")).unwrap();
    let text = rest.split_once("```").unwrap().0.to_owned();
    changes.iter().fold(text, |text, (from, to)| text.replace(from, to))
}

#[test]
fn a_production_of_tryton_sets_the_machine_and_is_done_with_what_was_made() {
    let Some(tryton) = Tryton::start() else { return };
    let Some((mut plant, _machine, _)) = plant_with_pymodbus("writes = \"on\"") else { return };
    let listen = free_port();
    let target = ("mixing/mixer-1/target", "packaging/line-1/filler/target");
    plant.write(
        "connections/tryton.toml",
        &example("connections/tryton.toml", &[target, ("line-4", "line-1")]),
    );
    let to = format!("127.0.0.1:{listen}");
    plant.write("destinations/tryton.toml", &example("destinations/tryton.toml", &[("127.0.0.1:8099", &to)]));
    plant.say(&["check", "."]);
    plant.start();
    secret(&plant, "tryton", TOKEN);
    latest(&plant, &format!("{LINE}/filler/target"), |point| point["good"] == true);
    tryton.plan(&["setup"]);
    let number = tryton.plan(&["order", "60"]);
    assert_eq!(tryton.show(&number)["state"], "assigned");
    let _bridge = tryton.bridge(&plant, listen);

    // The order is points, and a governed command set the machine.
    let waited = |path: &str, wanted: Value| {
        wait_for(path, Duration::from_secs(90), || {
            let answer =
                plant.local().post("/api/latest", &json!({ "paths": [format!("{LINE}/{path}")] })).ok();
            (answer["values"][0]["value"] == wanted).then_some(())
        });
    };
    waited("order/number", json!(number));
    waited("order/product", json!("COLA-050"));
    waited("order/quantity", json!(60.0));
    waited("order/target", json!(format!("{number} Confirmed")));
    waited("filler/target", json!(60));
    // The machine counts; what was made stands in Tryton, which is done with it.
    let done = wait_for("the production to be done", Duration::from_secs(90), || {
        let shown = tryton.show(&number);
        (shown["state"] == "done").then_some(shown)
    });
    let made = done["quantity"].as_f64().unwrap();
    assert!(made >= 60.0 && done["outputs"] == json!([[made, "done"]]), "{done}");

    // More than the machine's rule allows is refused, and stays where it is.
    let number = tryton.plan(&["order", "5000"]);
    let why = format!("{number} Rejected: 5000 /min is above the highest allowed value, 600 /min");
    waited("order/target", json!(why));
    assert_eq!(tryton.show(&number)["state"], "assigned");
    assert_eq!(latest(&plant, &format!("{LINE}/filler/target"), |p| p["good"] == true)["value"], json!(60));
    plant.stop();
}
