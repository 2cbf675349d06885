//! PROFINET: names, addresses and resets without a password (DCP); whether cyclic data are sound.

use crate::core::{Core, Talk};
use crate::detect::profinet::PROVIDER;
use crate::hosts::Field;
use crate::operation::{Body, Effect, Kind, Operation, Outcome};
use crate::points::Touch;
use crate::protocol::Protocol;
use std::borrow::Cow;
use wire::profinet::cyclic::{self, Carries};
use wire::profinet::{DcpView, Service};

/// Function numbers.
const GET: u32 = 3;
/// Sets name, address or another parameter.
const SET: u32 = 4;
const IDENTIFY: u32 = 5;
const HELLO: u32 = 6;
/// Sets the factory state.
const RESET: u32 = 0x105;
/// Makes it flash.
const FLASH: u32 = 0x103;

/// Takes a frame of DCP; `talk` has its sender as the client.
pub fn dcp(payload: &[u8], talk: &Talk, core: &mut Core) {
    let Some(view) = DcpView::new(payload) else {
        return core.malformed(talk, Protocol::ProfinetDcp, "a frame of DCP that has no service");
    };
    let asked = |option: u8, suboption: &[u8]| {
        view.blocks().any(|block| block.option == option && suboption.contains(&block.suboption))
    };
    let (function, effect) = match view.service {
        Service::Get => (GET, Effect::Diagnose),
        Service::Set if asked(5, &[5, 6]) => (RESET, Effect::Restart),
        Service::Set if asked(5, &[3]) => (FLASH, Effect::Diagnose),
        Service::Set => (SET, Effect::Configure),
        Service::Identify => (IDENTIFY, Effect::Diagnose),
        Service::Hello => (HELLO, Effect::Session),
    };
    let (kind, outcome) = match (view.is_response, view.service) {
        (true, _) => (Kind::Response, Outcome::Done),
        (false, Service::Hello) => (Kind::Notice, Outcome::Open),
        (false, _) => (Kind::Request, Outcome::Open),
    };
    if kind != Kind::Request {
        for block in view.blocks() {
            let field = match (block.option, block.suboption) {
                (2, 1) => Field::Model,
                (2, 2) => Field::Name,
                _ => continue,
            };
            core.identity(talk.sender(), field, block.data, "PROFINET DCP", talk);
        }
    }
    let talk = &talk.with_client(kind == Kind::Request);
    let (protocol, body) = (Protocol::ProfinetDcp, Body::Dcp(view));
    core.operation(talk, &Operation { protocol, kind, function, effect, unit: 0, outcome, body });
}

/// Takes a frame of cyclic data or an alarm; `talk` has its sender as the client.
pub fn cyclic(payload: &[u8], talk: &Talk, core: &mut Core) {
    let Some(frame) = cyclic::read(payload) else {
        return core.malformed(talk, Protocol::Profinet, "a frame of cyclic data that is cut short");
    };
    let Carries::Data { class, runs, is_valid, .. } = frame.carries else { return };
    let id = frame.id;
    // Who provides holds the data; who they are for reads them.
    let holder = talk.with_client(false);
    core.point(&holder, Protocol::Profinet, (0, 0, id.into(), 1), Touch::Read, || {
        format!("cyclic data of class {class}, frame id {id:#06x}")
    });
    if !runs || !is_valid {
        let what = if runs { "its data must not be used" } else { "its program stands still" };
        core.findings.raise(&PROVIDER, talk.scene(), format_args!("frame id {id:#06x}: {what}"));
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    match function {
        GET => "Get".into(),
        SET => "Set".into(),
        IDENTIFY => "Identify".into(),
        HELLO => "Hello".into(),
        RESET => "Set factory state".into(),
        FLASH => "Flash".into(),
        other => format!("service {other}").into(),
    }
}
