//! The drivers by which BI tools and spreadsheets ask: PostgreSQL's JDBC driver, and psqlODBC under unixODBC.

use crate::database::{Database, PASSWORD, no_postgres};
use crate::harness::Python;
use crate::sql::{FILLER, offered};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const JDBC: &str = "/usr/share/java/postgresql.jar";
const COLUMNS: &str = "path:text:0, time:timestamptz:0, received:timestamptz:0, seq:int8:0, value:float8:1, value_int:int8:1, value_text:text:1, good:bool:0, quality:text:0, status:int8:0, historical:bool:0";

#[test]
fn jdbc_looks_around_asks_and_is_held_to_its_bounds() {
    let compiler = Command::new("javac").arg("-version").output();
    if compiler.is_err() || !Path::new(JDBC).exists() {
        println!(
            "SKIPPED: no Java (default-jdk-headless, a download of 115 MB) or no libpostgresql-jdbc-java"
        );
        return;
    }
    let Some(plant) = offered("") else { return };
    let (_, script) = Python::find().unwrap().paths("Jdbc.java");
    let url = format!("jdbc:postgresql://127.0.0.1:{}/ironbridge", plant.port);
    let out = Command::new("java")
        .args(["-XX:TieredStopAtLevel=1", "-cp", JDBC])
        .arg(script)
        .args([&url, "grafana", &plant.token, &format!("{FILLER}/level")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(out.status.success(), "{text}\n{}", String::from_utf8_lossy(&out.stderr));
    let said: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let says = |key: &str, want: &str| assert_eq!(said.get(key).copied(), Some(want), "{key}: {text}");
    says("product", "PostgreSQL");
    says("catalogs", "[ironbridge]");
    says("schemas", "[information_schema, lake, pg_catalog, public]");
    says("lake", "[big_lake]");
    says("privileges", "[SELECT]");
    says("kinds", "true");
    says("tables", "[assets, events, latest, points, rollup_1h, rollup_1m, samples]");
    says("views", "[filler]");
    says("columns", &format!("[{COLUMNS}]"));
    for none in ["keys", "imported", "exported", "indexes", "procedures"] {
        says(none, "[]");
    }
    says("functions", "[time_bucket]");
    says("given", "[timestamptz, text, timestamptz]");
    says("types", "true");
    says("told", "timestamptz java.lang.Double bool");
    says("parameters", "42 a'b;-- 1.5 true true");
    says("any", "1");
    says("portions", "5000050000");
    says("most", "3");
    says("write", "25006");
    says("stopped", "57014");
    says("valid", "true");
    says("wrong", "28P01");
    says("simple", "true");
}

/// psqlODBC, where Debian puts it.
fn odbc() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?.flatten();
    folders.map(|folder| folder.path().join("odbc/psqlodbcw.so")).find(|path| path.exists())
}

#[test]
fn odbc_looks_around_and_asks() {
    let Some(driver) = odbc() else {
        println!("SKIPPED: no odbc-postgresql; `make test` installs it");
        return;
    };
    let Some(plant) = offered("") else { return };
    let (driver, port) = (driver.display().to_string(), plant.port.to_string());
    let words = [driver.as_str(), &port, "grafana", &plant.token, &format!("{FILLER}/level")];
    let out = Python::find().unwrap().run("odbc_client.py", &words);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    let tables = ["assets", "events", "latest", "points", "rollup_1h", "rollup_1m", "samples"];
    assert_eq!((&said["tables"], &said["views"]), (&json!(tables), &json!(["filler"])));
    assert_eq!(
        (&said["columns"]["value"], &said["columns"]["time"]),
        (&json!("float8"), &json!("timestamptz"))
    );
    for none in ["keys", "foreign", "statistics"] {
        assert_eq!(said[none], json!([]), "{none}");
    }
    assert_eq!(said["types"], true);
    assert_eq!(said["sums"], json!([500_500, 500_500, 500_500]));
    let values = json!([42, "a'b;--", 1.5]);
    assert_eq!(said["parameters"], json!([values, values, values]));
    assert_eq!(said["dbms"], "PostgreSQL");
    assert!(said["write"].as_str().unwrap().contains("would change something"), "{said}");
    assert!(said["wrong"].as_str().unwrap().contains("name or password is wrong"), "{said}");
}

#[test]
fn drivers_of_python_as_they_come() {
    let Some(plant) = offered("") else { return };
    let out = Python::find().unwrap().run("sql_drivers.py", &[&plant.dsn(), &format!("{FILLER}/level")]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    for driver in ["psycopg2", "asyncpg", "pg8000", "adbc"] {
        assert_eq!(said[driver], 5, "{driver}: {said}");
    }
    assert_eq!((&said["asyncpg writes"], &said["asyncpg pool"]), (&json!("25006"), &json!(6)));
    let types = json!(["string", "timestamp[us, tz=UTC]", "double", "bool", "int64", "string"]);
    assert_eq!(said["adbc types"], types);
    let ours = ["assets", "events", "latest", "points", "rollup_1h", "rollup_1m", "samples"];
    assert_eq!(said["adbc schema"], "timestamp[us, tz=UTC]");
    let mut listed = [&ours[..], &["filler"]].concat();
    listed.sort_unstable();
    assert_eq!(said["adbc tables"], json!(listed));
    let tool = &said["pgcli"];
    assert_eq!(tool["schemata"], json!(["information_schema", "lake", "pg_catalog", "public"]));
    assert_eq!((&tool["views"], &tool["databases"]), (&json!(["filler"]), &json!(["ironbridge"])));
    let mut all: Vec<String> = ours.iter().map(|name| format!("public.{name}")).collect();
    all.insert(0, "lake.big_lake".into());
    assert_eq!(tool["tables"], json!(all));
    assert_eq!(tool["columns"].as_array().unwrap().len(), 11, "{tool}");
    assert!(tool["functions"].as_array().unwrap().contains(&json!("time_bucket")), "{tool}");
    assert_eq!((&tool["keys"], &tool["types of its own"]), (&json!([]), &json!([])));
}

/// What tools ask, asked of PostgreSQL too: with tables of the same columns both give the same rows.
#[test]
fn the_catalogue_answers_as_postgresql_does() {
    if no_postgres() {
        return;
    }
    let Some(plant) = offered("") else { return };
    let server = Database::start_with(|_| vec!["timezone='UTC'".into()]);
    let address = format!("postgresql://ironbridge:{PASSWORD}@127.0.0.1:{}/plant", server.port);
    let questions = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/sql/tests/clients.sql");
    let out = Python::find().unwrap().run("catalogue.py", &[&plant.dsn(), &address, questions]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let said: Json = serde_json::from_slice(&out.stdout).unwrap();
    assert!(said["asked"].as_u64().is_some_and(|asked| asked >= 40), "{said}");
    assert_eq!(said["wrong"], json!({}), "{said:#}");
}
