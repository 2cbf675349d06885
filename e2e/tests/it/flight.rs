//! The same tables in columns, by Arrow Flight SQL, asked by the tools that people have.

use crate::harness::{Plant, Process, Python, free_port, listening, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

const SITE: &str = "acme/leeds";
const FILLER: &str = "acme/leeds/packaging/line-1/filler";

/// A plant that offers Flight: the plant, its device, the port, a token's text.
struct Offered {
    plant: Plant,
    _device: Process,
    port: u16,
    token: String,
}

fn offered(settings: &str) -> Option<Offered> {
    let port = free_port();
    let settings =
        format!("[web]\nlisten = \"127.0.0.1:0\"\n[serve.flight]\nlisten = \"127.0.0.1:{port}\"\n{settings}");
    let (mut plant, device, _) = plant_with_pymodbus(&settings)?;
    plant.write(
        "assets/filler.toml",
        "type = \"Filler\"\npath = \"packaging/line-1/filler\"\nlevel = \"work-unit\"\n",
    );
    plant.write("destinations/big-lake.toml", &crate::sql::big_lake(&plant));
    plant.start();
    latest(&plant, &format!("{FILLER}/level"), |p| p["good"] == true);
    listening("the port of Flight", port);
    let token = plant.say(&["token", "add", "frames", "--role", "viewer"]).trim().to_owned();
    let count = format!("select count(*) from samples where path = '{FILLER}/level'");
    plant.until_above(20, &count);
    Some(Offered { plant, _device: device, port, token })
}

impl Offered {
    fn address(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    /// One query by ADBC: its first value, or the error in words.
    fn ask(&self, token: &str, sql: &str, more: &[&str]) -> Result<String, String> {
        let plain = self.address();
        let address = if more.contains(&"--ca") { plain.replace("grpc:", "grpc+tls:") } else { plain };
        let words = [&[address.as_str(), token, sql], more].concat();
        let out = Python::find().unwrap().run("flight_ask.py", &words);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if out.status.success() { Ok(text(&out.stdout)) } else { Err(text(&out.stderr)) }
    }

    #[track_caller]
    fn fails(&self, sql: &str, words: &str) {
        let said = self.ask(&self.token, sql, &[]);
        assert!(said.as_ref().is_err_and(|why| why.contains(words)), "{sql}: {said:?}");
    }

    fn metrics(&self) -> String {
        String::from_utf8(self.plant.local().get("/metrics").body).unwrap()
    }
}

#[test]
fn adbc_pandas_polars_duckdb_and_pyarrow_read_and_nothing_writes() {
    let Some(plant) = offered("") else { return };
    let words = [&plant.address(), plant.token.as_str(), SITE, "frames"];
    let out = Python::find().unwrap().run("flight_client.py", &words);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(said["types"], json!(["string", "timestamp[ns, tz=UTC]", "double", "bool"]));
    assert_eq!(said["nulls"], json!([false, false, true, false]));
    assert_eq!(said["parameters"], json!([42, "a'b;--", 2.5, true]));
    assert_eq!(said["empty"], json!([]));
    assert_eq!(said["many"], json!([300_000, 45_000_150_000_i64]));
    assert_eq!(said["streamed"], 300_000);
    let says = |key: &str, words: &str| {
        assert!(said[key].as_str().is_some_and(|text| text.contains(words)), "{key}: {}", said[key]);
    };
    says("wrong", "level");
    says("unknown", "nothing");
    says("update", "only reading is allowed here");
    says("drop", "would change something");
    says("ingest", "only reading is allowed here");
    says("nobody", "name or password is wrong");
    says("stranger", "the token is wrong");
    says("gone", "no such query runs");
    assert_eq!(said["catalog"], "ironbridge");
    assert_eq!(
        (said["tables"]["samples"].as_str(), said["tables"]["filler"].as_str()),
        (Some("TABLE"), Some("VIEW"))
    );
    assert_eq!(
        (&said["schemas"], &said["tables"]["big_lake"]),
        (&json!(["lake", "public"]), &json!("TABLE"))
    );
    // Texts by number, for who asks for them so: the same rows, and less to send.
    let by_number = "dictionary<values=string, indices=int32, ordered=0>";
    assert_eq!(said["numbered"], json!([[by_number, "double", by_number], true]));
    assert_eq!(said["warnings"], json!([]), "a client is told the truth about transactions");
    assert!(said["columns"].as_array().unwrap().contains(&json!("value_text")), "{said}");
    assert_eq!(said["schema"], "timestamp[ns, tz=UTC]");
    assert_eq!((said["vendor"].as_str(), said["person"].as_bool()), (Some("Ironbridge"), Some(true)));
    assert_eq!(said["pandas"], json!(["datetime64[ns, UTC]", "float64", true]));
    assert_eq!(said["polars"], json!(["Datetime(time_unit='ns', time_zone='UTC')", "Float64", true]));
    assert_eq!(said["duckdb"], json!([true, 12.5]));
    assert_eq!(said["ticket"], json!([{"one": 1}]));
    // CancelFlightInfoResult with the status CANCELLED; and who fetched was told: pyarrow makes Ctrl-C of gRPC's CANCELLED.
    assert_eq!(said["cancelled"], json!(["0801"]));
    assert!(said["stopped"].as_str().is_some_and(|text| text.starts_with("KeyboardInterrupt")), "{said}");
    // The page says where, and what there is.
    let tables = plant.plant.local().get("/api/query/tables").ok();
    let names: Vec<_> =
        tables["tables"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"filler") && names.contains(&"lake.big_lake"), "{names:?}");
    assert_eq!(tables["flight"], json!(plant.address()));
}

/// The example of the page, with this plant's address and token in place of those that stand there.
#[test]
fn the_page_works_as_it_stands() {
    let Some(plant) = offered("") else { return };
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/flight.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let (old, new) = ("grpc://127.0.0.1:32010", plant.address());
    assert!(
        example.contains(old) && example.contains("ib_...") && example.contains("'acme/demo/packaging/%'")
    );
    let example = example.replace(old, &new).replace("ib_...", &plant.token).replace("acme/demo", SITE);
    let (python, _) = Python::find().unwrap().paths("");
    let checks = "\nassert len(frame) > 0 and table.height > 0 and frame['mean'].notna().any()";
    let out = Command::new(python).args(["-c", &(example + checks)]).output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success() && said.contains(&format!("{FILLER}/level")), "{said}");
}

#[test]
fn rights_end_and_bounds_hold() {
    let Some(plant) =
        offered("connections = 4\n[serve.flight.viewer]\nrows = 100\ntime = \"2s\"\nconnections = 2\n")
    else {
        return;
    };
    plant.fails("select * from generate_series(1, 101)", "more than 100 rows");
    plant.fails(
        "select count(*) from generate_series(1, 100000000000) g where g.value % 7 = 8",
        "stopped after 2 s",
    );
    plant.fails("select * from samples; select 1", "one statement");
    let held = [hold(&plant), hold(&plant)];
    plant.fails("select 1", "2 SQL connections already");
    drop(held);
    wait_for("seats are free again", Duration::from_secs(30), || {
        plant.ask(&plant.token, "select 1", &[]).ok()
    });
    // A token that is confined sees its part only; one that is removed sees nothing.
    let york = plant.plant.say(&["token", "add", "york", "--role", "viewer", "--prefix", "acme/york"]);
    let york = york.trim();
    assert_eq!(plant.ask(york, "select count(*) from points", &[]), Ok("0".into()));
    assert_eq!(plant.ask(york, "select count(*) from samples", &[]), Ok("0".into()));
    let tokens = plant.plant.local().get("/api/tokens").ok();
    let id = tokens["tokens"].as_array().unwrap().iter().find(|t| t["name"] == "york").unwrap()["id"].clone();
    plant.plant.say(&["token", "remove", id.as_str().unwrap()]);
    assert!(plant.ask(york, "select 1", &[]).is_err_and(|why| why.contains("the token is wrong")));
}

/// A connection that stays open after its first query.
fn hold(plant: &Offered) -> Process {
    let (python, script) = Python::find().unwrap().paths("flight_ask.py");
    let mut child = Command::new(python)
        .arg(script)
        .args([&plant.address(), &plant.token, "select 'in'", "--stay"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    assert_eq!(&word, b"in");
    Process(child)
}

#[test]
fn nonsense_and_crowds_disturb_nobody() {
    let Some(plant) = offered("connections = 20\n") else { return };
    let connect = || TcpStream::connect(("127.0.0.1", plant.port)).unwrap();
    let answer = |bytes: &[u8]| {
        let mut stream = connect();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    };
    assert!(answer(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").contains("no client of Arrow Flight"));
    assert!(answer(&[0x16, 3, 1, 2, 0]).contains("no client of Arrow Flight"));
    // HTTP/2 that breaks off, lies about lengths, or is noise.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for frame in [&[0xff; 9][..], &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0], &[7; 4_096]] {
        answer(&[preface, frame].concat());
    }
    for bytes in ["2000000", "8000000"] {
        let said = plant.ask(&plant.token, "-", &["--of", bytes]);
        assert!(said.is_err(), "a query of {bytes} bytes went through");
    }
    // Many that say nothing: the page goes on, the next one is told.
    let crowd: Vec<TcpStream> = (0..60).map(|_| connect()).collect();
    let before =
        latest(&plant.plant, &format!("{FILLER}/count"), |p| p["good"] == true)["value"].as_i64().unwrap();
    latest(&plant.plant, &format!("{FILLER}/count"), |p| p["value"].as_i64() > Some(before));
    drop(crowd);
    wait_for("the next one to be told that there is no room", Duration::from_secs(90), || {
        let _crowd: Vec<TcpStream> = (0..60).map(|_| connect()).collect();
        let said = plant.ask(&plant.token, "select 1", &[]);
        said.err().filter(|why| why.contains("20 SQL connections already"))
    });
    wait_for("room again", Duration::from_secs(30), || plant.ask(&plant.token, "select 1", &[]).ok());
    let metrics = plant.metrics();
    assert!(metrics.contains("ironbridge_flight_total{what=\"broken\"}"), "{metrics}");
    let lines = |name: &str| metrics.lines().any(|line| line.starts_with(name) && !line.ends_with(" 0"));
    assert!(lines("ironbridge_flight_total{what=\"refused_full\"}"), "{metrics}");
}

#[test]
fn an_encrypted_line_is_verified() {
    let Some(plant) = offered("tls = \"built-in\"\n") else { return };
    let authority = plant.plant.data().join("access/ca/ca.pem");
    let said = plant.ask(&plant.token, "select 'in'", &["--ca", &authority.display().to_string()]);
    assert_eq!(said, Ok("in".into()));
    // The plain line is closed, and a certificate of nobody we know is not believed.
    assert!(plant.ask(&plant.token, "select 'in'", &[]).is_err());
    assert!(plant.ask(&plant.token, "select 'in'", &["--ca", ""]).is_err());
}
