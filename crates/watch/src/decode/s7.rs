//! TPKT and COTP: S7comm, S7comm-plus, and the others that live there.

use super::recognise::is_mms;
use super::{Decoder, Waiting};
use crate::core::{Core, Talk};
use crate::guard::Written;
use crate::hosts::Field;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::{PointKey, Touch};
use crate::protocol::Protocol;
use crate::stream::Step;
use std::borrow::Cow;
use wire::s7::ReturnCode;
use wire::s7::cotp::Tpdu;
use wire::s7::szl::{Identity, List};
use wire::s7::table::{self, Access};
use wire::s7::view::{self, PacketView, PduView};

/// Function numbers: jobs as they are, user data and S7comm-plus behind these.
const USERDATA: u32 = 0x1_0000;
const PLUS: u32 = 0x2_0000;
/// Most bytes of fragments that are joined.
const MAX_JOINED: usize = 64 * 1024;

/// One conversation.
#[derive(Debug, Default)]
pub struct S7 {
    /// Fragments from the client, from the server.
    joined: (Vec<u8>, Vec<u8>),
    waiting: Waiting<u32, 16>,
    /// The selector that the client called.
    called: Option<u16>,
    /// It was S7 that was said, or something that nobody knows.
    spoke: bool,
    /// MMS, which begins in the same way.
    is_mms: bool,
    astray: u32,
}

impl Decoder for S7 {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while let [version, _, high, low, ..] = rest {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if *version != 3 || length < 7 {
                self.astray += 1;
                if self.astray == 1 {
                    core.malformed(
                        talk,
                        Protocol::S7,
                        format_args!("TPKT version {version}, length {length}"),
                    );
                }
                return Step::Lost;
            }
            let Some((packet, tail)) = rest.split_at_checked(length) else { break };
            rest = tail;
            self.astray = 0;
            self.packet(packet, talk, core);
            if self.is_mms {
                return Step::Is(Protocol::Mms);
            }
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl S7 {
    fn packet(&mut self, packet: &[u8], talk: &Talk, core: &mut Core) {
        let tpdu = match PacketView::new(packet).tpdu() {
            Ok(tpdu) => tpdu,
            Err(error) => return core.malformed(talk, Protocol::S7, error),
        };
        match tpdu {
            // Selectors of text name no slot.
            Tpdu::ConnectRequest(connect) => {
                let called: Option<[u8; 2]> = connect.called.bytes().try_into().ok();
                self.called = called.map(u16::from_be_bytes);
            }
            // Taken, so that it is one which is there: kind of partner, rack and slot. What is called 0.1 is no CPU.
            Tpdu::ConnectConfirm(_) if self.called.is_some_and(|called| called > 0xFF) => {
                let link = core.link(talk, Protocol::S7).and_then(|id| core.links.get_mut(id));
                link.into_iter().for_each(|link| link.called = self.called.or(link.called));
            }
            _ => {}
        }
        let Tpdu::Data { last, payload } = tpdu else { return };
        let joined = if talk.from_client { &mut self.joined.0 } else { &mut self.joined.1 };
        if joined.is_empty() && last {
            return self.pdu(payload, talk, core);
        }
        if joined.len() + payload.len() > MAX_JOINED {
            joined.clear();
            return core.malformed(talk, Protocol::S7, "fragments of more than 64 KiB");
        }
        joined.extend_from_slice(payload);
        if last {
            let whole = std::mem::take(joined);
            self.pdu(&whole, talk, core);
        }
    }

    fn pdu(&mut self, payload: &[u8], talk: &Talk, core: &mut Core) {
        let view = PduView::new(payload);
        if view.plus().is_some() {
            self.spoke = true;
            return plus(&view, talk, core);
        }
        if !view.is_s7() {
            // Something else on the same transport: it is not judged here.
            self.is_mms = !self.spoke && is_mms(payload);
            self.spoke = true;
            return;
        }
        self.spoke = true;
        if let Some(problem) = view.problems().first() {
            core.malformed(talk, Protocol::S7, format_args!("{view}: {problem}"));
        }
        let user = view.user_data();
        let is_request = view.is_request();
        // The client asks, whoever opened the connection; but what it downloads the CPU fetches.
        let fetches = view.is_fetch();
        let talk = &talk.with_client(if user.is_some_and(|user| user.direction == view::Direction::Push) {
            !talk.from_client
        } else {
            is_request != fetches
        });
        let function = match user {
            Some(user) => USERDATA | u32::from(user.group) << 8 | u32::from(user.sub),
            None => view.function_code().map_or(0xFF, u32::from),
        };
        let key = view.reference().map_or(0, u64::from);
        let (kind, function, outcome) = if fetches && is_request {
            (Kind::Notice, function, Outcome::Open)
        } else if is_request {
            self.waiting.push(key, function);
            (Kind::Request, function, Outcome::Open)
        } else if user.is_some_and(|user| user.direction == view::Direction::Push) {
            (Kind::Notice, function, Outcome::Open)
        } else {
            let asked = self.waiting.take(key).unwrap_or(function);
            let refused = view.error().map(|error| u32::from(error.0)).or_else(|| {
                let item = view.results().find(|code| *code != ReturnCode::SUCCESS);
                item.map(|code| u32::from(code.0))
            });
            let refused = refused.or(user.map(|user| u32::from(user.error)).filter(|error| *error != 0));
            (Kind::Response, asked, Core::outcome(refused))
        };
        match kind {
            Kind::Request => items(&view, talk, core),
            Kind::Response => {
                identity(&view, talk, core);
                if core.remembers() {
                    core.wire_reply(talk, view.reference().map_or(0, u32::from), payload);
                }
            }
            Kind::Notice => {}
        }
        let effect = effect(&view);
        let body = Body::S7(view);
        core.operation(
            talk,
            &Operation { protocol: Protocol::S7, kind, function, effect, unit: 0, outcome, body },
        );
    }
}

fn effect(view: &PduView<'_>) -> Effect {
    match (view.access(), view.function_code()) {
        (_, Some(table::STOP)) => Effect::Stop,
        (_, Some(table::PI_SERVICE)) => match view.service() {
            Some("P_PROGRAM") => Effect::Start,
            _ => Effect::Configure,
        },
        (Access::Session, _) => Effect::Session,
        (Access::Read, _) => Effect::Read,
        (Access::Write, _) => Effect::Write,
        (Access::Diagnostic, _) => Effect::Diagnose,
        (Access::Upload, _) => Effect::Upload,
        (Access::Download, _) => Effect::Download,
        (Access::Control, _) => Effect::Configure,
        (Access::Security, _) => Effect::Security,
        (Access::Unknown, _) => Effect::Unknown,
    }
}

fn plus(view: &PduView<'_>, talk: &Talk, core: &mut Core) {
    let Some(plus) = view.plus() else { return };
    let kind = match plus.kind() {
        Some("request") => Kind::Request,
        Some("response") => Kind::Response,
        _ => Kind::Notice,
    };
    let function = PLUS | plus.code().map_or(0, u32::from);
    let outcome = if kind == Kind::Response { Outcome::Done } else { Outcome::Open };
    let effect = effect(view);
    let body = Body::S7(*view);
    core.operation(
        talk,
        &Operation { protocol: Protocol::S7Plus, kind, function, effect, unit: 0, outcome, body },
    );
}

fn items(view: &PduView<'_>, talk: &Talk, core: &mut Core) {
    let writes = view.function_code() == Some(table::WRITE);
    let mut data = if writes { view.data() } else { &[] };
    for item in view.items().take(64) {
        let bytes = written(&mut data);
        let (Some(area), Some(address), Some((size, count))) = (item.area(), item.address(), item.size())
        else {
            continue;
        };
        let space = u64::from(area) << 24 | u64::from(item.db().unwrap_or(0)) << 8 | u64::from(size);
        if !writes {
            let place = (0, space, address, count.into());
            core.point(talk, Protocol::S7, place, Touch::Read, || item.to_string());
            continue;
        }
        let (server, protocol) = (talk.server, Protocol::S7);
        let key = PointKey { server, protocol, unit: 0, space, first: address, count: count.into() };
        core.write(talk, key, Written { value: None, bytes }, || item.to_string());
    }
}

/// The next value of a write: a code, what it is, its length in bits or bytes, the bytes up to an even number.
fn written<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let [_, kind, high, low, rest @ ..] = *data else { return &[] };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let length = if matches!(kind, 3..=5) { length.div_ceil(8) } else { length };
    let (bytes, tail) = rest.split_at_checked(length).unwrap_or((rest, &[]));
    *data = if length % 2 == 1 { tail.get(1..).unwrap_or_default() } else { tail };
    bytes
}

/// Notes what a system status list tells of the CPU.
fn identity(view: &PduView<'_>, talk: &Talk, core: &mut Core) {
    if view.szl().is_none() {
        return;
    }
    let Some(list) = view.data().get(4..).and_then(List::parse) else { return };
    let mut identity = Identity::default();
    identity.take(&list);
    for (field, value) in [
        (Field::Model, &identity.order),
        (Field::Firmware, &identity.firmware),
        (Field::Name, &identity.system),
        (Field::Name, &identity.module),
        (Field::Description, &identity.plant),
        (Field::Serial, &identity.serial),
        (Field::Model, &identity.kind),
    ] {
        core.identity(talk.server, field, value.as_bytes(), "S7 status list", talk);
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    let low = (function & 0xFFFF) as u16;
    let [high, sub] = low.to_be_bytes();
    match function >> 16 {
        2 => wire::s7::plus::operation_name(low)
            .map_or_else(|| format!("operation {low:04X}").into(), Cow::from),
        1 => match table::userdata(high, sub) {
            Some(known) => known.name.into(),
            None => format!("user data {high}/{sub}").into(),
        },
        _ => match table::function(sub) {
            Some(known) => known.name.into(),
            None if low == 0xFF => "Acknowledgement".into(),
            None => format!("function {sub:02X}").into(),
        },
    }
}
