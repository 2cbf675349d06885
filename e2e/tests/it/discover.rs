//! Found, not typed: `discover` on simulated machines, drafts that only need a name, `import` and `profiles`.

use crate::harness::{Plant, Process, binary, wait_for};
use serde_json::json;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The demonstration plant's machines alone, and the port of each.
fn machines() -> (Process, Vec<(String, u16)>) {
    let mut child =
        Command::new(binary()).args(["simulate", "--log", "warn"]).stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let (send, receive) = mpsc::sync_channel(100);
    std::thread::spawn(move || out.lines().map_while(Result::ok).for_each(|line| drop(send.send(line))));
    let mut ports = Vec::new();
    wait_for("the machines", Duration::from_secs(60), || {
        let line = receive.try_recv().ok()?;
        let mut words = line.split_whitespace();
        if let (Some(name), Some(address)) = (words.next(), words.next())
            && let Some(port) = address.strip_prefix("127.0.0.1:").and_then(|port| port.parse().ok())
        {
            ports.push((name.to_owned(), port));
        }
        (line == "ready").then_some(())
    });
    (Process(child), ports)
}

#[test]
fn machines_are_found_after_a_yes_and_drafted() {
    let (_machines, ports) = machines();
    let port = |name: &str| ports.iter().find(|(known, _)| known == name).unwrap().1;
    let mut plant = Plant::new("");
    plant.start();
    let ports = format!("modbus={},{}", port("line"), port("boiler"));
    let ask = [
        "discover",
        "127.0.0.1",
        "--protocol",
        "modbus",
        "--port",
        &ports,
        "--units",
        "1-3",
        "--drafts",
        "drafts",
    ];

    // Without a yes, the plan and nothing else.
    let shown = plant.cli(&ask);
    let (out, err) = (text(&shown.stdout), text(&shown.stderr));
    assert_eq!(shown.status.code(), Some(1), "{out}{err}");
    assert!(out.contains("Asks 1 address for Modbus TCP") && out.contains("packets"), "{out}");
    assert!(err.contains("--yes"), "{err}");
    assert!(plant.local().get("/api/discover").ok()["scans"].as_array().unwrap().is_empty());

    let found = plant.say(&[&ask[..], &["--yes"]].concat());
    assert!(found.contains("Ironbridge simulation") && found.contains("unit 3"), "{found}");
    assert!(found.contains("packets sent to 1 address; done"), "{found}");
    let drafts: Vec<_> =
        std::fs::read_dir(plant.dir().join("drafts")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // One file is one endpoint: the three units of the line stand in one.
    assert_eq!(drafts.len(), 2, "{drafts:?}");
    let audit = plant.local().get("/api/audit?search=discover").ok();
    assert!(audit["records"][0]["detail"].as_str().unwrap().contains("packets"), "{audit}");

    // A draft becomes a connection: what is missing is what nobody could know.
    let boiler = drafts.iter().find(|path| path.to_string_lossy().contains("boiler")).unwrap();
    let draft = std::fs::read_to_string(boiler).unwrap();
    let line = "value = { at = \"holding 0\", type = \"u16\" }\n";
    plant.write("connections/found.toml", &format!("{draft}{line}"));
    assert!(plant.say(&["check", "."]).contains("1 connection, 1 point"));
    plant.say(&["apply", "."]);
    // Now that a connection talks to it, it has its peace.
    let again = plant.say(&["discover", "127.0.0.1", "--port", &ports, "--yes"]);
    assert!(
        again.contains("connection `found` talks to it already") && again.contains("nobody to ask"),
        "{again}"
    );
}

#[test]
fn a_yes_to_other_numbers_and_wrong_ranges_are_refused() {
    let mut plant = Plant::new("");
    plant.start();
    let local = plant.local();
    let ask = json!({"targets": ["127.0.0.1"], "protocols": ["modbus"], "ports": {"modbus": [1]}});
    let shown = local.post("/api/discover/plan", &ask).ok();
    let most = shown["packets_most"].as_u64().unwrap();
    let refused = local.post("/api/discover", &json!({"ask": ask, "packets_most": most + 1}));
    assert_eq!(refused.status, 409);
    for words in [&["discover", "10.0.0.0/8"][..], &["discover", "10.0.0.1", "--protocol", "telepathy"]] {
        let out = plant.cli(words);
        assert_eq!(out.status.code(), Some(1), "{words:?}: {}", text(&out.stderr));
    }
    assert_eq!(plant.cli(&["discover", "10.0.0.1", "--port", "502"]).status.code(), Some(2));
}

#[test]
fn lists_of_other_programs_become_drafts() {
    let plant = Plant::new("");
    plant.write(
        "tags.csv",
        "Tag Name,Address,Data Type,Scan Rate,Mystery\nSpeed,400101,Float,250,x\nOdd,400102,Char,250,\n",
    );
    let out = plant.cli(&[
        "import",
        "tags.csv",
        "--from",
        "kepware-csv",
        "--host",
        "10.20.1.11",
        "--drafts",
        "connections",
    ]);
    let shown = text(&out.stdout);
    assert!(out.status.success(), "{shown}{}", text(&out.stderr));
    assert!(shown.contains("line 1: The column `Mystery` is not taken over."), "{shown}");
    assert!(shown.contains("line 3: `Odd` is left out: there is no type for `Char`."), "{shown}");
    assert!(plant.say(&["check", "."]).contains("1 connection, 1 point"));
    // A draft never overwrites.
    let out = plant.cli(&["import", "tags.csv", "--from", "kepware-csv", "--drafts", "connections"]);
    assert!(text(&out.stderr).contains("exists"), "{}", text(&out.stderr));
    // Without being told whose list it is: by its columns, or not at all.
    assert!(plant.say(&["import", "tags.csv"]).contains("Speed"));
    plant.write("lunch.csv", "Monday,Tuesday\nsoup,bread\n");
    assert_eq!(plant.cli(&["import", "lunch.csv"]).status.code(), Some(2));
    assert!(plant.say(&["profiles"]).contains("janitza-umg-96rm"));
}

#[test]
fn a_device_is_measured_after_a_yes_and_the_plan_keeps_to_it() {
    let (_machines, ports) = machines();
    let port = ports.iter().find(|(known, _)| known == "boiler").unwrap().1;
    let mut plant = Plant::new("");
    plant.write(
        "connections/boiler.toml",
        &format!(
            "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\nport = {port}\n[device.boiler]\nunit = 1\n\
             [device.boiler.tags]\na = {{ at = \"holding 0\", type = \"u16\" }}\nb = {{ at = \"holding 1\", type = \"u16\" }}\n"
        ),
    );
    plant.start();
    let state = |plant: &Plant| {
        let all = plant.local().get("/api/connections").ok();
        all["connections"][0]["state"].as_str().unwrap_or_default().to_owned()
    };
    let connected = |plant: &Plant| {
        wait_for("the connection", Duration::from_secs(60), || (state(plant) == "connected").then_some(()));
    };
    connected(&plant);

    // Without a yes, the plan and nothing else.
    let shown = plant.cli(&["characterise", "boiler"]);
    assert_eq!(shown.status.code(), Some(1));
    assert!(text(&shown.stdout).contains("is paused meanwhile"), "{}", text(&shown.stdout));
    assert!(plant.local().get("/api/characterise").ok()["runs"].as_array().unwrap().is_empty());

    let said = plant.say(&["characterise", "boiler", "--yes", "--save"]);
    for part in ["largest block", "2 registers", "connections at once", "Saved as measured/boiler.toml"] {
        assert!(said.contains(part), "{said} lacks {part}");
    }
    connected(&plant);
    let audit = plant.local().get("/api/audit?search=characterise").ok();
    let records = audit["records"].as_array().unwrap();
    let agreed = records.iter().find(|record| record["action"] == "characterise").unwrap();
    assert!(agreed["detail"].as_str().unwrap().contains("packets"), "{audit}");
    let planned = plant.say(&["plan", "."]);
    assert!(planned.contains("= measured 20"), "{planned}");
    plant.say(&["apply", "."]);

    assert!(plant.say(&["characterise", "boiler", "--forget"]).contains("Removed measured/boiler.toml"));
    assert!(plant.say(&["plan", "."]).contains("connection boiler"));
    assert!(!plant.dir().join("measured/boiler.toml").exists());

    // A device by its address, with ranges; another kind of connection is refused in words.
    let port = port.to_string();
    let said = plant.say(&["characterise", "127.0.0.1", "--port", &port, "--read", "holding 0-1", "--yes"]);
    assert!(said.contains("To keep it for the planner"), "{said}");
    let wrong = plant.cli(&["characterise", "127.0.0.1"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong.stderr).contains("--read"), "{}", text(&wrong.stderr));
}
