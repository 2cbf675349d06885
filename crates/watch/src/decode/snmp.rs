//! SNMP: what is asked for and set. Communities are passwords: whether one is known to everybody is told, never which.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::hosts::Field;
use crate::operation::{Effect, Kind};
use crate::points::Touch;
use crate::protocol::Protocol;
use crate::stream::Step;
use model::expected::named_space;
use std::borrow::Cow;
use wire::snmp::{self, MessageView, Security};

/// Function numbers: the kind of message; with a default community behind this.
pub const DEFAULT: u32 = 0x100;
/// Messages whose kind is hidden.
const HIDDEN: u32 = 0x200;
/// What a device says of itself (RFC 3418): description, name.
const DESCRIPTION: &[u8] = &[0x2B, 6, 1, 2, 1, 1, 1, 0];
const NAME: &[u8] = &[0x2B, 6, 1, 2, 1, 1, 5, 0];

/// SNMP over UDP.
pub struct Snmp;

impl Decoder for Snmp {
    fn stream(&mut self, bytes: &[u8], _: &Talk, _: &mut Core) -> Step {
        Step::Took(bytes.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let view = match MessageView::new(bytes) {
            Ok(view) => view,
            Err(problem) => return core.malformed(talk, Protocol::Snmp, problem),
        };
        let Some(kind) = view.kind else {
            let mut told = Told::new(Protocol::Snmp, HIDDEN);
            if !talk.from_client {
                (told.kind, told.outcome) = (Kind::Response, Core::outcome(None));
            }
            return told.tell("", talk, core);
        };
        let is_default = view.security == Security::Community { is_default: true };
        let mut told = Told::new(Protocol::Snmp, u32::from(kind) | if is_default { DEFAULT } else { 0 });
        let mut words = String::new();
        match kind {
            2 | 8 => {
                told.kind = Kind::Response;
                told.outcome = Core::outcome((view.error != 0).then_some(view.error));
                // The answer counts for the question that is asked most.
                told.function = u32::from(is_default) * DEFAULT;
                identity(&view, talk, core);
            }
            4 | 6 | 7 => {
                // Whoever traps is the device, whom the client of this port is not.
                told.kind = Kind::Request;
                told.effect = Effect::Read;
            }
            _ => {
                told.effect = if kind == 3 { Effect::Write } else { Effect::Read };
                let touch = if kind == 3 { Touch::Write(None) } else { Touch::Read };
                for (name, ..) in view.variables() {
                    if words.is_empty() {
                        words = name.to_string();
                    }
                    let digits = name.to_string();
                    let place = (0, named_space(digits.as_bytes()), 0, 1);
                    core.point(talk, Protocol::Snmp, place, touch, || digits);
                }
            }
        }
        told.tell(&words, talk, core);
    }
}

fn identity(view: &MessageView<'_>, talk: &Talk, core: &mut Core) {
    for (name, tag, value) in view.variables().filter(|(_, tag, _)| *tag == 4) {
        let _ = tag;
        let field = match name.0 {
            DESCRIPTION => Field::Description,
            NAME => Field::Name,
            _ => continue,
        };
        core.identity(talk.server, field, value, "SNMP", talk);
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let kind = snmp::kind_name(u8::try_from(function & 0xFF).unwrap_or_default());
    match function {
        HIDDEN.. => "encrypted message".into(),
        DEFAULT.. => format!("{kind} with a community that everybody knows").into(),
        _ => kind.into(),
    }
}
