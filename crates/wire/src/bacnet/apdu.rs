//! The application layer's heads (20.1.2): what kind of message, which exchange, which service.

use super::{Error, MAX_APDU, Reader, Value};

/// Part of a message that is too long for one datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Whether more follow.
    pub more: bool,
    /// Number of the part, 0 to 255, wrapping.
    pub sequence: u8,
    /// Parts that may be under way, 1 to 127.
    pub window: u8,
}

/// A message of the application layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apdu<'a> {
    /// A request that is answered.
    Confirmed {
        /// Its part, if it comes in parts.
        segment: Option<Segment>,
        /// Whether the answer may come in parts.
        takes_segments: bool,
        /// Most parts and longest APDU that are taken, as coded in 20.1.2.4 and 20.1.2.5.
        limits: u8,
        /// Number of the exchange.
        invoke: u8,
        /// Service choice (21).
        service: u8,
        /// The service's own bytes.
        body: &'a [u8],
    },
    /// A message that is not answered.
    Unconfirmed {
        /// Service choice.
        service: u8,
        /// The service's own bytes.
        body: &'a [u8],
    },
    /// Done.
    SimpleAck {
        /// Number of the exchange.
        invoke: u8,
        /// Service choice.
        service: u8,
    },
    /// Done, and this is the answer.
    ComplexAck {
        /// Its part, if it comes in parts.
        segment: Option<Segment>,
        /// Number of the exchange.
        invoke: u8,
        /// Service choice.
        service: u8,
        /// The service's own bytes.
        body: &'a [u8],
    },
    /// Parts have arrived.
    SegmentAck {
        /// A part was missing.
        negative: bool,
        /// The server says so.
        server: bool,
        /// Number of the exchange.
        invoke: u8,
        /// The last part that arrived in order.
        sequence: u8,
        /// Parts that may be under way.
        window: u8,
    },
    /// Refused by the device's own reasons (18).
    Error {
        /// Number of the exchange.
        invoke: u8,
        /// Service choice.
        service: u8,
        /// Error class.
        class: u32,
        /// Error code.
        code: u32,
    },
    /// Not understood (18.9).
    Reject {
        /// Number of the exchange.
        invoke: u8,
        /// Reason.
        reason: u8,
    },
    /// Given up (18.10).
    Abort {
        /// The server says so.
        server: bool,
        /// Number of the exchange.
        invoke: u8,
        /// Reason.
        reason: u8,
    },
}

/// Limits of a request of ours: 64 parts, 1,476 octets.
const OUR_LIMITS: u8 = 0x65;

/// Parts and octets that a request's `limits` allow an answer (20.1.2.4, 20.1.2.5); 255 parts where it does not say.
pub fn allowed(limits: u8) -> (u8, usize) {
    let parts = match limits >> 4 & 7 {
        0 | 7 => 255,
        code => 1 << code,
    };
    let octets = [50, 128, 206, 480, 1_024, MAX_APDU].get(usize::from(limits & 15)).copied();
    (parts, octets.unwrap_or(MAX_APDU))
}

impl<'a> Apdu<'a> {
    /// A request in one part that may be answered in parts.
    pub const fn request(invoke: u8, service: u8, body: &'a [u8]) -> Self {
        Self::Confirmed { segment: None, takes_segments: true, limits: OUR_LIMITS, invoke, service, body }
    }

    /// A part of a request.
    pub const fn request_part(segment: Segment, invoke: u8, service: u8, body: &'a [u8]) -> Self {
        let segment = Some(segment);
        Self::Confirmed { segment, takes_segments: true, limits: OUR_LIMITS, invoke, service, body }
    }

    /// Reads an APDU.
    ///
    /// # Errors
    /// It is cut, of no known kind, or has reserved bits set.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let head = reader.u8()?;
        let (kind, flags) = (head >> 4, head & 15);
        let reserved: u8 = [1, 15, 15, 3, 12, 15, 15, 14].get(usize::from(kind)).copied().unwrap_or(15);
        if flags & reserved != 0 {
            return Err(Error::Unexpected("reserved bits of the application layer are set"));
        }
        let apdu = match kind {
            0 => {
                let (limits, invoke) = (reader.u8()?, reader.u8()?);
                let segment = segment(&mut reader, flags)?;
                let takes_segments = flags & 2 != 0;
                let service = reader.u8()?;
                Self::Confirmed { segment, takes_segments, limits, invoke, service, body: reader.all() }
            }
            1 => Self::Unconfirmed { service: reader.u8()?, body: reader.all() },
            2 => Self::SimpleAck { invoke: reader.u8()?, service: reader.u8()? },
            3 => {
                let invoke = reader.u8()?;
                let segment = segment(&mut reader, flags)?;
                Self::ComplexAck { segment, invoke, service: reader.u8()?, body: reader.all() }
            }
            4 => Self::SegmentAck {
                negative: flags & 2 != 0,
                server: flags & 1 != 0,
                invoke: reader.u8()?,
                sequence: reader.u8()?,
                window: reader.u8()?,
            },
            5 => error(&mut reader)?,
            6 => Self::Reject { invoke: reader.u8()?, reason: reader.u8()? },
            7 => Self::Abort { server: flags & 1 != 0, invoke: reader.u8()?, reason: reader.u8()? },
            _ => return Err(Error::Unexpected("no kind of message has this number")),
        };
        reader.finish()?;
        Ok(apdu)
    }

    /// Writes the APDU.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::Confirmed { segment, takes_segments, limits, invoke, service, body } => {
                out.extend([bits(*segment) | if *takes_segments { 2 } else { 0 }, *limits, *invoke]);
                out.extend(segment.iter().flat_map(|segment| [segment.sequence, segment.window]));
                out.push(*service);
                out.extend(*body);
            }
            Self::Unconfirmed { service, body } => {
                out.extend([0x10, *service]);
                out.extend(*body);
            }
            Self::SimpleAck { invoke, service } => out.extend([0x20, *invoke, *service]),
            Self::ComplexAck { segment, invoke, service, body } => {
                out.extend([0x30 | bits(*segment), *invoke]);
                out.extend(segment.iter().flat_map(|segment| [segment.sequence, segment.window]));
                out.push(*service);
                out.extend(*body);
            }
            Self::SegmentAck { negative, server, invoke, sequence, window } => {
                let flags = u8::from(*negative) << 1 | u8::from(*server);
                out.extend([0x40 | flags, *invoke, *sequence, *window]);
            }
            Self::Error { invoke, service, class, code } => {
                out.extend([0x50, *invoke, *service]);
                Value::Enumerated(*class).emit(out);
                Value::Enumerated(*code).emit(out);
            }
            Self::Reject { invoke, reason } => out.extend([0x60, *invoke, *reason]),
            Self::Abort { server, invoke, reason } => {
                out.extend([0x70 | u8::from(*server), *invoke, *reason])
            }
        }
    }
}

fn bits(segment: Option<Segment>) -> u8 {
    segment.map_or(0, |segment| 8 | if segment.more { 4 } else { 0 })
}

fn segment(reader: &mut Reader<'_>, flags: u8) -> Result<Option<Segment>, Error> {
    if flags & 8 == 0 {
        // Without parts, none can follow.
        return if flags & 4 == 0 {
            Ok(None)
        } else {
            Err(Error::Unexpected("more follows what has no parts"))
        };
    }
    Ok(Some(Segment { more: flags & 4 != 0, sequence: reader.u8()?, window: reader.u8()? }))
}

/// Errors of most services are class and code; some put them into brackets and add more (21, `BACnet-Error`).
fn error<'a>(reader: &mut Reader<'_>) -> Result<Apdu<'a>, Error> {
    let (invoke, service) = (reader.u8()?, reader.u8()?);
    let mut ahead = *reader;
    let bracket = super::tag::Tag::read(&mut ahead) == Ok(super::tag::Tag::Opening(0));
    if bracket {
        *reader = ahead;
    }
    let mut number = || match Value::read(reader)? {
        Value::Enumerated(number) => Ok(number),
        _ => Err(Error::Unexpected("an error has a class and a code")),
    };
    let (class, code) = (number()?, number()?);
    if bracket {
        // What follows says which part of the request it was.
        reader.all();
    }
    Ok(Apdu::Error { invoke, service, class, code })
}
