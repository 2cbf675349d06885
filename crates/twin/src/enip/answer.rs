//! The answer to a message. Sound: what a behaviour makes of it is the server's business.

use super::controller::{Connection, Controller, count};
use super::files::{DataFiles, execute};
use std::sync::atomic::Ordering::Relaxed;
use wire::enip::connection::{ForwardOpen, Opened, UnconnectedSend, emit_closed};
use wire::enip::repr::{emit_error, emit_reply, emit_reply_multiple};
use wire::enip::symbol::{Symbol, TemplateSize, emit_changes};
use wire::enip::table::{class_id, service};
use wire::enip::{Kind, Limits, Path, Request, Segment, Status};

const L: Limits = Limits::STANDARD;
/// Bytes of an answer to an unconnected message.
pub(super) const UNCONNECTED: usize = 504;
/// Bytes that a reply needs besides data.
const OVERHEAD: usize = 4;

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// The answer stands in the buffer.
    Answer,
    /// The controller closes the connection.
    Hangup,
}

/// Appends the answer to `message`; it may have `capacity` bytes.
pub(super) fn answer(controller: &Controller, message: &[u8], capacity: usize, out: &mut Vec<u8>) -> Told {
    let code = message.first().copied().unwrap_or(0);
    let request = match Request::parse(message, &L) {
        Ok(request) => request,
        Err(error) => {
            emit_error(code, Status::new(error.status()), out);
            return Told::Answer;
        }
    };
    count(&controller.counters.requests);
    let services = controller.behaviour().ability;
    let start = out.len();
    let status = match &request {
        Request::GetInstanceAttributeList { .. } if !services.upload => return Told::Hangup,
        Request::UnconnectedSend(send) => return unconnected(controller, send, out),
        Request::ForwardOpen(open) => forward_open(controller, open, code, out),
        Request::ForwardClose(close) => {
            let mut connections = controller.connections.lock();
            let before = connections.len();
            connections.retain(|_, connection| connection.triad != close.triad);
            if connections.len() == before {
                Err(Status::with(0x01, 0x0107))
            } else {
                count(&controller.counters.closed);
                emit_reply(code, Status::OK, out, |out| emit_closed(&close.triad, out));
                Ok(())
            }
        }
        Request::GetAttributesAll { path } => attributes_all(controller, path, out),
        _ if controller.busy.load(Relaxed) => Err(Status::DEVICE_STATE),
        Request::Other { service: service::EXECUTE_PCCC, path, data }
            if path.class() == Some(class_id::PCCC) =>
        {
            match &controller.files {
                Some(files) => execute_pccc(controller, files, data, out),
                None => Err(Status::PATH_DESTINATION),
            }
        }
        _ if controller.files.is_some() => Err(Status::SERVICE),
        Request::Multiple { .. } if !services.multiple => Err(Status::SERVICE),
        Request::Multiple { requests } => return multiple(controller, requests, capacity, out),
        request => tag_service(controller, request, capacity, out),
    };
    let Err(status) = status else { return Told::Answer };
    if services.hangs_up_on_unknown_tags && status.general == Status::PATH_SEGMENT.general {
        return Told::Hangup;
    }
    out.truncate(start);
    emit_error(code, status, out);
    Told::Answer
}

fn execute_pccc(
    controller: &Controller,
    files: &DataFiles,
    data: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let mut answer = Vec::new();
    execute(controller, files, data, &mut answer).ok_or(Status::NOT_ENOUGH_DATA)?;
    emit_reply(service::EXECUTE_PCCC, Status::OK, out, |out| out.extend_from_slice(&answer));
    Ok(())
}

fn unconnected(controller: &Controller, send: &UnconnectedSend, out: &mut Vec<u8>) -> Told {
    let inner = send.message.first().copied().unwrap_or(service::UNCONNECTED_SEND);
    if let Err(status) = routed(controller, &send.route) {
        emit_error(inner, status, out);
        return Told::Answer;
    }
    answer(controller, &send.message, UNCONNECTED, out)
}

/// Whether a route ends here: nowhere further, or in our slot.
fn routed(controller: &Controller, route: &Path) -> Result<(), Status> {
    let ports = route.0.iter().filter_map(|segment| match segment {
        Segment::Port { port, link } => Some((*port, link)),
        _ => None,
    });
    for (port, link) in ports {
        if port != 1 {
            return Err(Status::with(0x01, 0x0311));
        }
        if link.as_ref() != [controller.slot] {
            return Err(Status::with(0x01, 0x0204));
        }
    }
    Ok(())
}

fn forward_open(
    controller: &Controller,
    open: &ForwardOpen,
    code: u8,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let services = controller.behaviour().ability;
    if !services.connected || open.large && services.large.is_none() {
        return Err(Status::SERVICE);
    }
    routed(controller, &open.path)?;
    let most = if open.large { services.large.unwrap_or(511) } else { 511 };
    if open.to_target.size > most || open.to_originator.size > most {
        return Err(Status::with(0x01, 0x0109));
    }
    let mut connections = controller.connections.lock();
    if connections.values().any(|connection| connection.triad == open.triad) {
        return Err(Status::with(0x01, 0x0100));
    }
    if connections.len() >= controller.max_connections {
        return Err(Status::with(0x01, 0x0113));
    }
    let id = controller.next_connection.fetch_add(1, Relaxed);
    let connection =
        Connection { triad: open.triad, to_originator: open.to_originator_id, size: open.to_originator.size };
    connections.insert(id, connection);
    count(&controller.counters.opened);
    let opened = Opened {
        to_target_id: id,
        to_originator_id: open.to_originator_id,
        triad: open.triad,
        to_target_us: open.to_target.interval_us,
        to_originator_us: open.to_originator.interval_us,
    };
    emit_reply(code, Status::OK, out, |out| opened.emit(out));
    Ok(())
}

fn attributes_all(controller: &Controller, path: &Path, out: &mut Vec<u8>) -> Result<(), Status> {
    match (path.class(), path.instance()) {
        (Some(class_id::IDENTITY), Some(1)) => {
            emit_reply(1, Status::OK, out, |out| controller.identity.emit_attributes(out));
            Ok(())
        }
        (Some(class_id::PROGRAM_NAME), Some(1)) => {
            let name = controller.program.read().name.clone();
            emit_reply(1, Status::OK, out, |out| {
                out.extend_from_slice(&u16::try_from(name.len()).unwrap_or(0).to_le_bytes());
                out.extend_from_slice(name.as_bytes());
            });
            Ok(())
        }
        (Some(class_id::IDENTITY | class_id::PROGRAM_NAME), _) => Err(Status::OBJECT),
        _ => Err(Status::PATH_DESTINATION),
    }
}

fn multiple(controller: &Controller, requests: &[Vec<u8>], capacity: usize, out: &mut Vec<u8>) -> Told {
    let mut replies: Vec<Vec<u8>> = Vec::with_capacity(requests.len());
    // What every embedded reply needs at least is kept for those that follow.
    let mut room = capacity.saturating_sub(OVERHEAD + 2 + requests.len() * (2 + OVERHEAD + 2));
    let mut failed = false;
    for request in requests {
        let code = request.first().copied().unwrap_or(0);
        let mut reply = Vec::new();
        if code == service::MULTIPLE {
            emit_error(code, Status::SERVICE, &mut reply);
        } else if answer(controller, request, room + OVERHEAD + 2, &mut reply) == Told::Hangup {
            return Told::Hangup;
        }
        if reply.len() > room + OVERHEAD + 2 {
            reply.clear();
            emit_error(code, Status::REPLY_TOO_LARGE, &mut reply);
        }
        room = room.saturating_sub(reply.len().saturating_sub(OVERHEAD + 2));
        failed |= reply.get(2) != Some(&0);
        replies.push(reply);
    }
    let status = if failed { Status::EMBEDDED } else { Status::OK };
    emit_reply_multiple(status, replies.iter().map(Vec::as_slice), out);
    Told::Answer
}

fn tag_service(
    controller: &Controller,
    request: &Request,
    capacity: usize,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let code = request.service();
    match request {
        Request::ReadTag { path, elements } => read(controller, code, path, (*elements, 0), capacity, out),
        Request::ReadTagFragmented { path, elements, offset } => {
            read(controller, code, path, (*elements, *offset as usize), capacity, out)
        }
        Request::WriteTag { path, kind, elements, data } => {
            write(controller, path, *kind, (*elements, 0), data, true)?;
            emit_error(code, Status::OK, out);
            Ok(())
        }
        Request::WriteTagFragmented { path, kind, elements, offset, data } => {
            write(controller, path, *kind, (*elements, *offset as usize), data, false)?;
            emit_error(code, Status::OK, out);
            Ok(())
        }
        Request::ReadModifyWrite { path, or, and } => {
            let mut program = controller.program.write();
            let place = program.find(path)?;
            if place.read_only {
                return Err(Status::new(0x0F));
            }
            let mut data = program.read(&place, 1).ok_or(Status::PATH_DESTINATION)?;
            if data.len() != or.len() {
                return Err(Status::new(0x03));
            }
            for (byte, (or, and)) in data.iter_mut().zip(or.iter().zip(and)) {
                *byte = (*byte | or) & and;
            }
            program.write(&place, 0, &data).ok_or(Status::PATH_DESTINATION)?;
            emit_error(code, Status::OK, out);
            Ok(())
        }
        Request::GetInstanceAttributeList { path, attributes } => {
            count(&controller.counters.uploads);
            tag_list(controller, path, attributes, capacity, out)
        }
        Request::ReadTemplate { path, offset, bytes } => {
            let program = controller.program.read();
            let structure = path.instance().and_then(|it| program.structures.get(&u16::try_from(it).ok()?));
            let structure = structure.ok_or(Status::OBJECT)?;
            let mut definition = Vec::new();
            structure.template.emit(&mut definition);
            // A definition is padded to whole words behind its header.
            definition.resize(template_size(structure).definition_bytes() as usize + 2, 0);
            let from = definition.get(*offset as usize..).ok_or(Status::new(0x03))?;
            let wanted = from.get(..usize::from(*bytes).min(from.len())).unwrap_or_default();
            part(code, wanted, capacity, out);
            Ok(())
        }
        Request::GetAttributeList { path, attributes } => attribute_list(controller, path, attributes, out),
        _ => Err(Status::SERVICE),
    }
}

/// As much as fits, with the status that says whether that was all.
fn part(code: u8, data: &[u8], capacity: usize, out: &mut Vec<u8>) {
    let room = capacity.saturating_sub(OVERHEAD);
    let status = if data.len() > room { Status::PARTIAL } else { Status::OK };
    emit_reply(code, status, out, |out| {
        out.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default())
    });
}

fn read(
    controller: &Controller,
    code: u8,
    path: &Path,
    (elements, offset): (u16, usize),
    capacity: usize,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let program = controller.program.read();
    let place = program.find(path)?;
    let data = program.read(&place, elements.into()).ok_or(Status::with(0xFF, 0x2105))?;
    let kind = program.wire_kind(&place);
    if offset > 0 && offset >= data.len() {
        return Err(Status::with(0xFF, 0x2104));
    }
    let rest = data.get(offset..).unwrap_or_default();
    // Whole values only: a primitive value is never cut.
    let room = capacity.saturating_sub(OVERHEAD + kind.wire_size()) & !7;
    let whole = rest.len() <= room;
    if !whole && room == 0 {
        return Err(Status::REPLY_TOO_LARGE);
    }
    let status = if whole { Status::OK } else { Status::PARTIAL };
    emit_reply(code, status, out, |out| {
        kind.emit(out);
        out.extend_from_slice(rest.get(..room.min(rest.len())).unwrap_or_default());
    });
    Ok(())
}

fn write(
    controller: &Controller,
    path: &Path,
    kind: Kind,
    (elements, offset): (u16, usize),
    data: &[u8],
    whole: bool,
) -> Result<(), Status> {
    let mut program = controller.program.write();
    let place = program.find(path)?;
    if place.read_only {
        return Err(Status::new(0x0F));
    }
    if program.wire_kind(&place) != kind {
        return Err(Status::with(0xFF, 0x2107));
    }
    let elements = usize::from(elements);
    if elements > place.elements {
        return Err(Status::with(0xFF, 0x2105));
    }
    let all = elements * program.size(place.kind);
    // A whole write may carry more, which controllers ignore: a widespread client sends its message twice in one.
    let data = if whole { data.get(..all).ok_or(Status::NOT_ENOUGH_DATA)? } else { data };
    if offset + data.len() > all {
        return Err(Status::TOO_MUCH_DATA);
    }
    program.write(&place, offset, data).ok_or(Status::with(0xFF, 0x2104))
}

fn tag_list(
    controller: &Controller,
    path: &Path,
    attributes: &[u16],
    capacity: usize,
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    let program = controller.program.read();
    let scope = match path.0.first() {
        Some(Segment::Symbol(name)) => program.scope(name).ok_or(Status::PATH_SEGMENT)?,
        _ => String::new(),
    };
    if path.class() != Some(class_id::SYMBOL) {
        return Err(Status::SERVICE);
    }
    let from = path.instance().unwrap_or(0);
    let (mut list, mut more) = (Vec::new(), false);
    let tags = program.scopes.get(&scope).map(|tags| tags.range(from..)).into_iter().flatten();
    for (_, stored) in tags {
        let before = list.len();
        Symbol::emit(&stored.symbol, attributes, &mut list);
        if list.len() + OVERHEAD > capacity {
            list.truncate(before);
            more = true;
            break;
        }
    }
    let status = if more { Status::PARTIAL } else { Status::OK };
    emit_reply(service::GET_INSTANCE_ATTRIBUTE_LIST, status, out, |out| out.extend_from_slice(&list));
    Ok(())
}

fn template_size(structure: &super::program::Structure) -> TemplateSize {
    let mut definition = Vec::new();
    structure.template.emit(&mut definition);
    TemplateSize {
        definition_words: u32::try_from((definition.len() + 23).div_ceil(4)).unwrap_or(u32::MAX),
        structure_bytes: u32::try_from(structure.bytes).unwrap_or(u32::MAX),
        members: u16::try_from(structure.template.members.len()).unwrap_or(u16::MAX),
        handle: structure.handle,
    }
}

fn attribute_list(
    controller: &Controller,
    path: &Path,
    attributes: &[u16],
    out: &mut Vec<u8>,
) -> Result<(), Status> {
    use wire::enip::symbol::changes;
    match path.class() {
        Some(class_id::TEMPLATE) if attributes == TemplateSize::ATTRIBUTES => {
            let program = controller.program.read();
            let structure = path.instance().and_then(|it| program.structures.get(&u16::try_from(it).ok()?));
            let size = template_size(structure.ok_or(Status::OBJECT)?);
            emit_reply(service::GET_ATTRIBUTE_LIST, Status::OK, out, |out| size.emit(out));
            Ok(())
        }
        Some(changes::CLASS) if attributes == changes::ATTRIBUTES => {
            let revision = controller.revision.load(Relaxed);
            let values = [5, 1, 0x8000_0000 | revision, revision, 0];
            emit_reply(service::GET_ATTRIBUTE_LIST, Status::OK, out, |out| emit_changes(values, out));
            Ok(())
        }
        Some(class_id::TEMPLATE | changes::CLASS) => Err(Status::new(0x0A)),
        _ => Err(Status::PATH_DESTINATION),
    }
}
