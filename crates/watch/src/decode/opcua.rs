//! OPC UA over TCP.

use super::{Decoder, Waiting, hash};
use crate::core::{Core, Talk};
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::Touch;
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::opcua::table::{self, Access};
use wire::opcua::{self, ChunkView, frame_length};

/// Function numbers: the request of a service as it is; what has no service behind these.
const HELLO: u32 = 0x1_0000;
const OPAQUE: u32 = 0x2_0000;
/// Name of the policy without security (OPC 10000-7).
const NONE: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#None";
/// Most nodes of a message that are noted one by one.
const MAX_NODES: usize = 64;
/// The two highest bits of a status code that is Bad (OPC 10000-4, 7.39).
const BAD: u32 = 0x8000_0000;

/// Whether what is said can be read by everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Channel {
    /// Its beginning was not seen.
    #[default]
    Unknown,
    /// Policy None.
    Open,
    /// Signed, perhaps encrypted.
    Secure,
}

/// One conversation.
#[derive(Debug, Default)]
pub struct OpcUa {
    channel: Channel,
    /// Functions that were asked for, by request id.
    waiting: Waiting<u32, 32>,
    /// The chunk before went on: this one has no beginning.
    goes_on: [bool; 2],
    astray: u32,
}

impl Decoder for OpcUa {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        loop {
            let length = match frame_length(rest) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(problem) => {
                    self.astray += 1;
                    if self.astray == 1 {
                        core.malformed(talk, Protocol::OpcUa, problem);
                    }
                    return Step::Lost;
                }
            };
            let Some((chunk, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.astray = 0;
            self.chunk(ChunkView::new(chunk), talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl OpcUa {
    fn chunk(&mut self, view: ChunkView<'_>, talk: &Talk, core: &mut Core) {
        if let Some(problem) = view.problem() {
            core.malformed(talk, Protocol::OpcUa, format_args!("{view}: {problem}"));
        }
        let side = usize::from(talk.from_client);
        let continues = self.goes_on.get_mut(side).is_some_and(|on| std::mem::replace(on, view.goes_on()));
        if continues {
            return;
        }
        if let Some((policy, _)) = view.security() {
            self.channel = if policy == NONE { Channel::Open } else { Channel::Secure };
        }
        let Some((function, outcome)) = self.meaning(&view, talk) else { return };
        let (kind, effect) = match (talk.from_client, outcome) {
            (true, _) => (Kind::Request, effect(function)),
            (false, Outcome::Open) => (Kind::Notice, Effect::Unknown),
            (false, _) => (Kind::Response, Effect::Unknown),
        };
        if talk.from_client {
            points(&view, effect, talk, core);
        }
        let body = Body::OpcUa(view, self.channel == Channel::Open);
        let op = Operation { protocol: Protocol::OpcUa, kind, function, effect, unit: 0, outcome, body };
        core.operation(talk, &op);
    }

    /// The function, and how it ended if this is an answer.
    fn meaning(&mut self, view: &ChunkView<'_>, talk: &Talk) -> Option<(u32, Outcome)> {
        match view.kind()? {
            opcua::Kind::Hello | opcua::Kind::ReverseHello => return Some((HELLO, Outcome::Open)),
            opcua::Kind::Acknowledge => return Some((HELLO, Outcome::Done)),
            opcua::Kind::Error => return Some((HELLO, Outcome::Refused(view.error().unwrap_or(BAD)))),
            _ => {}
        }
        let id = u64::from(view.request().unwrap_or_default());
        let message = view.message().filter(|message| {
            let known = message.service().is_some() || message.type_id() == Some(table::FAULT);
            known && (self.channel != Channel::Secure || view.kind() == Some(opcua::Kind::Message))
        });
        if talk.from_client {
            let service = message.and_then(|message| message.service()).filter(|(_, answer)| !answer);
            let function = match (service, view.kind()) {
                (Some((service, _)), _) => service.request,
                (None, Some(opcua::Kind::Open)) => table::OPEN_CHANNEL,
                (None, Some(opcua::Kind::Close)) => table::CLOSE_CHANNEL,
                _ => OPAQUE,
            };
            self.waiting.push(id, function);
            return Some((function, Outcome::Open));
        }
        let asked = self.waiting.take(id);
        let answered = message.and_then(|message| message.service()).filter(|(_, answer)| *answer);
        let function = asked.or(answered.map(|(service, _)| service.request)).unwrap_or(OPAQUE);
        let refused = message.and_then(|message| message.result()).filter(|code| code & BAD != 0);
        Some((
            function,
            if asked.is_none() && answered.is_none() { Outcome::Open } else { Core::outcome(refused) },
        ))
    }
}

fn effect(function: u32) -> Effect {
    match table::service(function).map(|(service, _)| service.access) {
        Some(Access::Session) => Effect::Session,
        Some(Access::Discover | Access::Browse) => Effect::Diagnose,
        Some(Access::Read | Access::Subscribe) => Effect::Read,
        Some(Access::Write | Access::Call | Access::History) => Effect::Write,
        Some(Access::Nodes) => Effect::Configure,
        None if function == HELLO => Effect::Session,
        None => Effect::Unknown,
    }
}

fn points(view: &ChunkView<'_>, effect: Effect, talk: &Talk, core: &mut Core) {
    let Some(message) = view.message() else { return };
    let touch = if effect == Effect::Write { Touch::Write(None) } else { Touch::Read };
    let wanted = message.targets().filter(|target| target.is_value || effect == Effect::Write);
    for target in wanted.take(MAX_NODES) {
        let place = (0, hash(target.node), 0, 1);
        core.point(talk, Protocol::OpcUa, place, touch, || target.node.to_string());
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    match (function, table::service(function)) {
        (HELLO, _) => "Hello".into(),
        (OPAQUE, _) => "encrypted message".into(),
        (_, Some((service, _))) => service.name.into(),
        _ => format!("service {function}").into(),
    }
}
