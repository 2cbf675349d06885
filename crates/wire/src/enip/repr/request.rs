//! CIP requests: what a client sends and a target understands.

use crate::enip::connection::{ForwardClose, ForwardOpen, UnconnectedSend};
use crate::enip::reader::{Reader, put16, put32};
use crate::enip::table::{class_id, service};
use crate::enip::{Error, Kind, Limits, Path};

/// Bytes of a mask of Read Modify Write: those of the integer types.
const MASK_SIZES: [usize; 5] = [1, 2, 4, 8, 12];

/// A request to one object or tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Service 0x01.
    GetAttributesAll {
        /// Class and instance.
        path: Path,
    },
    /// Service 0x03.
    GetAttributeList {
        /// Class and instance.
        path: Path,
        /// Attributes in the order of the answer.
        attributes: Vec<u16>,
    },
    /// Service 0x0E.
    GetAttributeSingle {
        /// Class, instance and attribute.
        path: Path,
    },
    /// Service 0x10.
    SetAttributeSingle {
        /// Class, instance and attribute.
        path: Path,
        /// Its value.
        data: Vec<u8>,
    },
    /// Service 0x0A to the message router: several requests, each as its bytes (appendix ).
    Multiple {
        /// The requests, 1 to `limits.services`.
        requests: Vec<Vec<u8>>,
    },
    /// Service 0x4C (1756-PM020, "Read Tag service").
    ReadTag {
        /// The tag.
        path: Path,
        /// Elements from the one in the path on, at least 1.
        elements: u16,
    },
    /// Service 0x52.
    ReadTagFragmented {
        /// The tag.
        path: Path,
        /// Elements, at least 1.
        elements: u16,
        /// Bytes of them to skip.
        offset: u32,
    },
    /// Service 0x4D.
    WriteTag {
        /// The tag.
        path: Path,
        /// Its type.
        kind: Kind,
        /// Elements, at least 1.
        elements: u16,
        /// Their bytes.
        data: Vec<u8>,
    },
    /// Service 0x53.
    WriteTagFragmented {
        /// The tag.
        path: Path,
        /// Its type.
        kind: Kind,
        /// Elements of the whole write, at least 1.
        elements: u16,
        /// Bytes of them that were sent before.
        offset: u32,
        /// Bytes from there on.
        data: Vec<u8>,
    },
    /// Service 0x4E: new value = (old | or) & and.
    ReadModifyWrite {
        /// The tag.
        path: Path,
        /// Bits to set, 1, 2, 4, 8 or 12 bytes.
        or: Vec<u8>,
        /// Bits to keep, as many bytes.
        and: Vec<u8>,
    },
    /// Service 0x55: attributes of the instances from that of the path on.
    GetInstanceAttributeList {
        /// Class and first instance, behind the program's name if there is one.
        path: Path,
        /// Attributes in the order of the answer.
        attributes: Vec<u16>,
    },
    /// Service 0x4C of the template class: bytes of a definition.
    ReadTemplate {
        /// Class and instance.
        path: Path,
        /// Bytes to skip.
        offset: u32,
        /// Bytes wanted.
        bytes: u16,
    },
    /// Services 0x54 and 0x5B of the connection manager.
    ForwardOpen(Box<ForwardOpen>),
    /// Service 0x4E of the connection manager.
    ForwardClose(Box<ForwardClose>),
    /// Service 0x52 of the connection manager.
    UnconnectedSend(Box<UnconnectedSend>),
    /// Any other service, not looked into.
    Other {
        /// Its code, 0x01 to 0x7F.
        service: u8,
        /// To whom.
        path: Path,
        /// Its data.
        data: Vec<u8>,
    },
}

/// Appends service, path and what `data` appends.
///
/// # Errors
/// A path that is too long.
pub fn emit_request(
    service: u8,
    path: &Path,
    out: &mut Vec<u8>,
    data: impl FnOnce(&mut Vec<u8>) -> Result<(), Error>,
) -> Result<(), Error> {
    out.push(service);
    path.emit_sized(out)?;
    data(out)
}

/// Appends a multiple service packet of requests that are bytes already.
pub fn emit_multiple<'a>(requests: impl ExactSizeIterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
    out.extend_from_slice(&[service::MULTIPLE, 2, 0x20, 0x02, 0x24, 0x01]);
    emit_list(requests, out);
}

/// Appends a count, an offset for each part from the count on, and the parts.
pub(super) fn emit_list<'a>(parts: impl ExactSizeIterator<Item = &'a [u8]> + Clone, out: &mut Vec<u8>) {
    let start = out.len();
    put16(out, u16::try_from(parts.len()).unwrap_or(u16::MAX));
    let mut offset = 2 + parts.len() * 2;
    for part in parts.clone() {
        put16(out, u16::try_from(offset).unwrap_or(u16::MAX));
        offset += part.len();
    }
    parts.for_each(|part| out.extend_from_slice(part));
    debug_assert!(out.len() - start == offset);
}

impl Request {
    /// Service code on the wire.
    #[must_use]
    pub fn service(&self) -> u8 {
        match self {
            Self::GetAttributesAll { .. } => service::GET_ATTRIBUTES_ALL,
            Self::GetAttributeList { .. } => service::GET_ATTRIBUTE_LIST,
            Self::GetAttributeSingle { .. } => service::GET_ATTRIBUTE_SINGLE,
            Self::SetAttributeSingle { .. } => service::SET_ATTRIBUTE_SINGLE,
            Self::Multiple { .. } => service::MULTIPLE,
            Self::ReadTag { .. } | Self::ReadTemplate { .. } => service::READ_TAG,
            Self::ReadTagFragmented { .. } => service::READ_TAG_FRAGMENTED,
            Self::WriteTag { .. } => service::WRITE_TAG,
            Self::WriteTagFragmented { .. } => service::WRITE_TAG_FRAGMENTED,
            Self::ReadModifyWrite { .. } => service::READ_MODIFY_WRITE,
            Self::GetInstanceAttributeList { .. } => service::GET_INSTANCE_ATTRIBUTE_LIST,
            Self::ForwardOpen(open) if open.large => service::LARGE_FORWARD_OPEN,
            Self::ForwardOpen(_) => service::FORWARD_OPEN,
            Self::ForwardClose(_) => service::FORWARD_CLOSE,
            Self::UnconnectedSend(_) => service::UNCONNECTED_SEND,
            Self::Other { service, .. } => *service,
        }
    }

    /// Appends the request.
    ///
    /// # Errors
    /// What does not fit: a path, a message, a count.
    pub fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let code = self.service();
        let manager = Path::object(class_id::CONNECTION_MANAGER, 1);
        match self {
            Self::GetAttributesAll { path } | Self::GetAttributeSingle { path } => {
                emit_request(code, path, out, |_| Ok(()))
            }
            Self::GetAttributeList { path, attributes }
            | Self::GetInstanceAttributeList { path, attributes } => emit_request(code, path, out, |out| {
                put16(out, count16("attributes", attributes.len())?);
                attributes.iter().for_each(|attribute| put16(out, *attribute));
                Ok(())
            }),
            Self::SetAttributeSingle { path, data } | Self::Other { path, data, .. } => {
                emit_request(code, path, out, |out| {
                    out.extend_from_slice(data);
                    Ok(())
                })
            }
            Self::Multiple { requests } => {
                count16("services", requests.len())?;
                emit_multiple(requests.iter().map(Vec::as_slice), out);
                Ok(())
            }
            Self::ReadTag { path, elements } => emit_request(code, path, out, |out| {
                put16(out, *elements);
                Ok(())
            }),
            Self::ReadTagFragmented { path, elements, offset } => emit_request(code, path, out, |out| {
                put16(out, *elements);
                put32(out, *offset);
                Ok(())
            }),
            Self::WriteTag { path, kind, elements, data } => emit_request(code, path, out, |out| {
                kind.emit(out);
                put16(out, *elements);
                out.extend_from_slice(data);
                Ok(())
            }),
            Self::WriteTagFragmented { path, kind, elements, offset, data } => {
                emit_request(code, path, out, |out| {
                    kind.emit(out);
                    put16(out, *elements);
                    put32(out, *offset);
                    out.extend_from_slice(data);
                    Ok(())
                })
            }
            Self::ReadModifyWrite { path, or, and } => emit_request(code, path, out, |out| {
                put16(out, count16("mask bytes", or.len())?);
                out.extend_from_slice(or);
                out.extend_from_slice(and);
                Ok(())
            }),
            Self::ReadTemplate { path, offset, bytes } => emit_request(code, path, out, |out| {
                put32(out, *offset);
                put16(out, *bytes);
                Ok(())
            }),
            Self::ForwardOpen(open) => emit_request(code, &manager, out, |out| open.emit(out)),
            Self::ForwardClose(close) => emit_request(code, &manager, out, |out| close.emit(out)),
            Self::UnconnectedSend(send) => emit_request(code, &manager, out, |out| send.emit(out)),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// The first thing that is not exactly right; [`Error::status`] is what a target answers.
    pub fn parse(message: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(message);
        let code = r.u8()?;
        if code & service::REPLY != 0 || code == 0 {
            return Err(Error::Value { field: "service", got: code.into() });
        }
        let path = Path::read_sized(&mut r, limits)?;
        let class = path.class();
        let request = match (code, class) {
            (service::FORWARD_OPEN | service::LARGE_FORWARD_OPEN, Some(class_id::CONNECTION_MANAGER)) => {
                let large = code == service::LARGE_FORWARD_OPEN;
                Self::ForwardOpen(Box::new(ForwardOpen::read(large, &mut r, limits)?))
            }
            (service::FORWARD_CLOSE, Some(class_id::CONNECTION_MANAGER)) => {
                Self::ForwardClose(Box::new(ForwardClose::read(&mut r, limits)?))
            }
            (service::UNCONNECTED_SEND, Some(class_id::CONNECTION_MANAGER)) => {
                Self::UnconnectedSend(Box::new(UnconnectedSend::read(&mut r, limits)?))
            }
            (service::MULTIPLE, Some(class_id::ROUTER)) => {
                let requests = parse_list(r.all(), limits)?.into_iter().map(<[u8]>::to_vec).collect();
                Self::Multiple { requests }
            }
            (service::READ_TAG, Some(class_id::TEMPLATE)) => {
                Self::ReadTemplate { path, offset: r.u32()?, bytes: r.u16()? }
            }
            (service::GET_ATTRIBUTES_ALL, _) => Self::GetAttributesAll { path },
            (service::GET_ATTRIBUTE_SINGLE, _) => Self::GetAttributeSingle { path },
            (service::SET_ATTRIBUTE_SINGLE, _) => Self::SetAttributeSingle { path, data: r.all().to_vec() },
            (service::GET_ATTRIBUTE_LIST, _) => {
                Self::GetAttributeList { path, attributes: attributes(&mut r)? }
            }
            (service::GET_INSTANCE_ATTRIBUTE_LIST, Some(_)) => {
                Self::GetInstanceAttributeList { path, attributes: attributes(&mut r)? }
            }
            (_, None | Some(class_id::SYMBOL)) => parse_tag_service(code, path, &mut r)?,
            _ => Self::Other { service: code, path, data: r.all().to_vec() },
        };
        r.finish()?;
        Ok(request)
    }
}

fn parse_tag_service(code: u8, path: Path, r: &mut Reader<'_>) -> Result<Request, Error> {
    Ok(match code {
        service::READ_TAG => Request::ReadTag { path, elements: elements(r)? },
        service::READ_TAG_FRAGMENTED => {
            Request::ReadTagFragmented { path, elements: elements(r)?, offset: r.u32()? }
        }
        service::WRITE_TAG => {
            let kind = Kind::read(r)?;
            Request::WriteTag { path, kind, elements: elements(r)?, data: r.all().to_vec() }
        }
        service::WRITE_TAG_FRAGMENTED => {
            let kind = Kind::read(r)?;
            let (elements, offset) = (elements(r)?, r.u32()?);
            Request::WriteTagFragmented { path, kind, elements, offset, data: r.all().to_vec() }
        }
        service::READ_MODIFY_WRITE => {
            let size = usize::from(r.u16()?);
            if !MASK_SIZES.contains(&size) {
                return Err(Error::Value {
                    field: "mask size",
                    got: u32::try_from(size).unwrap_or(u32::MAX),
                });
            }
            let or = r.take(size)?.to_vec();
            let and = r.take(size)?.to_vec();
            // A widespread client sends eight bytes whatever the size; controllers take it.
            if r.remaining() == 8usize.saturating_sub(size) {
                r.all();
            }
            Request::ReadModifyWrite { path, or, and }
        }
        _ => Request::Other { service: code, path, data: r.all().to_vec() },
    })
}

fn count16(what: &'static str, got: usize) -> Result<u16, Error> {
    let count = u16::try_from(got).ok().filter(|count| *count > 0);
    count.ok_or(Error::Quantity { what, got, min: 1, max: 65_535 })
}

fn elements(r: &mut Reader<'_>) -> Result<u16, Error> {
    count16("elements", usize::from(r.u16()?))
}

fn attributes(r: &mut Reader<'_>) -> Result<Vec<u16>, Error> {
    let count = count16("attributes", usize::from(r.u16()?))?;
    let mut attributes = Vec::with_capacity(usize::from(count).min(r.remaining() / 2));
    for _ in 0..count {
        attributes.push(r.u16()?);
    }
    Ok(attributes)
}

/// Reads a count, offsets and the parts they point at; each part reaches to the next.
pub(super) fn parse_list<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<&'a [u8]>, Error> {
    let mut r = Reader::new(bytes);
    let count = usize::from(r.u16()?);
    if count == 0 || count > limits.services {
        return Err(Error::Quantity { what: "services", got: count, min: 1, max: limits.services });
    }
    let mut starts = Vec::with_capacity(count.min(r.remaining() / 2));
    for _ in 0..count {
        starts.push(usize::from(r.u16()?));
    }
    let first = 2 + count * 2;
    if starts.first() != Some(&first) {
        let got = starts.first().copied().unwrap_or(0);
        return Err(Error::Value { field: "first offset", got: u32::try_from(got).unwrap_or(u32::MAX) });
    }
    let mut parts = Vec::with_capacity(count);
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(bytes.len());
        let part = bytes.get(*start..end).filter(|part| part.len() >= 2);
        parts
            .push(part.ok_or(Error::Value { field: "offset", got: u32::try_from(end).unwrap_or(u32::MAX) })?);
    }
    Ok(parts)
}
