//! Readers of Iceberg tables that nobody here wrote: DuckDB and pyiceberg.

use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python with readers of Iceberg; says so if there is none.
pub fn python() -> Option<PathBuf> {
    let peers = std::env::var_os("IRONBRIDGE_PEERS_PYTHON").map(PathBuf::from);
    let lake = peers.and_then(|python| Some(python.ancestors().nth(3)?.join("lake/bin/python")));
    let lake = lake.filter(|python| python.exists());
    if lake.is_none() {
        eprintln!("SKIPPED: no readers of Iceberg tables (scripts/need.sh test installs them)");
    }
    lake
}

/// What both see of a table, in a folder or in a store at an endpoint; `None` without them.
pub fn seen(table: impl AsRef<std::ffi::OsStr>, endpoint: Option<&str>) -> Option<Json> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lake/tests/peers/lake.py");
    let out = Command::new(python()?).arg(script).arg(table).args(endpoint).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(serde_json::from_slice(&out.stdout).unwrap())
}
