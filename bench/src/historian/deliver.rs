//! The data that was just measured into destinations, beside other ways to load it.

use super::Result;
use bench::process::beside;
use std::path::Path;
use std::process::Command;

/// Runs `deliver.py` on `data`, which holds so many samples.
pub fn run(data: &Path, samples: usize) -> Result<()> {
    let Some(python) = std::env::var_os("IRONBRIDGE_PEERS_PYTHON") else {
        println!("  destinations: skipped, IRONBRIDGE_PEERS_PYTHON is not set");
        return Ok(());
    };
    let folder = tempfile::tempdir_in(data.parent().unwrap_or(data))?;
    let mut command = Command::new(python);
    command.args(["-c", include_str!("deliver.py")]).arg(beside("ironbridge")).arg(data);
    if !command.arg(samples.to_string()).arg(folder.path()).status()?.success() {
        return Err("deliver.py failed".into());
    }
    Ok(())
}
