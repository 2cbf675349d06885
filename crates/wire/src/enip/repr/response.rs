//! CIP replies: the target emits them, the client reads them against what it asked.

use super::request::{Request, emit_list, parse_list};
use crate::enip::connection::{self, Opened, Triad};
use crate::enip::reader::{Reader, put16};
use crate::enip::table::service;
use crate::enip::{Error, Kind, Limits, Status};

/// A reply, not yet looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Service of the request.
    pub service: u8,
    /// How it went.
    pub status: Status,
    /// What it brought.
    pub data: &'a [u8],
}

impl<'a> Reply<'a> {
    /// Reads a reply.
    ///
    /// # Errors
    /// Not a reply, or too short.
    pub fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let mut r = Reader::new(message);
        let code = r.u8()?;
        if code & service::REPLY == 0 {
            return Err(Error::Value { field: "service of a reply", got: code.into() });
        }
        let reserved = r.u8()?;
        if reserved != 0 {
            return Err(Error::Value { field: "reserved byte", got: reserved.into() });
        }
        let general = r.u8()?;
        let words = usize::from(r.u8()?);
        let extended = r.take(words * 2)?.first_chunk().map(|word| u16::from_le_bytes(*word));
        Ok(Self { service: code & !service::REPLY, status: Status { general, extended }, data: r.all() })
    }

    /// The same, if it answers `service`.
    ///
    /// # Errors
    /// Also if it answers another service.
    pub fn parse_to(message: &'a [u8], expected: u8) -> Result<Self, Error> {
        let reply = Self::parse(message)?;
        if reply.service != expected {
            return Err(Error::Service {
                expected: expected | service::REPLY,
                got: reply.service | service::REPLY,
            });
        }
        Ok(reply)
    }
}

/// Appends a reply of which `data` appends what it brings.
pub fn emit_reply(code: u8, status: Status, out: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[code | service::REPLY, 0, status.general]);
    match status.extended {
        Some(extended) => {
            out.push(1);
            put16(out, extended);
        }
        None => out.push(0),
    }
    data(out);
}

/// Appends a reply that says only why not.
pub fn emit_error(code: u8, status: Status, out: &mut Vec<u8>) {
    emit_reply(code, status, out, |_| {});
}

/// Appends the reply to a multiple service packet; its status is that of the packet.
pub fn emit_reply_multiple<'a>(
    status: Status,
    replies: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    out: &mut Vec<u8>,
) {
    emit_reply(service::MULTIPLE, status, out, |out| emit_list(replies, out));
}

/// The replies inside the reply to a multiple service packet, without a list of them.
#[derive(Debug, Clone, Copy)]
pub struct Services<'a> {
    data: &'a [u8],
    count: usize,
    next: usize,
}

impl<'a> Services<'a> {
    /// Looks at the data of the reply to a packet of `expected` requests.
    ///
    /// # Errors
    /// Another count, or offsets that do not point behind each other.
    pub fn new(data: &'a [u8], expected: usize) -> Result<Self, Error> {
        let count = usize::from(Reader::new(data).u16()?);
        if count != expected {
            return Err(Error::Quantity { what: "replies", got: count, min: expected, max: expected });
        }
        let services = Self { data, count, next: 0 };
        let mut before = 2 + count * 2;
        for index in 0..count {
            let start = services.offset(index).ok_or(Error::Truncated { need: before, have: data.len() })?;
            // Four bytes are the least a reply has.
            if start < before || start + 4 > data.len() {
                return Err(Error::Value { field: "offset", got: u32::try_from(start).unwrap_or(u32::MAX) });
            }
            before = start + 4;
        }
        Ok(services)
    }

    fn offset(&self, index: usize) -> Option<usize> {
        let at = 2 + index * 2;
        self.data.get(at..at + 2)?.first_chunk().map(|bytes| usize::from(u16::from_le_bytes(*bytes)))
    }
}

impl<'a> Iterator for Services<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.next >= self.count {
            return None;
        }
        let start = self.offset(self.next)?;
        self.next += 1;
        let end = if self.next < self.count { self.offset(self.next)? } else { self.data.len() };
        self.data.get(start..end)
    }
}

/// A reply, read against its request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Response<'a> {
    /// Not done, and why.
    Failed(Status),
    /// Done; there is nothing to say.
    Done,
    /// Data of a tag.
    Tag {
        /// Its type.
        kind: Kind,
        /// Its bytes.
        data: &'a [u8],
        /// There is more: ask from the end of this on.
        more: bool,
    },
    /// Attributes, a definition, a part of the tag list: bytes to be read by those who know them.
    Data {
        /// The bytes.
        data: &'a [u8],
        /// There is more.
        more: bool,
    },
    /// The replies to the requests of a packet, in their order.
    Multiple(Vec<&'a [u8]>),
    /// A connection is open.
    Opened(Opened),
    /// A connection is closed.
    Closed(Triad),
}

impl<'a> Response<'a> {
    /// Reads a reply against its request. The reply to an Unconnected Send is that of its message: read it against
    /// that one.
    ///
    /// # Errors
    /// A reply that does not fit the request.
    pub fn parse(request: &Request, message: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let reply = Reply::parse_to(message, request.service())?;
        let failed = |status: Status| !status.is_ok();
        if let Request::Multiple { requests } = request {
            // Some of the embedded services failed: each says so itself.
            if reply.status.general != Status::EMBEDDED.general && failed(reply.status) {
                return Ok(Self::Failed(reply.status));
            }
            let parts = parse_list(reply.data, limits)?;
            if parts.len() != requests.len() {
                let expected = requests.len();
                return Err(Error::Quantity {
                    what: "replies",
                    got: parts.len(),
                    min: expected,
                    max: expected,
                });
            }
            return Ok(Self::Multiple(parts));
        }
        if failed(reply.status) {
            return Ok(Self::Failed(reply.status));
        }
        let more = reply.status == Status::PARTIAL;
        let mut r = Reader::new(reply.data);
        let response = match request {
            Request::ReadTag { .. } | Request::ReadTagFragmented { .. } => {
                Self::Tag { kind: Kind::read(&mut r)?, data: r.all(), more }
            }
            Request::WriteTag { .. }
            | Request::WriteTagFragmented { .. }
            | Request::ReadModifyWrite { .. }
            | Request::SetAttributeSingle { .. } => {
                // Some devices answer more than nothing here.
                r.all();
                Self::Done
            }
            Request::ForwardOpen(open) => {
                let opened = Opened::read(&mut r)?;
                same_triad(&open.triad, &opened.triad)?;
                Self::Opened(opened)
            }
            Request::ForwardClose(close) => {
                let closed = connection::read_closed(&mut r)?;
                same_triad(&close.triad, &closed)?;
                Self::Closed(closed)
            }
            _ => Self::Data { data: r.all(), more },
        };
        r.finish()?;
        Ok(response)
    }
}

fn same_triad(asked: &Triad, got: &Triad) -> Result<(), Error> {
    for (field, expected, got) in [
        ("connection serial number", u32::from(asked.connection), u32::from(got.connection)),
        ("vendor", u32::from(asked.vendor), u32::from(got.vendor)),
        ("originator serial number", asked.originator, got.originator),
    ] {
        if expected != got {
            return Err(Error::Echo { field, expected, got });
        }
    }
    Ok(())
}
