//! IEC 60870-5-104.

use super::{Decoder, Waiting};
use crate::core::{Core, Talk};
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::Touch;
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::iec104::table::{self, ACTIVATION, Access, DEACTIVATION};
use wire::iec104::{ApduView, AsduView, Control, Element, Problem, START, frame_length};

/// Function numbers: the type of an ASDU as it is; control fields, and commands that only select, behind these.
const CONTROL: u32 = 0x100;
const SELECT: u32 = 0x200;
/// Types and causes from here on are for private use (101, 7.2.1.1 and 7.2.3).
const PRIVATE_TYPES: u8 = 128;
/// Most objects of a message that are noted one by one.
const MAX_OBJECTS: usize = 64;

/// One conversation.
#[derive(Debug, Default)]
pub struct Iec104 {
    /// Functions that were asked for, by station and function.
    waiting: Waiting<u32, 16>,
    astray: u32,
}

impl Decoder for Iec104 {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while rest.len() >= 2 {
            let Some(length) = frame_length(rest) else {
                self.astray += 1;
                if self.astray == 1 {
                    let what = if rest.first() == Some(&START) {
                        "a length that is not possible"
                    } else {
                        "bytes that begin no frame"
                    };
                    core.malformed(talk, Protocol::Iec104, what);
                }
                return Step::Lost;
            };
            let Some((apdu, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.astray = 0;
            self.message(ApduView::new(apdu), talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl Iec104 {
    fn message(&mut self, view: ApduView<'_>, talk: &Talk, core: &mut Core) {
        match view.problem() {
            None => {}
            Some(Problem::Type(code)) if code >= PRIVATE_TYPES => {}
            Some(problem) => {
                core.malformed(talk, Protocol::Iec104, format_args!("{view}: {problem}"));
            }
        }
        let op = match (view.control(), view.asdu()) {
            (Some(Control::Unnumbered(code)), _) => control(code, view, talk),
            (Some(Control::Information { .. }), Some(asdu)) => {
                points(&asdu, talk, core);
                self.information(&asdu, view, talk)
            }
            _ => return,
        };
        core.operation(talk, &op);
    }

    fn information<'a>(&mut self, asdu: &AsduView<'_>, view: ApduView<'a>, talk: &Talk) -> Operation<'a> {
        let select = if asdu.is_select() { SELECT } else { 0 };
        let function = u32::from(asdu.type_id().unwrap_or_default()) | select;
        let cause = asdu.cause().unwrap_or_default();
        let unit = asdu.station().map_or(0, u32::from);
        let key = u64::from(unit) << 16 | u64::from(function);
        let refused = (asdu.is_negative() || table::is_unknown(cause)).then_some(u32::from(cause));
        let (kind, effect, outcome) = if talk.from_client {
            self.waiting.push(key, function);
            (Kind::Request, effect(asdu), Outcome::Open)
        } else if refused.is_some() || self.waiting.take(key).is_some() {
            // An activation is confirmed once; what ends it, and the data it brings, come by themselves.
            (Kind::Response, Effect::Unknown, Core::outcome(refused))
        } else {
            (Kind::Notice, Effect::Unknown, Outcome::Open)
        };
        let body = Body::Iec104(view);
        Operation { protocol: Protocol::Iec104, kind, function, effect, unit, outcome, body }
    }
}

fn control<'a>(code: u8, view: ApduView<'a>, talk: &Talk) -> Operation<'a> {
    // Each action has its confirmation one bit above it (104, 5.3).
    let confirms = matches!(code, 0x0B | 0x23 | 0x83);
    let (kind, outcome) = match (confirms, talk.from_client) {
        (true, false) => (Kind::Response, Outcome::Done),
        (false, true) => (Kind::Request, Outcome::Open),
        _ => (Kind::Notice, Outcome::Open),
    };
    let asked = if confirms { code >> 1 & 0x40 | code >> 1 & 0x10 | code >> 1 & 0x04 | 3 } else { code };
    let (function, body) = (CONTROL | u32::from(asked), Body::Iec104(view));
    Operation { protocol: Protocol::Iec104, kind, function, effect: Effect::Session, unit: 0, outcome, body }
}

fn effect(asdu: &AsduView<'_>) -> Effect {
    let Some(kind) = asdu.kind() else { return Effect::Unknown };
    let acts = asdu.cause() == Some(ACTIVATION) && !asdu.is_test();
    match kind.access {
        Access::Ask => Effect::Read,
        Access::Monitor => Effect::Unknown,
        Access::Session => Effect::Session,
        _ if asdu.is_test() || asdu.cause() == Some(DEACTIVATION) => Effect::Session,
        Access::Command if asdu.is_select() => Effect::Session,
        Access::Command | Access::Clock => Effect::Write,
        Access::Restart if acts => Effect::Restart,
        Access::Restart => Effect::Unknown,
        Access::Parameter => Effect::Configure,
        // The station receives what is announced as ready; what is called is taken out of it.
        Access::File if matches!(kind.code, 120 | 121 | 125) => Effect::Download,
        Access::File => Effect::Upload,
    }
}

fn points(asdu: &AsduView<'_>, talk: &Talk, core: &mut Core) {
    let Some(kind) = asdu.kind() else { return };
    let writes = match (kind.access, talk.from_client) {
        (Access::Monitor, false) => false,
        (Access::Command, true) if effect(asdu) == Effect::Write => true,
        _ => return,
    };
    let link = core.link(talk, Protocol::Iec104).filter(|_| writes);
    if let Some(link) = link.and_then(|id| core.links.get_mut(id)) {
        asdu.elements().take(MAX_OBJECTS).for_each(|element| link.command(element.address, talk.time_ns));
    }
    let station = asdu.station().map_or(0, u32::from);
    let mut note = |first: u32, count: u32, touch| {
        let place = (station, 0, first, count);
        core.point(talk, Protocol::Iec104, place, touch, || match count {
            1 => format!("object {first}"),
            _ => format!("object {first}..{}", first.saturating_add(count - 1)),
        });
    };
    if asdu.is_sequence() && !writes {
        let count = asdu.elements().count();
        let first = asdu.elements().next().map(|element| element.address);
        first.into_iter().for_each(|first| note(first, u32::try_from(count).unwrap_or(1), Touch::Read));
        return;
    }
    for element in asdu.elements().take(MAX_OBJECTS) {
        note(element.address, 1, if writes { Touch::Write(value(kind.code, &element)) } else { Touch::Read });
    }
}

/// What a command writes, where it is one whole number (101, 7.2.6).
fn value(code: u8, element: &Element<'_>) -> Option<i64> {
    let [first, rest @ ..] = element.data else { return None };
    match code {
        45 | 58 => Some(i64::from(first & 1)),
        46 | 47 | 59 | 60 => Some(i64::from(first & 3)),
        48 | 49 | 61 | 62 => Some(i16::from_le_bytes([*first, *rest.first()?]).into()),
        51 | 64 => element.data.first_chunk().map(|bits| u32::from_le_bytes(*bits).into()),
        _ => None,
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let low = (function & 0xFF) as u8;
    match (function & !0xFF, table::kind(low), table::unnumbered(low)) {
        (0, Some(kind), _) => kind.name.into(),
        (SELECT, Some(kind), _) => format!("{} (select)", kind.name).into(),
        (CONTROL, _, Some(name)) => name.into(),
        _ => format!("type {low}").into(),
    }
}
