//! MQTT: who connects how, and which topics are published and subscribed to.

use super::{Decoder, Told, hash};
use crate::core::{Core, Talk};
use crate::detect::net;
use crate::hosts::Field;
use crate::operation::{Effect, Kind, Outcome};
use crate::points::Touch;
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean;
use std::borrow::Cow;
use wire::mqtt::{self, MAX_PACKET, PacketView, frame_length};

/// Function numbers: the type of the packet; a connect without a user, and a command of Sparkplug behind these.
const CONNECT: u32 = 1;
const PUBLISH: u32 = 3;
const SUBSCRIBE: u32 = 8;
/// A connect without a user.
pub const ANONYMOUS: u32 = 0x101;
/// A command of Sparkplug B to a node or device.
const COMMAND: u32 = 0x103;
/// A subscription to everything.
pub const EVERYTHING: u32 = 0x108;

/// One conversation.
#[derive(Debug, Default)]
pub struct Mqtt {
    version: u8,
    /// Bytes of a long packet that are passed over: from the server, from the client.
    skip: [usize; 2],
    astray: u32,
}

impl Decoder for Mqtt {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let side = usize::from(talk.from_client);
        let mut rest = bytes;
        if let Some(skip) = self.skip.get_mut(side) {
            let over = (*skip).min(rest.len());
            *skip -= over;
            rest = rest.get(over..).unwrap_or_default();
        }
        loop {
            let length = match frame_length(rest) {
                Ok(Some(length)) => length,
                Ok(None) => break,
                Err(problem) => {
                    self.astray += 1;
                    if self.astray == 1 {
                        core.malformed(talk, Protocol::Mqtt, problem);
                    }
                    return Step::Lost;
                }
            };
            if length > MAX_PACKET && rest.len() < length {
                self.packet(PacketView::new(rest), talk, core);
                self.skip.get_mut(side).into_iter().for_each(|skip| *skip = length - rest.len());
                return Step::Took(bytes.len());
            }
            let Some((packet, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            let view = PacketView::new(packet);
            if let Some(problem) = view.problem() {
                core.malformed(talk, Protocol::Mqtt, format_args!("{}: {problem}", mqtt::name(view.kind())));
            }
            self.packet(view, talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl Mqtt {
    fn packet(&mut self, view: PacketView<'_>, talk: &Talk, core: &mut Core) {
        let kind = u32::from(view.kind());
        let mut told = Told::new(Protocol::Mqtt, kind);
        if !talk.from_client {
            // Acknowledgements belong to what they acknowledge.
            told.function = match kind {
                2 => CONNECT,
                4..=7 => PUBLISH,
                9 => SUBSCRIBE,
                11 => 10,
                13 => 12,
                other => other,
            };
            told.kind = if kind == PUBLISH { Kind::Notice } else { Kind::Response };
            told.outcome = Core::outcome(view.refusal().map(u32::from));
            if kind == 2 && told.outcome != Outcome::Done {
                told.effect = Effect::Security;
            }
            return told.tell("", talk, core);
        }
        let mut words = String::new();
        match kind {
            CONNECT => self.connect(&view, &mut told, &mut words, talk, core),
            PUBLISH => publish(&view, &mut told, &mut words, talk, core),
            SUBSCRIBE => {
                told.effect = Effect::Read;
                for filter in view.filters(self.version) {
                    let name = clean(filter);
                    if matches!(filter, b"#" | b"spBv1.0/#") {
                        told.function = EVERYTHING;
                    }
                    core.point(talk, Protocol::Mqtt, (0, hash(filter), 0, 1), Touch::Read, || name.clone());
                    words = name;
                }
            }
            12 | 14 => told.effect = Effect::Session,
            _ => {}
        }
        told.tell(&words, talk, core);
    }

    fn connect(
        &mut self,
        view: &PacketView<'_>,
        told: &mut Told,
        words: &mut String,
        talk: &Talk,
        core: &mut Core,
    ) {
        told.effect = Effect::Session;
        let Some(connect) = view.connect() else { return };
        self.version = connect.version;
        *words = format!("client {}", clean(connect.client));
        core.identity(talk.client, Field::Description, words.as_bytes(), "MQTT", talk);
        if !connect.has_user {
            told.function = ANONYMOUS;
        }
        if connect.has_password {
            core.findings.raise(&net::PASSWORD, talk.scene(), format_args!("MQTT, {words}"));
        }
    }
}

fn publish(view: &PacketView<'_>, told: &mut Told, words: &mut String, talk: &Talk, core: &mut Core) {
    let Some((topic, _)) = view.publish().filter(|(topic, _)| !topic.is_empty()) else { return };
    *words = clean(topic);
    core.point(talk, Protocol::Mqtt, (0, hash(topic), 0, 1), Touch::Write(None), || words.clone());
    // spBv1.0/group/TYPE/node/device
    let mut parts = topic.split(|byte| *byte == b'/');
    if parts.next() != Some(b"spBv1.0") {
        return;
    }
    let (group, kind, node) = (parts.next(), parts.next(), parts.next());
    if matches!(kind, Some(b"NCMD" | b"DCMD")) {
        (told.function, told.effect) = (COMMAND, Effect::Write);
    } else if let (Some(b"NBIRTH"), Some(group), Some(node)) = (kind, group, node) {
        let name = format!("Sparkplug B node {}/{}", clean(group), clean(node));
        core.identity(talk.client, Field::Description, name.as_bytes(), "Sparkplug B", talk);
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    match function {
        ANONYMOUS => "Connect without a user".into(),
        COMMAND => "Sparkplug command".into(),
        EVERYTHING => "Subscribe to everything".into(),
        other => mqtt::name(u8::try_from(other).unwrap_or_default()).into(),
    }
}
