//! Modbus TCP.

use super::{Decoder, Waiting, rtu};
use crate::core::{Core, Talk};
use crate::guard::Written;
use crate::hosts::Field;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::{PointKey, Touch};
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::modbus::rtu::{Direction, find_frame};
use wire::modbus::table::{self, Access, Table};
use wire::modbus::view::{PduView, Problem};
use wire::modbus::{bit, identification, mbap, registers, umas};

/// Function numbers: the code; sub-functions of 8 and functions of UMAS behind these.
const DIAGNOSTIC: u32 = 0x0800_0000;
const UMAS: u32 = 0x5A00_0000;

/// Largest length of a message, counted from its unit.
const MAX_LENGTH: u16 = 1_024;

/// One conversation.
#[derive(Debug, Default)]
pub struct Modbus {
    waiting: Waiting<u32, 16>,
    /// Reads that wait: their place, and who asked.
    reads: Waiting<PointKey, 16>,
    /// Segments in a row that do not begin a message.
    astray: u32,
    /// Frames of a serial line, once it is known.
    is_serial: Option<bool>,
}

/// Length of the message that starts here, header included; `None` before the header is there.
fn length(bytes: &[u8]) -> Option<Result<usize, (u16, u16)>> {
    let [_, _, p0, p1, l0, l1, ..] = bytes else { return None };
    let (protocol, length) = (u16::from_be_bytes([*p0, *p1]), u16::from_be_bytes([*l0, *l1]));
    // The standard says 254 at most; UMAS sends longer ones.
    Some(if protocol == 0 && (2..=MAX_LENGTH).contains(&length) {
        Ok(mbap::HEADER - 1 + usize::from(length))
    } else {
        Err((protocol, length))
    })
}

impl Decoder for Modbus {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        if *self.is_serial.get_or_insert_with(|| rtu::looks_like_frames(bytes)) {
            return self.serial(bytes, talk, core);
        }
        let mut rest = bytes;
        while let Some(length) = length(rest) {
            let length = match length {
                Ok(length) => length,
                Err((protocol, length)) => {
                    self.astray += 1;
                    if self.astray == 1 {
                        let what =
                            format_args!("protocol identifier {protocol}, length {length} in the header");
                        core.malformed(talk, Protocol::Modbus, what);
                    }
                    return Step::Lost;
                }
            };
            let Some((adu, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.astray = 0;
            self.message(adu, talk, core);
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl Modbus {
    /// Frames of a serial line. Bytes that are none are left out until the next one that is.
    fn serial(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let direction = if talk.from_client { Direction::Request } else { Direction::Response };
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some((frame, tail)) = rtu::frame(rest) {
                self.message(&rtu::with_header(&frame), talk, core);
                (rest, self.astray) = (tail, 0);
            } else if let Some(found) = find_frame(rest, direction) {
                rest = rest.get(found.start..).unwrap_or_default();
                self.astray += 1;
            } else if rtu::is_open(rest) {
                break;
            } else {
                self.astray += 1;
                return Step::Lost;
            }
        }
        Step::Took(bytes.len() - rest.len())
    }

    fn message(&mut self, adu: &[u8], talk: &Talk, core: &mut Core) {
        let [t0, t1, _, _, _, _, unit, pdu @ ..] = adu else { return };
        let key = u64::from_be_bytes([0, 0, 0, 0, 0, *t0, *t1, *unit]);
        let direction = if talk.from_client { Direction::Request } else { Direction::Response };
        let view = PduView::new(pdu, direction);
        let is_umas = view.function_code() == Some(umas::FUNCTION);
        if let Some(problem) = view.problems().first()
            && !is_umas
            && !matches!(problem, Problem::UnknownFunction(code) if code & 0x80 == 0)
        {
            core.malformed(talk, Protocol::Modbus, format_args!("{view}: {problem}"));
        }
        let (kind, function, effect, outcome) = if talk.from_client {
            let (function, effect) = request_function(&view);
            self.waiting.push(key, function);
            if core.remembers() {
                read(&view, *unit, talk).into_iter().for_each(|place| self.reads.push(key, place));
            }
            (Kind::Request, function, effect, Outcome::Open)
        } else {
            let code = u32::from(view.function_code().unwrap_or_default());
            let function = self.waiting.take(key).filter(|asked| base(*asked) == code).unwrap_or(code);
            let refused = view.exception().map(|code| u32::from(code.0));
            let refused = refused.or((is_umas && pdu.get(2) == Some(&0xFD)).then_some(0xFD));
            (Kind::Response, function, Effect::Unknown, Core::outcome(refused))
        };
        if talk.from_client {
            points(&view, *unit, talk, core);
        } else {
            if outcome == Outcome::Done {
                identity(&view, talk, core);
            }
            if core.remembers() && self.is_serial != Some(true) {
                core.wire_reply(talk, u16::from_be_bytes([*t0, *t1]).into(), pdu);
            }
            if core.remembers()
                && let Some(place) = self.reads.take(key).filter(|_| outcome == Outcome::Done)
            {
                core.answered(&place, &cells(&view, place.space, place.count));
            }
        }
        let op = Operation {
            protocol: Protocol::Modbus,
            kind,
            function,
            effect,
            unit: (*unit).into(),
            outcome,
            body: Body::Modbus(view),
        };
        core.operation(talk, &op);
    }
}

/// The function code of a function number.
const fn base(function: u32) -> u32 {
    if function > 0xFF { function >> 24 } else { function }
}

fn request_function(view: &PduView<'_>) -> (u32, Effect) {
    let code = view.function_code().unwrap_or_default();
    if let Some((_, access)) = umas::request(view.bytes()) {
        let sub = view.bytes().get(2).copied().unwrap_or_default();
        let effect = match access {
            umas::Access::Session => Effect::Session,
            umas::Access::Read => Effect::Diagnose,
            umas::Access::Write => Effect::Write,
            umas::Access::Upload => Effect::Upload,
            umas::Access::Download => Effect::Download,
            umas::Access::Start => Effect::Start,
            umas::Access::Stop => Effect::Stop,
        };
        return (UMAS | u32::from(sub), effect);
    }
    if code == 8 {
        let sub = view.sub_function().unwrap_or_default();
        let effect = match sub {
            1 => Effect::Restart,
            _ if view.changes_device() => Effect::Configure,
            _ => Effect::Diagnose,
        };
        return (DIAGNOSTIC | u32::from(sub), effect);
    }
    let effect = match view.function().map(|function| function.access) {
        Some(Access::Read) => Effect::Read,
        Some(Access::Write | Access::ReadWrite) => Effect::Write,
        Some(Access::Diagnostic) => Effect::Diagnose,
        None => Effect::Unknown,
    };
    (code.into(), effect)
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let low = function & 0xFFFF;
    match function {
        DIAGNOSTIC.. if function >> 24 == 8 => {
            let sub = u16::try_from(low).ok().and_then(wire::modbus::diagnostics::sub_function);
            format!("8/{low} {}", sub.map_or("Diagnostics", |sub| sub.name)).into()
        }
        UMAS.. => {
            let known = umas::FUNCTIONS.iter().find(|known| u32::from(known.0) == low);
            format!("90/{low} UMAS {}", known.map_or("function", |known| known.1)).into()
        }
        _ => match u8::try_from(function).ok().and_then(table::function) {
            Some(known) => format!("{function} {}", known.name).into(),
            None => format!("{function} (no standard function)").into(),
        },
    }
}

/// What a request reads.
fn read(view: &PduView<'_>, unit: u8, talk: &Talk) -> Option<PointKey> {
    let function = view.function()?;
    let is_read = matches!(function.access, Access::Read | Access::ReadWrite);
    let (first, count) = (view.address()?, view.quantity()?);
    is_read.then_some(PointKey {
        server: talk.server,
        protocol: Protocol::Modbus,
        unit: unit.into(),
        space: function.table as u64,
        first: first.into(),
        count: count.into(),
    })
}

/// The data of a message, two bytes for each register, one for each bit.
fn cells<'a>(view: &PduView<'a>, space: u64, count: u32) -> Cow<'a, [u8]> {
    let is_bits = [Table::Coils, Table::DiscreteInputs].into_iter().any(|table| table as u64 == space);
    let data = view.data();
    match view.function_code() {
        _ if !is_bits => Cow::Borrowed(data),
        Some(5) => Cow::Owned(data.iter().take(1).map(|byte| u8::from(*byte == 0xFF)).collect()),
        _ => {
            let bits = (0..count as usize).map_while(|at| bit(data, at));
            Cow::Owned(bits.map(u8::from).collect())
        }
    }
}

/// Notes what a request touches.
fn points(view: &PduView<'_>, unit: u8, talk: &Talk, core: &mut Core) {
    let Some(function) = view.function() else { return };
    let table = function.table;
    let name = |first: u16, count: u16| {
        let last = u32::from(first) + u32::from(count.max(1)) - 1;
        if count > 1 {
            format!("{} {first}..{last}", table.word())
        } else {
            format!("{} {first}", table.word())
        }
    };
    if matches!(function.access, Access::Read | Access::ReadWrite)
        && let (Some(first), Some(count)) = (view.address(), view.quantity())
    {
        let place = (u32::from(unit), table as u64, u32::from(first), u32::from(count));
        core.point(talk, Protocol::Modbus, place, Touch::Read, || name(first, count));
        if let Some(link) = core.link(talk, Protocol::Modbus).and_then(|id| core.links.get_mut(id)) {
            link.read_at(table as u32, first.into(), count.into());
        }
    }
    if let Some((first, count)) = view.write_range() {
        let value = match function.code {
            5 => view.data().first().map(|byte| i64::from(*byte == 0xFF)),
            6 => registers(view.data()).next().map(i64::from),
            16 if count == 1 => registers(view.data()).next().map(i64::from),
            _ => None,
        };
        let key = PointKey {
            server: talk.server,
            protocol: Protocol::Modbus,
            unit: unit.into(),
            space: table as u64,
            first: first.into(),
            count: count.into(),
        };
        // A mask says which bits, not what the register will be; the bits that are set stand behind it.
        let cells = cells(view, key.space, key.count);
        let bytes = if function.code == 22 { cells.get(2..).unwrap_or_default() } else { &*cells };
        core.write(talk, key, Written { value, bytes }, || name(first, count));
    }
}

/// Notes what the answer to a question for the identity tells (section 6.21).
fn identity(view: &PduView<'_>, talk: &Talk, core: &mut Core) {
    if view.function_code() != Some(43) || view.sub_function() != Some(14) {
        return;
    }
    for (id, value) in identification::objects(view.data()).take(16) {
        let field = match id {
            0 => Field::Vendor,
            1 | 5 => Field::Model,
            2 => Field::Firmware,
            4 => Field::Name,
            _ => Field::Description,
        };
        core.identity(talk.server, field, value, "Modbus 43/14", talk);
    }
}
