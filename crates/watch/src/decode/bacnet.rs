//! BACnet/IP.

use super::Decoder;
use crate::core::{Core, Talk};
use crate::guard::Written;
use crate::hosts::Field;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::{PointKey, Touch};
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::bacnet::view::View;
use wire::bacnet::{Apdu, ObjectId, table};

/// Function numbers: confirmed services as they are, unconfirmed ones and functions of the BVLL behind these.
const UNCONFIRMED: u32 = 0x100;
pub const BVLL: u32 = 0x200;
/// Function of an answer that does not say which service it belongs to.
const ANSWER: u32 = 0xFF;

/// One conversation.
pub struct Bacnet;

impl Decoder for Bacnet {
    fn stream(&mut self, bytes: &[u8], _: &Talk, _: &mut Core) -> Step {
        Step::Took(bytes.len())
    }

    fn datagram(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) {
        let view = View::of(bytes);
        if let Some(problem) = &view.problem {
            core.malformed(talk, Protocol::Bacnet, problem);
        }
        let Some(apdu) = &view.apdu else {
            let Some(function) = view.function else { return };
            // Original messages without an application layer speak of the network, not of devices.
            return operation(
                talk,
                core,
                Kind::Request,
                BVLL | u32::from(function),
                bvll_effect(function),
                Outcome::Open,
            );
        };
        let (kind, function, effect, outcome) = match apdu {
            Apdu::Confirmed { service, .. } => {
                (Kind::Request, u32::from(*service), confirmed_effect(*service), Outcome::Open)
            }
            Apdu::Unconfirmed { service, .. } => {
                let effect = if matches!(service, 6 | 9) { Effect::Configure } else { Effect::Diagnose };
                (Kind::Request, UNCONFIRMED | u32::from(*service), effect, Outcome::Open)
            }
            Apdu::SimpleAck { service, .. } | Apdu::ComplexAck { service, .. } => {
                (Kind::Response, u32::from(*service), Effect::Unknown, Outcome::Done)
            }
            Apdu::Error { service, .. } => {
                (Kind::Response, u32::from(*service), Effect::Unknown, Outcome::Refused(1))
            }
            Apdu::Reject { .. } | Apdu::Abort { .. } => {
                (Kind::Response, ANSWER, Effect::Unknown, Outcome::Refused(2))
            }
            Apdu::SegmentAck { .. } => (Kind::Notice, ANSWER, Effect::Session, Outcome::Open),
        };
        // Both sides may send from the port of BACnet: who asks is the client.
        let confirmed = !matches!(apdu, Apdu::Unconfirmed { .. });
        let talk = &if confirmed { talk.with_client(kind == Kind::Request) } else { talk.with_client(true) };
        if let (Kind::Request, Some(object)) = (kind, view.object) {
            let (space, first) = (u64::from(object.kind), object.instance);
            if view.changes {
                let key = PointKey {
                    server: talk.server,
                    protocol: Protocol::Bacnet,
                    unit: 0,
                    space,
                    first,
                    count: 1,
                };
                core.write(talk, key, Written { value: None, bytes: &whole(apdu) }, || named(object));
            } else {
                core.point(talk, Protocol::Bacnet, (0, space, first, 1), Touch::Read, || named(object));
            }
        }
        if let Some(device) = &view.device {
            let vendor = format!("BACnet vendor {}", device.vendor);
            core.identity(talk.sender(), Field::Vendor, vendor.as_bytes(), "BACnet I-Am", talk);
            core.identity(
                talk.sender(),
                Field::Description,
                named(device.device).as_bytes(),
                "BACnet I-Am",
                talk,
            );
        }
        operation(talk, core, kind, function, effect, outcome);
    }
}

fn operation(talk: &Talk, core: &mut Core, kind: Kind, function: u32, effect: Effect, outcome: Outcome) {
    let (protocol, body) = (Protocol::Bacnet, Body::None);
    core.operation(talk, &Operation { protocol, kind, function, effect, unit: 0, outcome, body });
}

/// A request as it is compared: the number of its service, and what it carries. Nothing of one that comes in parts.
fn whole(apdu: &Apdu<'_>) -> Vec<u8> {
    match apdu {
        Apdu::Confirmed { service, body, segment: None, .. } => [&[*service][..], *body].concat(),
        _ => Vec::new(),
    }
}

/// As people write it: `analog-value 7`.
fn named(object: ObjectId) -> String {
    match table::object_type(object.kind) {
        Some(kind) => format!("{kind} {}", object.instance),
        None => format!("object type {} {}", object.kind, object.instance),
    }
}

const fn confirmed_effect(service: u8) -> Effect {
    match service {
        7 => Effect::Download,
        6 => Effect::Upload,
        8..=11 | 17 => Effect::Configure,
        15 | 16 | 27 => Effect::Write,
        20 => Effect::Restart,
        24 | 25 => Effect::Security,
        12..=14 | 26 | 28 | 29 => Effect::Read,
        0..=5 | 30 => Effect::Session,
        _ => Effect::Unknown,
    }
}

/// Writing the table of broadcast distribution, registering and deleting foreign devices change who gets what.
const fn bvll_effect(function: u8) -> Effect {
    match function {
        1 | 5 | 8 => Effect::Configure,
        2 | 6 => Effect::Diagnose,
        _ => Effect::Session,
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let low = (function & 0xFF) as u8;
    let name = match function {
        BVLL.. => match low {
            0 => Some("BVLC Result"),
            1 => Some("Write Broadcast Distribution Table"),
            2 => Some("Read Broadcast Distribution Table"),
            5 => Some("Register Foreign Device"),
            6 => Some("Read Foreign Device Table"),
            8 => Some("Delete Foreign Device"),
            10 | 11 => Some("network layer message"),
            _ => None,
        },
        UNCONFIRMED.. => table::unconfirmed_service(low),
        ANSWER => Some("answer"),
        _ => table::confirmed_service(low),
    };
    name.map_or_else(|| format!("service {low}").into(), Cow::from)
}
