//! Detections: each a small file with what it looks for, how bad it is, what it means and what to check next.

mod bacnet;
pub mod base;
mod cip;
pub(crate) mod dnp3;
mod dns;
pub mod goose;
mod http;
mod iec104;
mod modbus;
mod mqtt;
pub mod net;
mod ntp;
mod opcua;
pub mod own;
pub mod profinet;
mod rdp;
mod s7;
pub mod smb;
mod snmp;
mod ssh;
mod technique;
mod tls;

pub use technique::Technique;
use technique::{DENIAL_OF_SERVICE, EXPLOIT};

use crate::hosts::Host;
use crate::links::Link;
use crate::operation::{Effect, Kind, Operation};
use crate::protocol::Protocol;

/// Ports of a host at which connections without data are a scan.
pub const SCAN_PORTS: u32 = 15;

/// One detection.
#[derive(Debug)]
pub struct Rule {
    /// Stable id, e.g. `IB-MB-001`.
    pub id: &'static str,
    /// What happened, in a few words.
    pub title: &'static str,
    /// How bad it is, 1 to 1000 (the scale of events: from 700 somebody should look now).
    pub severity: u16,
    /// ATT&CK for ICS.
    pub techniques: &'static [Technique],
    /// What it means, in plain words.
    pub meaning: &'static str,
    /// What to check next.
    pub next: &'static str,
    /// Whether a message is a case of it.
    pub trigger: fn(&Seen<'_>) -> bool,
}

/// A message and what is known around it.
pub struct Seen<'a> {
    /// The message.
    pub op: &'a Operation<'a>,
    pub(crate) link: &'a Link,
    pub(crate) client: &'a Host,
    pub(crate) server: &'a Host,
}

impl Seen<'_> {
    pub(crate) fn is_request(&self) -> bool {
        self.op.kind == Kind::Request
    }

    /// Whether it asks the device to do this.
    pub(crate) fn asks(&self, effect: Effect) -> bool {
        self.is_request() && self.op.effect == effect
    }

    /// Whether it is a request with one of these function numbers.
    pub(crate) fn calls(&self, functions: &[u32]) -> bool {
        self.is_request() && functions.contains(&self.op.function)
    }
}

/// Rules that look at messages of a protocol.
pub fn rules(protocol: Protocol) -> &'static [&'static Rule] {
    match protocol {
        Protocol::Modbus => modbus::RULES,
        Protocol::S7 | Protocol::S7Plus => s7::RULES,
        Protocol::Enip => cip::RULES,
        Protocol::Dnp3 => dnp3::RULES,
        Protocol::Bacnet => bacnet::RULES,
        Protocol::Iec104 => iec104::RULES,
        Protocol::OpcUa => opcua::RULES,
        Protocol::ProfinetDcp => profinet::RULES,
        Protocol::Profinet => profinet::CYCLIC,
        Protocol::Goose => goose::RULES,
        Protocol::Mqtt => mqtt::RULES,
        Protocol::Dns => dns::RULES,
        Protocol::Http => http::RULES,
        Protocol::Tls => tls::RULES,
        Protocol::Smb => smb::RULES,
        Protocol::Rdp => rdp::RULES,
        Protocol::Ssh => ssh::RULES,
        Protocol::Snmp => snmp::RULES,
        Protocol::Ntp => ntp::RULES,
        Protocol::Ftp | Protocol::Telnet => net::SIGN_IN,
        _ => &[],
    }
}

/// The rule for messages that break the rules of a protocol.
pub fn malformed(protocol: Protocol) -> &'static Rule {
    match protocol {
        Protocol::Modbus => &modbus::malformed::RULE,
        Protocol::S7 | Protocol::S7Plus => &s7::malformed::RULE,
        Protocol::Enip => &cip::malformed::RULE,
        Protocol::Dnp3 => &dnp3::malformed::RULE,
        Protocol::Bacnet => &bacnet::malformed::RULE,
        Protocol::Iec104 => &iec104::malformed::RULE,
        Protocol::Goose => &goose::malformed::RULE,
        Protocol::OpcUa => &opcua::malformed::RULE,
        Protocol::Mqtt => &mqtt::malformed::RULE,
        Protocol::Snmp => &snmp::malformed::RULE,
        _ => &net::malformed::RULE,
    }
}

/// The rule for a protocol that is worth a word by being there.
pub fn met(protocol: Protocol) -> Option<&'static Rule> {
    Some(match protocol {
        Protocol::Telnet => &net::telnet::RULE,
        Protocol::Ftp | Protocol::Tftp => &net::ftp::RULE,
        Protocol::Rdp | Protocol::Vnc => &net::remote_screen::RULE,
        Protocol::Fox => &net::fox::RULE,
        Protocol::Fins => &net::fins::RULE,
        _ => return None,
    })
}

/// All rules, by id.
#[must_use]
pub fn all() -> Vec<&'static Rule> {
    let of = |protocol: &Protocol| rules(*protocol).iter().copied().chain([malformed(*protocol)]);
    let mut all: Vec<_> = Protocol::ALL
        .iter()
        .flat_map(of)
        .chain([net::RULES, base::RULES, own::RULES].into_iter().flatten().copied())
        .collect();
    all.sort_by_key(|rule| rule.id);
    all.dedup_by_key(|rule| rule.id);
    all
}

/// The rule for malformed messages of a protocol: all are told in the same words.
const fn rule_of_malformed(id: &'static str, title: &'static str) -> Rule {
    Rule {
        id,
        title,
        severity: 500,
        techniques: &[EXPLOIT, DENIAL_OF_SERVICE],
        meaning: "The lengths or codes of messages contradict the standard. Broken software does this, and tools \
                  that look for errors in devices (fuzzers), because such errors let them in or stop the device.",
        next: "Look at the packets. If the sender is a machine that belongs there, update its software; if not, \
               isolate it at its port of the switch.",
        trigger: never,
    }
}

/// For rules that no message triggers: something else raises them.
pub(crate) const fn never(_: &Seen<'_>) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_told_completely_and_once() {
        let all = all();
        assert!(all.len() >= 45, "{}", all.len());
        assert!(all.windows(2).all(|pair| pair[0].id < pair[1].id));
        for rule in all {
            assert!((1..=1000).contains(&rule.severity), "{}", rule.id);
            assert!(
                rule.id.starts_with("IB-") && rule.meaning.ends_with('.') && rule.next.ends_with('.'),
                "{}",
                rule.id
            );
            assert!(!rule.techniques.is_empty(), "{}", rule.id);
        }
    }
}
