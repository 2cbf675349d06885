//! Paths: where in a device, and through which ports to it (Volume 1, appendix C-1).

use super::reader::{Reader, put16, put32};
use super::{Error, Limits};
use std::fmt;

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Class (C-1.4.2).
    Class(u32),
    /// Instance.
    Instance(u32),
    /// Member of a structure, element of an array.
    Member(u32),
    /// Connection point.
    Point(u32),
    /// Attribute.
    Attribute(u32),
    /// Electronic key, as it stands there: format, vendor, device type, product, revision.
    Key([u8; 8]),
    /// A name: ANSI extended symbol (C-1.4.5.2), 1 to 255 characters.
    Symbol(Box<str>),
    /// Through a port to a link address: a slot, or an address as text (C-1.4.1).
    Port {
        /// Port number; 1 is the backplane.
        port: u16,
        /// One byte for a slot, more for text.
        link: Box<[u8]>,
    },
    /// A network segment of one byte, e.g. the inhibit time of a connection (C-1.4.3).
    Network(u8, u8),
    /// A data segment (C-1.4.5.1).
    Data(Box<[u8]>),
}

/// A path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Path(pub Vec<Segment>);

impl Path {
    /// Class and instance.
    #[must_use]
    pub fn object(class: u32, instance: u32) -> Self {
        Self(vec![Segment::Class(class), Segment::Instance(instance)])
    }

    /// Class, instance and attribute.
    #[must_use]
    pub fn attribute(class: u32, instance: u32, attribute: u32) -> Self {
        Self(vec![Segment::Class(class), Segment::Instance(instance), Segment::Attribute(attribute)])
    }

    /// The class, if the path begins at one.
    #[must_use]
    pub fn class(&self) -> Option<u32> {
        self.0
            .iter()
            .find_map(|segment| if let Segment::Class(class) = segment { Some(*class) } else { None })
    }

    /// The instance of the class.
    #[must_use]
    pub fn instance(&self) -> Option<u32> {
        self.0.iter().find_map(|segment| if let Segment::Instance(it) = segment { Some(*it) } else { None })
    }

    /// The attribute.
    #[must_use]
    pub fn attribute_id(&self) -> Option<u32> {
        self.0.iter().find_map(|segment| if let Segment::Attribute(it) = segment { Some(*it) } else { None })
    }

    /// Appends the segments, padded to words (C-1.3).
    pub fn emit(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|segment| segment.emit(out));
    }

    /// Appends the length in words and the segments.
    ///
    /// # Errors
    /// A path of more than 255 words has no length.
    pub fn emit_sized(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let at = out.len();
        out.push(0);
        self.emit(out);
        let bytes = out.len() - at - 1;
        let words = u8::try_from(bytes / 2).map_err(|_| Error::TooLong { bytes, max: 510 })?;
        out.iter_mut().skip(at).take(1).for_each(|byte| *byte = words);
        Ok(())
    }

    /// Reads a padded path that takes all of `bytes`.
    ///
    /// # Errors
    /// [`Error`] at the first segment that is not right.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let mut segments = Vec::new();
        while r.remaining() > 0 {
            if segments.len() >= limits.segments {
                return Err(Error::Quantity {
                    what: "path segments",
                    got: segments.len() + 1,
                    min: 0,
                    max: limits.segments,
                });
            }
            segments.push(Segment::read(&mut r)?);
        }
        Ok(Self(segments))
    }

    pub(super) fn read_sized(r: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let words = usize::from(r.u8()?);
        Self::parse(r.take(words * 2)?, limits)
    }
}

impl Segment {
    fn logical(code: u8, value: u32, out: &mut Vec<u8>) {
        if let Ok(value) = u8::try_from(value) {
            out.extend_from_slice(&[code, value]);
        } else if let Ok(value) = u16::try_from(value) {
            out.extend_from_slice(&[code | 1, 0]);
            put16(out, value);
        } else {
            out.extend_from_slice(&[code | 2, 0]);
            put32(out, value);
        }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Class(value) => Self::logical(0x20, *value, out),
            Self::Instance(value) => Self::logical(0x24, *value, out),
            Self::Member(value) => Self::logical(0x28, *value, out),
            Self::Point(value) => Self::logical(0x2C, *value, out),
            Self::Attribute(value) => Self::logical(0x30, *value, out),
            Self::Key(key) => {
                out.extend_from_slice(&[0x34, 4]);
                out.extend_from_slice(key);
            }
            Self::Symbol(name) => {
                let bytes = name.as_bytes().get(..name.len().min(255)).unwrap_or_default();
                out.extend_from_slice(&[0x91, u8::try_from(bytes.len()).unwrap_or(u8::MAX)]);
                out.extend_from_slice(bytes);
                pad(out, bytes.len());
            }
            Self::Port { port, link } => emit_port(*port, link, out),
            Self::Network(code, value) => out.extend_from_slice(&[0x40 | code & 0x1F, *value]),
            Self::Data(data) => {
                let words = data.len().div_ceil(2).min(255);
                out.extend_from_slice(&[0x80, u8::try_from(words).unwrap_or(u8::MAX)]);
                let data = data.get(..data.len().min(510)).unwrap_or_default();
                out.extend_from_slice(data);
                pad(out, data.len());
            }
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let code = r.u8()?;
        match code >> 5 {
            0 => read_port(code, r),
            1 if code == 0x34 => {
                let format = r.u8()?;
                if format != 4 {
                    return Err(Error::Value { field: "key format", got: format.into() });
                }
                Ok(Self::Key(r.array()?))
            }
            1 => read_logical(code, r),
            // Of the network segments, those below 16 have one byte of data (C-1.4.3.1).
            2 if code & 0x10 == 0 => Ok(Self::Network(code & 0x1F, r.u8()?)),
            4 if code == 0x80 => {
                let words = usize::from(r.u8()?);
                Ok(Self::Data(r.take(words * 2)?.into()))
            }
            4 if code == 0x91 => {
                let count = usize::from(r.u8()?);
                let name = r.take(count)?;
                r.take(count % 2)?;
                let text = name.iter().all(|b| (0x20..0x7F).contains(b));
                match std::str::from_utf8(name) {
                    Ok(name) if text && !name.is_empty() => Ok(Self::Symbol(name.into())),
                    _ => Err(Error::Text),
                }
            }
            _ => Err(Error::Segment(code)),
        }
    }
}

fn pad(out: &mut Vec<u8>, written: usize) {
    if written % 2 == 1 {
        out.push(0);
    }
}

fn read_logical(code: u8, r: &mut Reader<'_>) -> Result<Segment, Error> {
    let value = match code & 3 {
        0 => r.u8()?.into(),
        1 => {
            r.u8()?;
            r.u16()?.into()
        }
        2 => {
            r.u8()?;
            r.u32()?
        }
        _ => return Err(Error::Segment(code)),
    };
    Ok(match code >> 2 & 7 {
        0 => Segment::Class(value),
        1 => Segment::Instance(value),
        2 => Segment::Member(value),
        3 => Segment::Point(value),
        4 => Segment::Attribute(value),
        _ => return Err(Error::Segment(code)),
    })
}

/// Port in the low four bits, 15 for a larger one behind; bit 4 for a link address of more than one byte.
fn emit_port(port: u16, link: &[u8], out: &mut Vec<u8>) {
    let link = link.get(..link.len().min(255)).unwrap_or_default();
    let long = if link.len() == 1 { 0 } else { 0x10 };
    let small = u8::try_from(port).ok().filter(|port| *port < 15);
    out.push(small.unwrap_or(15) | long);
    if long != 0 {
        out.push(u8::try_from(link.len()).unwrap_or(u8::MAX));
    }
    if small.is_none() {
        put16(out, port);
    }
    out.extend_from_slice(link);
    let written = 1 + usize::from(long != 0) + if small.is_none() { 2 } else { 0 } + link.len();
    pad(out, written);
}

fn read_port(code: u8, r: &mut Reader<'_>) -> Result<Segment, Error> {
    let long = code & 0x10 != 0;
    let count = if long { usize::from(r.u8()?) } else { 1 };
    let port = match code & 15 {
        0 => return Err(Error::Segment(code)),
        15 => r.u16()?,
        port => port.into(),
    };
    let link = r.take(count)?.into();
    let written = 1 + usize::from(long) + if code & 15 == 15 { 2 } else { 0 } + count;
    r.take(written % 2)?;
    Ok(Segment::Port { port, link })
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => match super::table::class(*class) {
                Some(known) => write!(f, "{} ({class:#04x})", known.name),
                None => write!(f, "class {class:#04x}"),
            },
            Self::Instance(it) => write!(f, "instance {it}"),
            Self::Member(it) => write!(f, "[{it}]"),
            Self::Point(it) => write!(f, "point {it}"),
            Self::Attribute(it) => write!(f, "attribute {it}"),
            Self::Key(_) => f.write_str("key"),
            Self::Symbol(name) => f.write_str(name),
            Self::Port { port, link } => match link.as_ref() {
                [slot] => write!(f, "port {port} address {slot}"),
                text => write!(f, "port {port} address {}", String::from_utf8_lossy(text)),
            },
            Self::Network(code, value) => write!(f, "network {code}={value}"),
            Self::Data(data) => write!(f, "{} bytes of data", data.len()),
        }
    }
}

/// For people: `Line1.Speed[3]`, `symbol (0x6b) instance 7`.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Member(_) => {}
                Segment::Symbol(_) if index > 0 => f.write_str(".")?,
                _ if index > 0 => f.write_str(" ")?,
                _ => {}
            }
            segment.fmt(f)?;
        }
        Ok(())
    }
}
