//! Child processes and what they cost.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Ends with its owner.
pub struct Process(pub Child);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Processor time so far and resident bytes.
    pub fn cost(&self) -> (Duration, u64) {
        cost_of(self.0.id())
    }

    /// Ends it in order.
    pub fn stop(mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        let until = Instant::now() + Duration::from_secs(20);
        while Instant::now() < until && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Numbers of `/proc/PID/stat` behind the name.
fn stat(pid: u32) -> impl Fn(usize) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<u64> =
        stat.rsplit(')').next().unwrap_or("").split_whitespace().map(|f| f.parse().unwrap_or(0)).collect();
    move |n| fields.get(n).copied().unwrap_or(0)
}

/// Processor time so far and resident bytes of a process.
pub fn cost_of(pid: u32) -> (Duration, u64) {
    let field = stat(pid);
    (Duration::from_millis((field(11) + field(12)) * 10), field(21) * 4096)
}

/// Processor time of the children of this process that have ended.
pub fn children() -> Duration {
    let field = stat(std::process::id());
    Duration::from_millis((field(13) + field(14)) * 10)
}

/// Processor time of this process.
pub fn own_cost() -> Duration {
    cost_of(std::process::id()).0
}

/// A binary that was built beside this one.
pub fn beside(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}
