//! Starts the real programs, waits for conditions, cleans up by process id.

mod http;
mod net;
mod peers;
mod plant;

pub use http::Http;
pub use net::{Net, in_own_network, ip_does};
pub use peers::{Broker, Nats, Python, Talker, Wire, chromium, node_dir};
pub use plant::{Plant, binary};

use std::net::{TcpListener, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Waits until `condition` gives something; fails with `what` after `limit`.
pub fn wait_for<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until something listens on a port of this machine.
pub fn listening(what: &str, port: u16) {
    wait_for(what, Duration::from_secs(60), || TcpStream::connect(("127.0.0.1", port)).ok());
}

/// A process that ends with its owner.
pub struct Process(pub Child);

impl Process {
    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Sends a signal, e.g. `TERM`.
    pub fn signal(&self, name: &str) {
        let status =
            std::process::Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Numbers that look random and are the same for the same seed; the seed is printed by who uses it.
pub struct Random(u64);

impl Random {
    /// From `IRONBRIDGE_SEED`, else fixed; printed, so that a failure can be repeated.
    pub fn seeded() -> Self {
        let seed = std::env::var("IRONBRIDGE_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20_261_122);
        println!("IRONBRIDGE_SEED={seed}");
        Self(seed)
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // xorshift64*: enough for choosing moments.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16) % end
    }
}

/// Milliseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "a black box is compared with the clock on the wall")]
pub fn now_ms() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64() * 1e3
}
