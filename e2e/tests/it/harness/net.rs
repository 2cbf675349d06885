//! A small plant network: hosts in network namespaces of their own at a hub with a span port.
//!
//! ```text
//!   gw 10.77.0.1 ─┐
//!   hmi     .5  ──┤
//!   plc     .9  ──┼─ hub (e2e/peers/hub.py) ── span0 in gw
//!   rogue  .66  ──┘
//! ```

use super::{Process, Python};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// Set in the process that runs in a network of its own.
const INSIDE: &str = "IRONBRIDGE_TEST_OWN_NETWORK";
/// What a test program says with its exit code when a test failed.
const FAILED: i32 = 101;

/// Runs the test of this name again in a network namespace of its own, where nobody else's packets are seen. False, in words, if
/// this machine has none: nothing was run.
pub fn in_own_network(name: &str, test: impl FnOnce()) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        test();
        return true;
    }
    let out = Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(INSIDE, "1")
        .output();
    match out {
        Ok(out) if out.status.success() => {
            print!("{}", String::from_utf8_lossy(&out.stdout));
            eprint!("{}", String::from_utf8_lossy(&out.stderr));
            true
        }
        Ok(out) if out.status.code() == Some(FAILED) => {
            panic!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
        }
        Ok(out) => {
            eprintln!("skipped: no network namespace: {}", String::from_utf8_lossy(&out.stderr));
            false
        }
        Err(why) => {
            eprintln!("skipped: no `unshare`: {why}");
            false
        }
    }
}

/// Whether `ip` with these words did it.
pub fn ip_does(words: &str) -> bool {
    Command::new("ip").args(words.split(' ')).status().is_ok_and(|status| status.success())
}

const HOSTS: [(&str, u8); 4] = [("gw", 1), ("hmi", 5), ("plc", 9), ("rogue", 66)];

/// The network. Dropping it takes all of it down.
pub struct Net {
    prefix: String,
    hub: Option<Process>,
}

fn ip(words: &str) -> Output {
    Command::new("ip").args(words.split(' ')).output().unwrap()
}

fn must(words: &str) {
    let out = ip(words);
    assert!(out.status.success(), "ip {words}: {}", String::from_utf8_lossy(&out.stderr));
}

impl Net {
    /// Builds it; `None` says that it was skipped. While the file `change` exists, somebody behind the span port changes what the
    /// PLC answers to the gateway.
    pub fn new(python: &Python, change: &Path) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("ib{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        if !ip(&format!("netns add {prefix}-hub")).status.success() {
            println!("SKIPPED: no right to make network namespaces; run as root to have this test");
            return None;
        }
        let mut net = Self { prefix, hub: None };
        let hub = net.name("hub");
        let mut words = vec!["span".to_owned(), change.to_str().unwrap().to_owned()];
        for (host, address) in HOSTS {
            let name = net.name(host);
            must(&format!("netns add {name}"));
            net.quiet(&name);
            must(&format!("link add {host} netns {hub} type veth peer name eth0 netns {name}"));
            must(&format!("-n {name} address add 10.77.0.{address}/24 dev eth0"));
            // Packets leave as they would on a cable, not several at once for a card to cut.
            must(&format!("-n {name} link set eth0 gso_max_segs 1"));
            for (space, link) in [(&name, "lo"), (&name, "eth0"), (&hub, host)] {
                must(&format!("-n {space} link set {link} up"));
            }
            words.push(host.to_owned());
        }
        net.quiet(&hub);
        let gateway = net.name("gw");
        must(&format!("link add span netns {hub} type veth peer name span0 netns {gateway}"));
        must(&format!("-n {hub} link set span up"));
        must(&format!("-n {gateway} link set span0 up"));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        net.hub = Some(python.start_in(&hub, "hub.py", &words));
        Some(net)
    }

    /// The name of a host's namespace.
    pub fn name(&self, host: &str) -> String {
        format!("{}-{host}", self.prefix)
    }

    /// No IPv6: nobody here speaks it, and its searches would be traffic.
    fn quiet(&self, namespace: &str) {
        let all = "/proc/sys/net/ipv6/conf";
        let script = format!("echo 1 > {all}/all/disable_ipv6; echo 1 > {all}/default/disable_ipv6");
        // Where there is no IPv6 there is nothing to turn off.
        let _ = Command::new("ip").args(["netns", "exec", namespace, "sh", "-c", &script]).output();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.hub = None;
        for host in ["gw", "hmi", "plc", "rogue", "hub"] {
            ip(&format!("netns delete {}", self.name(host)));
        }
    }
}
