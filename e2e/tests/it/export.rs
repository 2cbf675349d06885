//! Plant data in the tools that people have: pandas and DuckDB read tables, httpx-sse follows samples, Prometheus scrapes
//! chosen points, curl takes what curl takes.

use crate::harness::{Plant, Process, Python, free_port, wait_for};
use crate::modbus::{latest, plant_with_pymodbus};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const FILLER: &str = "acme/leeds/packaging/line-1/filler";
const PATTERN: &str = "packaging/line-1/**";

struct Running {
    plant: Plant,
    _device: Process,
    token: String,
    base: String,
}

/// A plant with some history, and a viewer's token.
fn running() -> Option<Running> {
    let (mut plant, device, _) = plant_with_pymodbus("[web]\nlisten = \"127.0.0.1:0\"\n")?;
    plant.start();
    latest(&plant, &format!("{FILLER}/level"), |p| p["good"] == true);
    let count = format!("select count(*) from samples where path = '{FILLER}/level'");
    plant.until_above(50, &count);
    let token = plant.say(&["token", "add", "tools", "--role", "viewer"]).trim().to_owned();
    let base = format!("http://127.0.0.1:{}", plant.port());
    Some(Running { plant, _device: device, token, base })
}

impl Running {
    #[track_caller]
    fn python(&self, script: &str) -> Json {
        let (python, script) = Python::find().unwrap().paths(script);
        let out = Command::new(python)
            .arg(script)
            .args([&self.base, &self.token, PATTERN])
            .current_dir(self.plant.dir())
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    fn curl(&self, words: &[&str], path: &str) -> Option<Output> {
        let out = Command::new("curl")
            .args(["-sS", "-H", &format!("authorization: Bearer {}", self.token)])
            .args(words)
            .arg(format!("{}{path}", self.base))
            .output();
        if out.is_err() {
            println!("SKIPPED: no curl; `make test` installs it");
        }
        out.ok()
    }
}

#[test]
fn pandas_and_duckdb_read_the_same_rows_in_every_format_and_in_pages() {
    let Some(running) = running() else { return };
    let seen = running.python("table_reader.py");
    let rows: Vec<u64> = seen["rows"].as_array().unwrap().iter().filter_map(Json::as_u64).collect();
    assert!(rows[0] > 100 && rows.iter().all(|n| *n == rows[0]), "{seen}");
    assert_eq!(
        (&seen["once"], &seen["same"], &seen["bad"]),
        (&json!(rows[0]), &json!(true), &json!(0)),
        "{seen}"
    );
    assert_eq!(seen["pages"].as_u64(), Some(rows[0].div_ceil(97)), "{seen}");
    let sums: Vec<f64> = seen["sums"].as_array().unwrap().iter().filter_map(Json::as_f64).collect();
    assert!(sums.iter().all(|sum| (sum - sums[0]).abs() < 1e-6 * sums[0].abs().max(1.0)), "{seen}");
    assert_eq!(seen["types"]["time"], "datetime64[ns, UTC]", "{seen}");
    assert!(seen["csv_time"].as_str().unwrap().starts_with("datetime64["), "{seen}");
    assert_eq!((&seen["types"]["value"], &seen["types"]["good"]), (&json!("float64"), &json!("bool")));
    let duck: u64 = seen["duck"].as_array().unwrap().iter().filter_map(|row| row[1].as_u64()).sum();
    assert_eq!(duck, rows[0], "{seen}");
    assert!(seen["points"].as_u64() >= Some(4) && seen["points"] == seen["latest"], "{seen}");
    let Some(out) =
        running.curl(&["-D", "-", "-H", "accept: text/csv"], &format!("/api/latest?points={PATTERN}"))
    else {
        return;
    };
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(
        text.contains("content-type: text/csv") && text.contains(&format!("{FILLER}/level,20")),
        "{text}"
    );
    let refused = running.curl(&["-o", "/dev/null", "-w", "%{http_code}"], "/api/range?points=line-9/**");
    assert_eq!(refused.unwrap().stdout, b"404");
}

#[test]
fn a_client_that_is_cut_off_misses_no_sample() {
    let Some(running) = running() else { return };
    let seen = running.python("sse_reader.py");
    let keys = seen["keys"].as_array().unwrap();
    assert_eq!(seen["once"].as_u64(), Some(keys.len() as u64), "nothing twice");
    assert_eq!(seen["kinds"], json!(["samples", "values"]), "no gap");
    assert!(seen["points"].as_u64() >= Some(4), "{}", seen["points"]);
    // Everything between its first and its last sample is in history, and nothing else.
    let (from, to) = (seen["from"].as_str().unwrap(), seen["to"].as_str().unwrap());
    let count = format!(
        "select count(*) from samples where path like 'acme/leeds/packaging/line-1/%' and seq >= {from} and seq <= {to}"
    );
    let expected = keys.len().to_string();
    wait_for("history to have them", Duration::from_secs(20), || {
        let text = running.plant.say(&["query", &count, "--format", "csv"]);
        (text.lines().nth(1)?.trim() == expected).then_some(())
    });
}

/// Prometheus as Debian has it, on a free port, in its own folder.
fn prometheus(running: &Running, dir: &Path, token: &str) -> Option<(Process, u16)> {
    if !Path::new("/usr/bin/prometheus").exists() {
        println!("SKIPPED: no prometheus; `make test` installs it");
        return None;
    }
    std::fs::write(dir.join("token"), token).unwrap();
    let target = running.base.trim_start_matches("http://");
    let config = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n\
         - job_name: plant\n  metrics_path: /metrics/points\n  params: {{ points: [\"{PATTERN}\"] }}\n  \
         authorization: {{ credentials_file: token }}\n  static_configs: [{{ targets: [\"{target}\"] }}]\n\
         - job_name: ironbridge\n  static_configs: [{{ targets: [\"{target}\"] }}]\n"
    );
    std::fs::write(dir.join("prometheus.yml"), config).unwrap();
    let port = free_port();
    let child = Command::new("/usr/bin/prometheus")
        .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .current_dir(dir)
        .stdout(Stdio::null())
        .spawn();
    Some((Process(child.unwrap()), port))
}

/// Value of a series in Prometheus, once it has one that fits.
fn queried(port: u16, query: &str, fits: impl Fn(f64) -> bool) -> f64 {
    wait_for(query, Duration::from_secs(60), || {
        let out = Command::new("curl")
            .args(["-sS", "-G", "--data-urlencode", &format!("query={query}")])
            .arg(format!("http://127.0.0.1:{port}/api/v1/query"))
            .stderr(Stdio::null())
            .output()
            .ok()?;
        let answer: Json = serde_json::from_slice(&out.stdout).ok()?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok().filter(|value| fits(*value))
    })
}

#[test]
fn prometheus_scrapes_chosen_points_and_ironbridge_itself() {
    let Some(running) = running() else { return };
    let dir = tempfile::tempdir().unwrap();
    let Some((_prometheus, port)) = prometheus(&running, dir.path(), &running.token) else { return };
    let path = format!("{{path=\"{FILLER}/level\"}}");
    let name = {
        let all = running.curl(&[], &format!("/metrics/points?points={PATTERN}")).unwrap().stdout;
        let all = String::from_utf8(all).unwrap();
        let line =
            all.lines().find(|line| line.contains("/level\",unit=")).unwrap_or_else(|| panic!("{all}"));
        line.split('{').next().unwrap().to_owned()
    };
    assert_eq!(queried(port, &format!("{name}{path}"), |_| true), 12.5);
    assert_eq!(queried(port, &format!("plant_point_good{path}"), |_| true), 1.0);
    assert!(queried(port, &format!("time() - plant_point_time_seconds{path}"), |_| true) < 60.0);
    queried(port, "ironbridge_samples_total", |value| value > 0.0);
    // What the linter says against us are units of the plant that are no base units; nothing else.
    for address in [format!("/metrics/points?points={PATTERN}"), "/metrics".to_owned()] {
        let text = running.curl(&[], &address).unwrap().stdout;
        let mut lint = Command::new("/usr/bin/promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut lint.stdin.take().unwrap(), &text).unwrap();
        let out = lint.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr);
        let other: Vec<&str> =
            said.lines().filter(|line| !line.is_empty() && !line.contains("use base unit")).collect();
        assert!(other.is_empty(), "{address}: {other:#?}");
    }
    // A point that turns Bad has no value any more; that it is Bad is there.
    let mut running = running;
    running._device.kill();
    queried(port, &format!("plant_point_good{path}"), |value| value == 0.0);
    queried(port, &format!("absent({name}{path})"), |value| value == 1.0);
    // Without a token nobody gets values.
    let open = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"])
        .arg(format!("{}/metrics/points?points={PATTERN}", running.base))
        .output()
        .unwrap();
    assert_eq!(open.stdout, b"401");
}
