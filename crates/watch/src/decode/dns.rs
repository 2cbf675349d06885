//! DNS: what is asked for.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::operation::{Effect, Kind};
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean;
use std::borrow::Cow;
use wire::dns;

/// Function numbers: the type of the record; names that carry more than a name behind this.
pub const LONG: u32 = 0x1_0000;
/// Labels and names of people and machines are shorter.
const LONG_LABEL: usize = 52;
const LONG_NAME: usize = 120;

/// DNS over UDP and TCP.
pub struct Dns;

impl Decoder for Dns {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        // Over TCP each message has its length before it.
        let mut rest = bytes;
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some((message, tail)) = tail.split_at_checked(length) else { break };
            rest = tail;
            self.datagram(message, talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let Some(message) = dns::read(bytes) else { return };
        let is_long = message.longest_label > LONG_LABEL || message.name.len() > LONG_NAME;
        let mut told = Told::new(Protocol::Dns, u32::from(message.kind) | if is_long { LONG } else { 0 });
        told.effect = Effect::Diagnose;
        if message.is_answer {
            told.kind = Kind::Response;
            told.outcome = Core::outcome((message.code != 0).then_some(message.code.into()));
        }
        told.tell(&clean(&message.name), talk, core);
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let long = if function & LONG != 0 { " with a long name" } else { "" };
    match u16::try_from(function & 0xFFFF).ok().and_then(dns::kind_name) {
        Some(name) => format!("{name}{long}").into(),
        None => format!("type {}{long}", function & 0xFFFF).into(),
    }
}
