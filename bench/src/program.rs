//! The program itself, started on a plant folder.

use crate::process::{Process, beside};
use std::io::{BufRead, BufReader, Error, Result};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A running Ironbridge.
pub struct Gateway {
    /// Its process.
    pub process: Process,
    /// From the start of the process to `ready`.
    pub ready: Duration,
    /// When the process was started.
    pub started: Instant,
    /// Port of its page.
    pub page: u16,
}

/// Starts the program that was built beside this one and waits until it is ready.
///
/// # Errors
/// It does not start.
pub fn start(plant: &Path, data: &Path) -> Result<Gateway> {
    let started = Instant::now();
    let mut command = Command::new(beside("ironbridge"));
    command.arg("run").arg(plant).arg("--data").arg(data).args(["--log", "error"]);
    let mut process = Process::start(command.stdout(Stdio::piped()))?;
    let out = process.0.stdout.take().ok_or_else(|| Error::other("no output"))?;
    let mut page = 0;
    for line in BufReader::new(out).lines() {
        let line = line?;
        if let Some(port) = line.strip_prefix("page").and_then(|rest| rest.rsplit(':').next()) {
            page = port.trim().parse().unwrap_or(0);
        }
        if line == "ready" {
            return Ok(Gateway { process, ready: started.elapsed(), started, page });
        }
    }
    Err(Error::other("ironbridge did not start"))
}

/// An API token that reads, made over the owner's socket.
///
/// # Errors
/// The program refuses.
pub fn token(data: &Path) -> Result<String> {
    token_of(data, "viewer")
}

/// The same for another role.
///
/// # Errors
/// The program refuses.
pub fn token_of(data: &Path, role: &str) -> Result<String> {
    let out = Command::new(beside("ironbridge"))
        .args(["token", "add", "bench", "--role", role, "--data"])
        .arg(data)
        .output()?;
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let token = text.split_whitespace().find(|word| word.starts_with("ib_"));
    token
        .map(str::to_owned)
        .ok_or_else(|| Error::other(format!("no token: {text}{}", String::from_utf8_lossy(&out.stderr))))
}
