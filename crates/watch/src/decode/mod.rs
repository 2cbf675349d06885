//! Decoders: what is said in a conversation.

mod bacnet;
mod dnp3;
mod enip;
mod iec104;
mod modbus;
mod network;
mod opcua;
mod profinet;
mod recognise;
mod s7;

pub use network::{layer2, met, other_ip};
pub use recognise::{Sight, is_server_port, recognise, sender_is_client};

use crate::core::{Core, Talk};
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;

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
        _ => format!("{function}").into(),
    }
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
