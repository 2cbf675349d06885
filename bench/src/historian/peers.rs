//! Ironbridge beside other programs, on the data that was just measured: by scripts, with those programs' own clients.

use super::Result;
use bench::process::beside;
use std::ffi::OsStr;
use std::path::Path;

/// Names of the destinations that [`deliver`] measures, as its script has them.
pub const DESTINATIONS: [&str; 4] = ["db", "stream", "lines", "lake"];

/// SQL over the PostgreSQL wire (`url`) and over Flight beside PostgreSQL and DuckDB, from `first` to `last` in ms since 1970.
pub fn sql(url: &str, flight: &str, token: &str, (first, last): (i64, i64), folder: &Path) -> Result<()> {
    let script = concat!(include_str!("postgres.py"), include_str!("sql.py"));
    run("SQL", script, &[&url, &flight, &token, &first.to_string(), &last.to_string(), &folder])
}

/// The journal in `data`, which holds so many samples, into destinations, beside other ways to load the same rows.
pub fn deliver(data: &Path, samples: usize) -> Result<()> {
    let folder = tempfile::tempdir_in(data.parent().unwrap_or(data))?;
    let script = concat!(include_str!("postgres.py"), include_str!("deliver.py"));
    run("destinations", script, &[&beside("ironbridge"), &data, &samples.to_string(), &folder.path()])
}

fn run(what: &str, script: &str, words: &[&dyn AsRef<OsStr>]) -> Result<()> {
    let Some(mut python) = bench::python() else {
        println!("  {what}: skipped, IRONBRIDGE_PEERS_PYTHON is not set");
        return Ok(());
    };
    if !python.args(["-c", script]).args(words).status()?.success() {
        return Err(format!("{what}: the comparison failed").into());
    }
    Ok(())
}
