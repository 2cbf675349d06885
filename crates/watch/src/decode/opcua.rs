//! OPC UA over TCP.

use super::{Decoder, Waiting};
use crate::core::{Core, Talk};
use crate::guard::Written;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::{PointKey, Touch};
use crate::protocol::Protocol;
use crate::stream::Step;
use model::expected::named_space;
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use wire::opcua::table::{self, Access};
use wire::opcua::{self, ChunkView, MessageView, Target, frame_length};

/// Function numbers: the request of a service as it is; what has no service behind these.
const HELLO: u32 = 0x1_0000;
const OPAQUE: u32 = 0x2_0000;
/// Name of the policy without security (OPC 10000-7).
const NONE: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#None";
/// Most nodes of a message that are noted one by one.
const MAX_NODES: usize = 1_000;
/// Most items of a conversation whose changes are followed.
const MAX_ITEMS: usize = 1_024;
/// Most requests to read whose answers are followed, and nodes of one.
const MAX_READS: usize = 8;
const MAX_READ: usize = 256;
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
    /// Whether what is asked on this channel cannot be read, once something was asked.
    hidden: Option<bool>,
    /// The same, as it was told last.
    told: Option<bool>,
    values: Values,
}

/// Which values will come, so that a write can be shown with what stood there before.
#[derive(Debug, Default)]
struct Values {
    /// What a request read, by its id.
    reads: VecDeque<(u32, Vec<Option<PointKey>>)>,
    /// What is watched, by subscription and the client's own number.
    items: HashMap<(u32, u32), PointKey>,
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
            self.hidden = None;
        }
        let Some((function, outcome)) = self.meaning(&view, talk) else { return };
        let (kind, effect) = match (talk.from_client, outcome) {
            (true, _) => (Kind::Request, effect(function)),
            (false, Outcome::Open) => (Kind::Notice, Effect::Unknown),
            (false, _) => (Kind::Response, Effect::Unknown),
        };
        if talk.from_client {
            self.hide(function, &view, talk, core);
            self.asked(&view, effect, talk, core);
        } else if core.remembers()
            && let Some(message) = view.message()
        {
            self.values.came(view.request().unwrap_or_default(), &message, core);
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
        // Where one message is encrypted all are, also one that by chance looks like another.
        let readable = !(self.channel == Channel::Secure && self.hidden == Some(true));
        let message = view.message().filter(|_| readable).filter(|message| {
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

/// Where a node stands among the data of a server: its namespace is the address, whatever it is called there the table.
fn key(target: &Target<'_>, talk: &Talk) -> PointKey {
    let (space, first) = (named_space(&target.name()), target.node.namespace.into());
    PointKey { server: talk.server, protocol: Protocol::OpcUa, unit: 0, space, first, count: 1 }
}

impl OpcUa {
    /// Tells whether what the client asks can be read, when that changes.
    fn hide(&mut self, function: u32, view: &ChunkView<'_>, talk: &Talk, core: &mut Core) {
        if view.kind() != Some(opcua::Kind::Message) {
            return;
        }
        let opaque = function == OPAQUE && self.channel != Channel::Open;
        let known = self.hidden.filter(|_| self.channel == Channel::Secure);
        let hidden = known.unwrap_or(opaque);
        self.hidden = Some(hidden);
        if self.told != Some(hidden) {
            self.told = Some(hidden);
            core.hidden(talk, Protocol::OpcUa, hidden);
        }
    }

    /// Notes what a request is about.
    fn asked(&mut self, view: &ChunkView<'_>, effect: Effect, talk: &Talk, core: &mut Core) {
        let Some(message) = view.message().filter(|_| self.hidden != Some(true)) else { return };
        if effect == Effect::Write {
            return written(&message, talk, core);
        }
        let remembers = core.remembers();
        let subscription = message.subscription();
        let (mut noted, mut read) = (0, Vec::new());
        for target in message.targets() {
            let key = target.is_value().then(|| key(&target, talk));
            if remembers && read.len() < MAX_READ {
                read.push(key);
            }
            let Some(key) = key else { continue };
            noted += 1;
            if noted > MAX_NODES {
                core.points.refused += 1;
                continue;
            }
            let place = (key.unit, key.space, key.first, key.count);
            core.point(talk, Protocol::OpcUa, place, Touch::Read, || target.to_string());
            if let Some(subscription) = subscription.filter(|_| remembers) {
                self.values.watch((subscription, target.handle), key, core);
            }
        }
        if remembers && message.type_id() == Some(table::READ) {
            self.values.read(view.request().unwrap_or_default(), read);
        }
    }
}

/// What is written, and what methods are called: all of it, one by one.
fn written(message: &MessageView<'_>, talk: &Talk, core: &mut Core) {
    let (mut targets, mut count) = (message.targets(), 0);
    for target in targets.by_ref() {
        count += 1;
        let written = Written { value: opcua::whole(target.value), bytes: target.value };
        core.write(talk, key(&target, talk), written, || target.to_string());
    }
    if count == 0 || targets.left() > 0 {
        core.unseen_write(talk, format_args!("{message}: what it changes could not be read"));
    }
}

impl Values {
    fn read(&mut self, request: u32, keys: Vec<Option<PointKey>>) {
        if self.reads.len() >= MAX_READS {
            self.reads.pop_front();
        }
        self.reads.push_back((request, keys));
    }

    fn watch(&mut self, item: (u32, u32), key: PointKey, core: &mut Core) {
        if self.items.len() >= MAX_ITEMS && !self.items.contains_key(&item) {
            return core.no_room();
        }
        self.items.insert(item, key);
    }

    /// Values came: as the answer to a question, or because they changed.
    fn came(&mut self, request: u32, message: &MessageView<'_>, core: &mut Core) {
        if let Some(at) = self.reads.iter().position(|(id, _)| *id == request) {
            let keys = self.reads.remove(at).map(|(_, keys)| keys).unwrap_or_default();
            let known = keys.iter().zip(message.values());
            known.filter_map(|(key, value)| Some((key.as_ref()?, value))).for_each(|(key, value)| {
                core.answered(key, value);
            });
        }
        let Some(subscription) = message.subscription() else { return };
        for (handle, value) in message.changes() {
            if let Some(key) = self.items.get(&(subscription, handle)) {
                core.answered(key, value);
            }
        }
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
