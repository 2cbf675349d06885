//! Decoders: what is said in a conversation.

mod bacnet;
mod dnp3;
pub mod dns;
mod enip;
mod http;
mod iec104;
mod modbus;
pub mod mqtt;
mod network;
mod opcua;
pub mod plain;
mod profinet;
mod recognise;
mod roles;
mod rtu;
mod s7;
pub mod smb;
pub mod snmp;
pub mod tls;

pub use bacnet::BVLL;
pub use network::{layer2, met, other_ip};
pub use recognise::{Sight, is_beginning, is_greeting, is_server_port, recognise, sender_is_client};
pub use roles::{adus, asks};

use crate::core::{Core, Talk};
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Reads the messages of one conversation.
pub trait Decoder: Send {
    /// Takes bytes of a stream that follow those it was done with; says how many it is done with now.
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step;

    /// Takes a datagram.
    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let _ = self.stream(bytes, talk, core);
    }
}

/// The decoder of a protocol; `None` for those that are only recognised.
pub fn decoder(protocol: Protocol) -> Option<Box<dyn Decoder>> {
    Some(match protocol {
        Protocol::Modbus => Box::<modbus::Modbus>::default(),
        Protocol::S7 => Box::<s7::S7>::default(),
        Protocol::Enip => Box::<enip::Enip>::default(),
        Protocol::Dnp3 => Box::<dnp3::Dnp3>::default(),
        Protocol::Bacnet => Box::new(bacnet::Bacnet),
        Protocol::Iec104 => Box::<iec104::Iec104>::default(),
        Protocol::OpcUa => Box::<opcua::OpcUa>::default(),
        Protocol::Dhcp => Box::new(network::Dhcp),
        Protocol::Mqtt => Box::<mqtt::Mqtt>::default(),
        Protocol::Dns => Box::new(dns::Dns),
        Protocol::Http => Box::<http::Http>::default(),
        Protocol::Tls => Box::<tls::Tls>::default(),
        Protocol::Smb => Box::<smb::Smb>::default(),
        Protocol::Rdp => Box::<plain::Rdp>::default(),
        Protocol::Ssh => Box::<plain::Ssh>::default(),
        Protocol::Ftp => Box::<plain::Ftp>::default(),
        Protocol::Telnet => Box::<plain::Telnet>::default(),
        Protocol::Snmp => Box::new(snmp::Snmp),
        Protocol::Ntp => Box::new(plain::Ntp),
        _ => return None,
    })
}

/// Name of a function number of a decoder.
pub fn function_name(protocol: Protocol, function: u32) -> Cow<'static, str> {
    match protocol {
        Protocol::Modbus => modbus::function_name(function),
        Protocol::S7 | Protocol::S7Plus => s7::function_name(function),
        Protocol::Enip => enip::function_name(function),
        Protocol::Dnp3 => dnp3::function_name(function),
        Protocol::Bacnet => bacnet::function_name(function),
        Protocol::Iec104 => iec104::function_name(function),
        Protocol::OpcUa => opcua::function_name(function),
        Protocol::ProfinetDcp => profinet::function_name(function),
        Protocol::Mqtt => mqtt::function_name(function),
        Protocol::Dns => dns::function_name(function),
        Protocol::Http => http::function_name(function),
        Protocol::Tls => tls::function_name(function),
        Protocol::Smb => smb::function_name(function),
        Protocol::Snmp => snmp::function_name(function),
        Protocol::Rdp | Protocol::Ssh | Protocol::Ftp | Protocol::Telnet | Protocol::Ntp => {
            plain::function_name(protocol, function)
        }
        _ => format!("{function}").into(),
    }
}

/// A message of a protocol that is told in a word and a line.
struct Told {
    protocol: Protocol,
    kind: Kind,
    function: u32,
    effect: Effect,
    outcome: Outcome,
}

impl Told {
    /// A request of which nothing more is known.
    const fn new(protocol: Protocol, function: u32) -> Self {
        Self { protocol, kind: Kind::Request, function, effect: Effect::Unknown, outcome: Outcome::Open }
    }

    fn tell(self, words: &str, talk: &Talk, core: &mut Core) {
        let Self { protocol, kind, function, effect, outcome } = self;
        let body = if words.is_empty() { Body::None } else { Body::Words(words) };
        core.operation(talk, &Operation { protocol, kind, function, effect, unit: 0, outcome, body });
    }
}

/// A number for a name. Without a secret: the tables are bounded, and an analysis gives the same twice.
pub fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Requests that wait for their answer, by a number of the protocol's own. A new one takes the place of the oldest.
#[derive(Debug)]
pub struct Waiting<T, const N: usize> {
    slots: [Option<(u64, T)>; N],
    next: usize,
}

impl<T: Copy, const N: usize> Default for Waiting<T, N> {
    fn default() -> Self {
        Self { slots: [None; N], next: 0 }
    }
}

impl<T: Copy, const N: usize> Waiting<T, N> {
    pub fn push(&mut self, key: u64, request: T) {
        if let Some(slot) = self.slots.get_mut(self.next) {
            *slot = Some((key, request));
        }
        self.next = (self.next + 1) % N;
    }

    /// The latest request with this number, once.
    pub fn take(&mut self, key: u64) -> Option<T> {
        let at = (1..=N).map(|back| (self.next + N - back) % N).find(|at| {
            self.slots.get(*at).is_some_and(|slot| slot.as_ref().is_some_and(|(known, _)| *known == key))
        })?;
        self.slots.get_mut(at)?.take().map(|(_, request)| request)
    }
}
