//! SNMP and HTTP through the binary: an agent and a web service nobody here wrote, secrets from the store, points on the
//! API, a confirmed write.

use crate::harness::{Plant, Process, Python, binary, free_port, wait_for};
use crate::modbus::latest;
use serde_json::json;
use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::Duration;

const WRITES_ON: &str = "writes = \"on\"";

fn set_secret(plant: &Plant, name: &str, secret: &str) {
    let line = format!("echo {secret} | {} secret set {name}", binary().display());
    let done = Command::new("sh").args(["-c", &line]).current_dir(plant.dir()).output().unwrap();
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn an_snmp_agent_is_read_and_written() {
    let program = ["/usr/sbin/snmpd", "/usr/local/sbin/snmpd"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists());
    let Some(program) = program else {
        println!("SKIPPED: no snmpd; `make test` installs it");
        return;
    };
    let mut plant = Plant::new(WRITES_ON);
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = plant.dir().join("snmpd.conf");
    let users = "createUser ironbridge SHA-256 \"auth-password\" AES \"privacy-password\"\nrwuser ironbridge authpriv\n";
    std::fs::write(&conf, format!("agentAddress udp:127.0.0.1:{port}\n{users}")).unwrap();
    let agent = Command::new(program)
        .args(["-f", "-LE", "0", "-C", "-c"])
        .arg(&conf)
        .env("SNMP_PERSISTENT_DIR", plant.dir().join("snmp-state"))
        .env("MIBS", "")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let _agent = Process(agent.unwrap());
    plant.write(
        "connections/switch.toml",
        &format!(
            "kind = \"snmp\"\nhost = \"127.0.0.1\"\nport = {port}\nversion = \"3\"\nuser = \"ironbridge\"\n\
             auth_password = {{ secret = \"switch-auth\" }}\nprivacy_password = {{ secret = \"switch-privacy\" }}\n\
             scan = {{ normal = \"200ms\" }}\n[device.switch]\nat = \"network/switch\"\n[device.switch.tags]\n\
             uptime = {{ at = \"sysUpTime.0\", scale = 0.01, unit = \"s\" }}\nplace = {{ at = \"sysLocation.0\", write = {{}} }}\n"
        ),
    );
    plant.start();
    // Without its secrets the connection says which one is missing.
    let said = wait_for("the missing secret", Duration::from_secs(20), || {
        let connections = plant.local().get("/api/connections").ok().to_string();
        connections.contains("ironbridge secret set switch-auth").then_some(connections)
    });
    assert!(!said.contains("privacy-password"), "{said}");
    set_secret(&plant, "switch-auth", "auth-password");
    set_secret(&plant, "switch-privacy", "privacy-password");
    plant.stop();
    plant.start();
    let uptime = latest(&plant, "acme/leeds/network/switch/uptime", |point| point["good"] == true);
    assert_eq!(uptime["unit"], json!("s"), "{uptime}");
    latest(&plant, "acme/leeds/network/switch/place", |point| point["good"] == true);
    let write = json!({"path": "acme/leeds/network/switch/place", "value": "Hall 3", "reason": "e2e", "ttl_ms": 5000});
    let done = plant.local().post("/api/point/write", &write).ok();
    assert_eq!((&done["outcome"], &done["readback"]), (&json!("Confirmed"), &json!("Hall 3")), "{done}");
    plant.stop();
}

#[test]
fn a_web_service_is_read() {
    let Some(python) = Python::find() else { return };
    let port = free_port();
    let _server = python.serve("web_service.py", port, &["the-meter-token"]);
    let mut plant = Plant::new("");
    plant.write(
        "connections/meter.toml",
        &format!(
            "kind = \"http\"\nurl = \"http://127.0.0.1:{port}/api\"\nbearer = {{ secret = \"meter\" }}\nscan = {{ normal = \"200ms\" }}\n[device.meter]\nat = \"energy/meter-1\"\n\
             [device.meter.tags]\npower = {{ at = \"/status#/power/total\", type = \"f64\", unit = \"W\" }}\n\
             energy = {{ at = \"/status#/energy_wh\", type = \"u64\", scale = 0.001, unit = \"kWh\" }}\n"
        ),
    );
    plant.start();
    wait_for("the missing secret", Duration::from_secs(20), || {
        let connections = plant.local().get("/api/connections").ok().to_string();
        connections.contains("ironbridge secret set meter").then_some(())
    });
    set_secret(&plant, "meter", "the-meter-token");
    plant.stop();
    plant.start();
    let power = latest(&plant, "acme/leeds/energy/meter-1/power", |point| point["good"] == true);
    assert_eq!(power["value"], json!(5120.5), "{power}");
    let energy = latest(&plant, "acme/leeds/energy/meter-1/energy", |point| point["good"] == true);
    assert_eq!(energy["value"], json!(98.765), "{energy}");
    let lines = plant.say(&["tail", "acme/leeds/energy", "--lines", "2"]);
    assert!(lines.contains("Good"), "{lines}");
    plant.stop();
}
