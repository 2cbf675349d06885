//! Shared by the benchmarks: processes and what they cost, other programs' clients, a free port, medians.

pub mod capture;
pub mod http;
pub mod mqtt;
pub mod process;
pub mod program;

use std::net::TcpListener;
use std::process::Command;

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_or(0, |address| address.port())
}

/// The value below which the share `q` of the sorted values lies.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get(((sorted.len() as f64 * q) as usize).min(last)).copied().unwrap_or(0.0)
}

/// The Python that has the clients of other programs, where `IRONBRIDGE_PEERS_PYTHON` names one.
pub fn python() -> Option<Command> {
    std::env::var_os("IRONBRIDGE_PEERS_PYTHON").map(Command::new)
}
