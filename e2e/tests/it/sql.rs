//! SQL over the PostgreSQL wire, asked by the tools that people have.

use crate::harness::{Plant, Process, Python, free_port, listening, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::process::{Command, Output};
use std::time::Duration;

const SITE: &str = "acme/leeds";
pub const FILLER: &str = "acme/leeds/packaging/line-1/filler";

/// A plant that offers SQL, with a table in a lake: the plant, its device, the port, a token's text.
pub struct Offered {
    pub plant: Plant,
    _device: Process,
    pub port: u16,
    pub token: String,
}

pub fn offered(settings: &str) -> Option<Offered> {
    let port = free_port();
    let settings = format!(
        "[web]\nlisten = \"127.0.0.1:0\"\n[serve.postgres]\nlisten = \"127.0.0.1:{port}\"\n{settings}"
    );
    let (mut plant, device, _) = plant_with_pymodbus(&settings)?;
    plant.write(
        "assets/filler.toml",
        "type = \"Filler\"\npath = \"packaging/line-1/filler\"\nlevel = \"work-unit\"\n",
    );
    plant.write("destinations/big-lake.toml", &big_lake(&plant));
    plant.start();
    latest(&plant, &format!("{FILLER}/level"), |p| p["good"] == true);
    listening("the SQL port", port);
    let token = plant.say(&["token", "add", "grafana", "--role", "viewer"]).trim().to_owned();
    let count = format!("select count(*) from samples where path = '{FILLER}/level'");
    plant.until_above(20, &count);
    Some(Offered { plant, _device: device, port, token })
}

/// A destination that fills `lake.big_lake`.
pub fn big_lake(plant: &Plant) -> String {
    let folder = plant.dir().join("tables");
    format!(
        "kind = \"iceberg\"\nurl = \"{}\"\nselect = [\"packaging/**\"]\ncommit = \"500ms\"\nstart = \"oldest\"\n",
        folder.display()
    )
}

impl Offered {
    pub fn dsn(&self) -> String {
        format!("postgresql://grafana:{}@127.0.0.1:{}/ironbridge", self.token, self.port)
    }

    /// psql with one command; `None` says that it was skipped.
    pub fn psql(&self, dsn: &str, command: &str) -> Option<Output> {
        let out = Command::new("psql")
            .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", dsn, "-c", command])
            .output();
        if out.is_err() {
            println!("SKIPPED: no psql; `make test` installs it");
        }
        out.ok()
    }

    /// A counter of the listener.
    pub fn counted(&self, what: &str) -> u64 {
        let text = String::from_utf8(self.plant.local().get("/metrics").body).unwrap();
        let name = format!("ironbridge_sql_total{{what=\"{what}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok()).unwrap_or(0)
    }

    #[track_caller]
    fn say(&self, command: &str) -> Option<String> {
        let out = self.psql(&self.dsn(), command)?;
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        Some(String::from_utf8_lossy(&out.stdout).into_owned())
    }
}

/// What psql's commands show, each by a word of it.
const COMMANDS: &[(&str, &str)] = &[
    ("\\d", "public|rollup_1h|table|ironbridge"),
    ("\\d+ samples", "value_int|bigint|||"),
    ("\\d+ filler", "level|double precision|||"),
    ("\\d lake.big_lake", "received|timestamp with time zone||not null|"),
    ("\\dt lake.*", "lake|big_lake|table|ironbridge"),
    ("\\dt+ latest", "the newest sample of each point"),
    ("\\dv+", "public|filler|view|ironbridge"),
    ("\\dn", "lake|ironbridge"),
    ("\\dn+", "=U/ironbridge"),
    ("\\l", "ironbridge|ironbridge|UTF8"),
    ("\\l+", "ironbridge"),
    ("\\du", "grafana"),
    ("\\dg", "ironbridge"),
    ("\\df", "public|history|TABLE(path text, \"time\" timestamp with time zone"),
    ("\\df time_bucket", "timestamp with time zone|width text, \"time\" timestamp with time zone|func"),
    ("\\da", "public|last|double precision|value double precision, \"time\" timestamp with time zone"),
    ("\\sf time_bucket", "FUNCTION public.time_bucket(width text"),
    ("\\sv filler", "asset_of(path) AS asset"),
    ("\\dp samples", "public|samples|table|=r/ironbridge"),
    ("\\z filler", "public|filler|view|=r/ironbridge"),
    ("\\dTS float8", "double precision"),
    ("\\dS pg_class", "relname|text"),
    ("\\dd", ""),
    ("\\dT", ""),
    ("\\di", ""),
    ("\\ds", ""),
    ("\\dm", ""),
    ("\\dE", ""),
    ("\\dC", ""),
    ("\\dD", ""),
    ("\\dO", ""),
    ("\\db", "pg_default"),
    ("\\dL", ""),
    ("\\dx", ""),
    ("\\dy", ""),
    ("\\dP", ""),
    ("\\drds", ""),
    ("\\ddp", ""),
    ("\\des", ""),
    ("\\det", ""),
    ("\\dew", ""),
    ("\\dconfig search_path", "search_path|public"),
    ("\\encoding", "UTF8"),
    ("\\conninfo", "grafana"),
];

#[test]
fn psql_finds_its_way() {
    let Some(plant) = offered("") else { return };
    let Some(tables) = plant.say("\\dt") else { return };
    for table in ["samples", "latest", "points", "assets", "events", "rollup_1h"] {
        assert!(tables.contains(&format!("public|{table}|table|ironbridge")), "{tables}");
    }
    assert!(plant.say("\\dv").unwrap().contains("public|filler|view|ironbridge"));
    let samples = plant.say("\\d samples").unwrap();
    assert!(
        samples.contains("value|double precision|||")
            && samples.contains("time|timestamp with time zone||not null|"),
        "{samples}"
    );
    for (command, wanted) in COMMANDS {
        let said = plant.say(command).unwrap();
        assert!(said.contains(wanted), "{command}: {said}");
    }
    let lake = "select count(*) > 0 from lake.big_lake where path like '%/level'";
    wait_for("rows in the lake", Duration::from_secs(60), || {
        plant.psql(&plant.dsn(), lake).filter(|out| out.stdout.starts_with(b"t"))
    });
    // Found without its schema, too, for who says so: once, or when connecting.
    let set = "set search_path = lake, public; select count(*) > 0 from big_lake join points using (path)";
    assert_eq!(plant.say(set).unwrap().trim(), "SET\nt");
    let with = format!("{}?options=-csearch_path%3Dlake%2Cpublic", plant.dsn());
    for (command, wanted) in [
        ("select count(*) > 0 from big_lake", "t"),
        ("\\d big_lake", "received|timestamp with time zone||not null|"),
        ("set search_path = nowhere; reset all; show search_path", "lake,public"),
    ] {
        let out = plant.psql(&with, command).unwrap();
        assert!(String::from_utf8_lossy(&out.stdout).contains(wanted), "{command}: {out:?}");
    }
    assert_eq!(plant.say("select array[1.5, 2]").unwrap().trim(), "{1.5,2}");
    let level = plant.say(&format!("select value, good from latest where path = '{FILLER}/level'")).unwrap();
    assert_eq!(level.trim(), "12.5|t");
    let wide = plant
        .say("select asset, level from filler where level is not null order by time desc limit 1")
        .unwrap();
    assert_eq!(wide.trim(), format!("{FILLER}|12.5"));
    let minute = format!(
        "select round(value, 3), quality from history('{FILLER}/level', 'time_average2', now() - interval '10 seconds', now(), '5 seconds') order by time desc limit 1"
    );
    assert!(plant.say(&minute).unwrap().starts_with("12.5|"));
    // What a text of the plant or of a person holds stays a text.
    let hostile = plant.say("select 'x''; drop table samples; --' as t, E'\\\\x' as e").unwrap();
    assert_eq!(hostile.trim(), "x'; drop table samples; --|\\x");
}

#[test]
fn psycopg_sqlalchemy_and_pandas_read_and_nothing_writes() {
    let Some(plant) = offered("") else { return };
    let out = Python::find().unwrap().run("sql_client.py", &[&plant.dsn(), SITE]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(said["parameters"], json!([42, "a'b;--", 1.5, true]));
    assert_eq!(said["any"], 1);
    assert!(said["read_only"].as_str().unwrap().contains("DELETE"), "{said}");
    assert_eq!(said["wrong"][0], "42703", "{said}");
    assert_eq!((said["copy"].as_str(), said["cursor"].as_i64()), (Some("path,value"), Some(1275)));
    assert_eq!(said["failed"], true);
    // Ours alone: what describes them stands in schemas of its own.
    let ours = ["assets", "events", "latest", "points", "rollup_1h", "rollup_1m", "samples"];
    assert_eq!(said["tables"], json!(ours));
    assert_eq!(said["views"], json!(["filler"]));
    assert_eq!(said["columns"]["value"], "DOUBLE PRECISION");
    assert_eq!(said["frame"], json!(["datetime64[us, UTC]", "float64", true]));
}

#[test]
fn rights_end_and_bounds_hold() {
    let Some(plant) = offered(
        "connections = 4\n[serve.postgres.viewer]\nrows = 100\ntime = \"2s\"\nconnections = 2\n[serve.postgres.operator]\nmemory_mb = 1\n",
    ) else {
        return;
    };
    let wrong = format!("postgresql://grafana:wrong@127.0.0.1:{}/ironbridge", plant.port);
    let Some(out) = plant.psql(&wrong, "select 1") else { return };
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && text.contains("name or password is wrong"), "{text}");
    let fails = |command: &str, words: &str| {
        let out = plant.psql(&plant.dsn(), command).unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && text.contains(words), "{command}: {text}");
    };
    fails("select * from generate_series(1, 101)", "more than 100 rows");
    fails(
        "select count(*) from generate_series(1, 100000000000) g where g.value % 7 = 8",
        "stopped after 2 s",
    );
    fails("drop table samples", "would change something");
    let token = plant.plant.say(&["token", "add", "small", "--role", "operator"]);
    let small = format!("postgresql://small:{}@127.0.0.1:{}/ironbridge", token.trim(), plant.port);
    let sorted = "select g.value from generate_series(1, 1000000) g order by g.value % 1000, g.value desc";
    let out = plant.psql(&small, sorted).unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success() && text.contains("memory"), "{text}");
    let two = [hold(&plant), hold(&plant)];
    fails("select 1", "2 SQL connections already");
    drop(two);
    wait_for("seats are free again", Duration::from_secs(10), || {
        plant.psql(&plant.dsn(), "select 1").unwrap().status.success().then_some(())
    });
    // A token that is confined sees its part only; one that is removed sees nothing.
    let token = plant.plant.say(&["token", "add", "york", "--role", "viewer", "--prefix", "acme/york"]);
    let york = format!("postgresql://york:{}@127.0.0.1:{}/ironbridge", token.trim(), plant.port);
    let seen = plant.psql(&york, "select count(*) from points").unwrap();
    assert_eq!(String::from_utf8_lossy(&seen.stdout).trim(), "0");
    let tokens = plant.plant.local().get("/api/tokens").ok();
    let id = tokens["tokens"].as_array().unwrap().iter().find(|t| t["name"] == "york").unwrap()["id"].clone();
    plant.plant.say(&["token", "remove", id.as_str().unwrap()]);
    assert!(!plant.psql(&york, "select 1").unwrap().status.success());
}

/// A connection that sends nothing after its sign-in: psql that waits for its input.
pub fn hold(plant: &Offered) -> Process {
    use std::process::Stdio;
    let mut child = Command::new("psql")
        .args(["-X", "-A", "-t", "-d", &plant.dsn()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(b"select 'in';\n").unwrap();
    let mut byte = [0; 2];
    child.stdout.as_mut().unwrap().read_exact(&mut byte).unwrap();
    Process(child)
}

#[test]
fn tls_is_asked_for_and_binds_the_sign_in() {
    let Some(plant) = offered("tls = \"built-in\"\n") else { return };
    let with = |mode: &str| format!("{}?{mode}", plant.dsn());
    let Some(plain) = plant.psql(&with("sslmode=disable"), "select 1") else { return };
    let text = String::from_utf8_lossy(&plain.stderr).into_owned();
    assert!(!plain.status.success() && text.contains("must be encrypted"), "{text}");
    let bound = plant.psql(&with("sslmode=require&channel_binding=require"), "select 1").unwrap();
    assert!(bound.status.success(), "{}", String::from_utf8_lossy(&bound.stderr));
    let authority = plant.plant.data().join("access/ca/ca.pem");
    let verified = with(&format!("sslmode=verify-full&sslrootcert={}", authority.display()));
    let verified = plant.psql(&verified, "select 1").unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

#[test]
fn a_query_is_stopped_by_control_c() {
    let Some(plant) = offered("") else { return };
    let endless = "select count(*) from generate_series(1, 100000000) a, generate_series(1, 1000000) b where a.value % 7 = b.value % 11";
    let Ok(child) = Command::new("psql")
        .args(["-X", "-d", &plant.dsn(), "-c", endless])
        .stderr(std::process::Stdio::piped())
        .spawn()
    else {
        println!("SKIPPED: no psql; `make test` installs it");
        return;
    };
    let mut psql = Process(child);
    wait_for("the query to run", Duration::from_secs(20), || (plant.counted("queries") > 0).then_some(()));
    let cancelled = || {
        psql.signal("INT");
        // More than one, if more than one request was sent before the first one counted.
        (plant.counted("cancelled") > 0).then_some(())
    };
    wait_for("psql sends its cancel request", Duration::from_secs(20), cancelled);
    let mut text = String::new();
    psql.0.stderr.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(text.contains("cancelled"), "{text}");
}
