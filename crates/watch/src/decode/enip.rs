//! EtherNet/IP and CIP.

use super::{Decoder, Waiting};
use crate::core::{Core, Talk};
use crate::guard::Written;
use crate::hosts::Field;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::{PointKey, Touch};
use crate::protocol::Protocol;
use crate::stream::Step;
use model::expected::named_space;
use std::borrow::Cow;
use wire::enip::packet::item;
use wire::enip::table::{self, class_id, service};
use wire::enip::view::{FrameView, MessageView, frame_length, looks_like_frame};
use wire::enip::{Command, Identity, Limits};

/// Function numbers: class and service; commands of the encapsulation and functions of PCCC behind these.
const COMMAND: u32 = 0xF000_0000;
const PCCC: u32 = 0xE000_0000;
/// How deep messages are looked for inside messages.
const DEPTH: u8 = 3;

/// One conversation.
#[derive(Debug, Default)]
pub struct Enip {
    waiting: Waiting<u32, 32>,
    astray: u32,
}

impl Decoder for Enip {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while let Some(length) = frame_length(rest) {
            if !looks_like_frame(rest) {
                self.astray += 1;
                if self.astray == 1 {
                    core.malformed(talk, Protocol::Enip, "no encapsulation header where one must be");
                }
                return Step::Lost;
            }
            let Some((frame, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.astray = 0;
            self.frame(frame, talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        if looks_like_frame(bytes) {
            self.frame(bytes, talk, core);
        } else if !crate::decode::recognise::is_enip_io(bytes) {
            core.malformed(talk, Protocol::Enip, "no encapsulation header where one must be");
        }
    }
}

impl Enip {
    fn frame(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let view = FrameView::new(bytes);
        let Some(command) = view.command() else { return };
        match command {
            Command::SendRrData | Command::SendUnitData => {
                let refused = view.status().filter(|status| *status != 0);
                match view.message() {
                    Some(message) if refused.is_none() => {
                        if let Some(problem) = view.problems().first() {
                            core.malformed(talk, Protocol::Enip, format_args!("{message}: {problem}"));
                        }
                        self.message(message, Some(key(&view)), DEPTH, talk, core);
                    }
                    _ => command_op(command, refused, talk, core),
                }
            }
            _ => {
                command_op(command, view.status().filter(|status| *status != 0), talk, core);
                let identity = Identity::parse_list(view.payload(), &Limits::STANDARD);
                if command == Command::ListIdentity
                    && let Ok(identity) = identity
                {
                    identified(&identity, talk.sender(), "EtherNet/IP ListIdentity", talk, core);
                }
            }
        }
    }

    /// A request, with those inside it, or a reply. `key` is what its answer will have in common with it, if it gets one of
    /// its own.
    fn message(
        &mut self,
        message: MessageView<'_>,
        key: Option<u64>,
        depth: u8,
        talk: &Talk,
        core: &mut Core,
    ) {
        let Some(code) = message.service() else { return };
        if message.is_reply() {
            return self.reply(message, key, talk, core);
        }
        let class = class_of(message.bytes());
        let pccc = message.pccc();
        let (function, effect) = match pccc {
            Some(pccc) => {
                let code = u32::from(pccc.command().unwrap_or_default()) << 8
                    | u32::from(pccc.function().unwrap_or_default());
                (PCCC | code, pccc.facts().map_or(Effect::Unknown, |facts| common(facts.1)))
            }
            None => {
                let facts = table::service_of(code, class);
                (number(class, code), facts.map_or(Effect::Unknown, |facts| common(facts.effect)))
            }
        };
        let inner = depth > 0
            && matches!(
                (code, class),
                (service::MULTIPLE, _) | (service::UNCONNECTED_SEND, Some(class_id::CONNECTION_MANAGER))
            );
        if inner {
            let inner_key = key.filter(|_| code == service::UNCONNECTED_SEND);
            for message in message.embedded() {
                self.message(message, inner_key, depth - 1, talk, core);
            }
        }
        // The answer to an envelope is the answer to what it carries.
        if !(inner && code == service::UNCONNECTED_SEND) {
            key.into_iter().for_each(|key| self.waiting.push(key, function));
        }
        points(&message, class, code, talk, core);
        let body = Body::Cip(message, class.unwrap_or_default());
        let (kind, outcome) = (Kind::Request, Outcome::Open);
        let protocol = Protocol::Enip;
        core.operation(talk, &Operation { protocol, kind, function, effect, unit: 0, outcome, body });
    }

    fn reply(&mut self, message: MessageView<'_>, key: Option<u64>, talk: &Talk, core: &mut Core) {
        let code = message.service().unwrap_or_default();
        let asked = key.and_then(|key| self.waiting.take(key));
        let function = asked.unwrap_or_else(|| number(None, code));
        let refused = message.status().filter(|status| !status.is_ok()).map(|status| status.code());
        let is_identity = code == service::GET_ATTRIBUTES_ALL && function >> 8 == class_id::IDENTITY;
        if is_identity
            && refused.is_none()
            && let Ok(identity) = Identity::parse_attributes(message.data())
        {
            identified(&identity, talk.server, "CIP identity object", talk, core);
        }
        if code == service::MULTIPLE && key.is_some() {
            message.embedded().into_iter().for_each(|message| self.reply(message, None, talk, core));
        }
        let body = Body::Cip(message, function >> 8);
        let (kind, effect, outcome) = (Kind::Response, Effect::Unknown, Core::outcome(refused));
        core.operation(
            talk,
            &Operation { protocol: Protocol::Enip, kind, function, effect, unit: 0, outcome, body },
        );
    }
}

/// What a reply has in common with its request: context of a session, or connection and sequence.
fn key(view: &FrameView<'_>) -> u64 {
    let sequence =
        view.items().find(|(code, _)| *code == item::CONNECTED).and_then(|(_, data)| data.first_chunk());
    match sequence {
        // Both directions of a connection have ids of their own; the sequence alone is enough within one conversation.
        Some(sequence) => 1 << 63 | u64::from(u16::from_le_bytes(*sequence)),
        None => u64::from_le_bytes(view.context().unwrap_or_default()) & !(1 << 63),
    }
}

fn command_op(command: Command, refused: Option<u32>, talk: &Talk, core: &mut Core) {
    let effect = match command {
        Command::ListServices | Command::ListIdentity | Command::ListInterfaces => Effect::Diagnose,
        _ => Effect::Session,
    };
    let function = COMMAND | u32::from(command.code());
    let (kind, outcome) = if talk.from_client {
        (Kind::Request, Outcome::Open)
    } else {
        (Kind::Response, Core::outcome(refused))
    };
    let body = Body::None;
    core.operation(
        talk,
        &Operation { protocol: Protocol::Enip, kind, function, effect, unit: 0, outcome, body },
    );
}

fn number(class: Option<u32>, service: u8) -> u32 {
    (class.unwrap_or(0).min(0xFFFF) << 8) | u32::from(service)
}

/// Class at the beginning of the path of a request, without reading the whole path.
fn class_of(request: &[u8]) -> Option<u32> {
    match request.get(2..) {
        Some([0x20, class, ..]) => Some((*class).into()),
        Some([0x21, _, low, high, ..]) => Some(u16::from_le_bytes([*low, *high]).into()),
        _ => None,
    }
}

const fn common(effect: table::Effect) -> Effect {
    use table::Effect as Cip;
    match effect {
        Cip::Read => Effect::Read,
        Cip::Connect => Effect::Session,
        Cip::Write => Effect::Write,
        Cip::Configure | Cip::Build => Effect::Configure,
        Cip::Upload => Effect::Upload,
        Cip::Download => Effect::Download,
        Cip::Start => Effect::Start,
        Cip::Stop => Effect::Stop,
        Cip::Reset => Effect::Restart,
        Cip::Unknown => Effect::Unknown,
    }
}

fn points(message: &MessageView<'_>, class: Option<u32>, code: u8, talk: &Talk, core: &mut Core) {
    let touch = match (class, code) {
        (None | Some(class_id::SYMBOL), service::READ_TAG | service::READ_TAG_FRAGMENTED) => Touch::Read,
        (
            None | Some(class_id::SYMBOL),
            service::WRITE_TAG | service::WRITE_TAG_FRAGMENTED | service::READ_MODIFY_WRITE,
        ) => Touch::Write(None),
        (Some(_), service::GET_ATTRIBUTE_SINGLE) => Touch::Read,
        (Some(_), service::SET_ATTRIBUTE_SINGLE) => Touch::Write(None),
        _ => return,
    };
    let bytes = message.bytes();
    // What is written otherwise than we write it is no write of ours.
    let written = if code == service::WRITE_TAG { message.data() } else { bytes };
    let words = usize::from(bytes.get(1).copied().unwrap_or_default());
    let path = bytes.get(2..2 + words * 2).unwrap_or_default();
    let name = || message.path().to_string();
    if touch == Touch::Read {
        return core.point(talk, Protocol::Enip, (0, named_space(path), 0, 0), touch, name);
    }
    let (server, protocol, space) = (talk.server, Protocol::Enip, named_space(path));
    let key = PointKey { server, protocol, unit: 0, space, first: 0, count: 0 };
    core.write(talk, key, Written { value: None, bytes: written }, name);
}

fn identified(
    identity: &Identity,
    host: crate::hosts::HostId,
    source: &'static str,
    talk: &Talk,
    core: &mut Core,
) {
    let vendor =
        identity.vendor_name().map_or_else(|| format!("ODVA vendor {}", identity.vendor), str::to_owned);
    let firmware = format!("{}.{:03}", identity.revision.0, identity.revision.1);
    let serial = format!("{:08X}", identity.serial);
    let kind = identity.type_name().unwrap_or_default();
    for (field, value) in [
        (Field::Vendor, vendor.as_str()),
        (Field::Model, identity.name.as_str()),
        (Field::Firmware, firmware.as_str()),
        (Field::Serial, serial.as_str()),
        (Field::Description, kind),
    ] {
        core.identity(host, field, value.as_bytes(), source, talk);
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    if function >= COMMAND {
        let command = u16::try_from(function & 0xFFFF).ok().and_then(Command::from_code);
        return command.map_or("command", Command::name).into();
    }
    if function >= PCCC {
        let [_, _, command, code] = function.to_be_bytes();
        return match wire::enip::pccc::facts(command, Some(code), None) {
            Some((name, _)) => format!("PCCC {name}").into(),
            None => format!("PCCC command {command:02X} function {code:02X}").into(),
        };
    }
    let [class, code] = [function >> 8, function & 0xFF];
    let class = (class != 0).then_some(class);
    let name =
        u8::try_from(code).ok().and_then(|code| table::service_of(code, class)).map(|facts| facts.name);
    let of = class.map(|code| {
        table::class(code).map_or_else(|| format!("class {code:#04x}"), |class| class.name.into())
    });
    match (name, of) {
        (Some(name), None) => name.into(),
        (Some(name), Some(of)) => format!("{name} ({of})").into(),
        (None, Some(of)) => format!("service {code:#04x} ({of})").into(),
        (None, None) => format!("service {code:#04x}").into(),
    }
}
