//! The tolerant view: looks at any bytes, never fails, and says what is malformed.

use super::encapsulation::{self, Command, HEADER};
use super::packet::item;
use super::pccc::PcccView;
use super::reader::Reader;
use super::table::{self, Effect, class_id, service};
use super::{Error, Limits, Path, Reply, Segment, Status};
use std::fmt;

/// How deep messages are looked for inside messages.
const DEPTH: usize = 4;
/// Most items of a packet that are looked at.
const MAX_ITEMS: usize = 16;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Fewer bytes than a header has.
    Short {
        /// Bytes found.
        bytes: usize,
    },
    /// Not a command of the standard.
    Command(u16),
    /// The length field contradicts the bytes.
    Length {
        /// In the header.
        field: u16,
        /// Bytes behind it.
        found: usize,
    },
    /// The device refused the command.
    Status(u32),
    /// An item reaches beyond the packet.
    Item(u16),
    /// Something the strict reader refuses.
    Refused(Error),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short { bytes } => write!(f, "{bytes} bytes, a header has {HEADER}"),
            Self::Command(code) => write!(f, "{code:#06x} is no command of EtherNet/IP"),
            Self::Length { field, found } => write!(f, "length field {field}, {found} bytes behind it"),
            Self::Status(status) => f.write_str(encapsulation::status_words(*status)),
            Self::Item(code) => write!(f, "item {code:#06x} reaches beyond the packet"),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

/// A look at one encapsulated frame, as far as it was captured. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameView<'a> {
    bytes: &'a [u8],
}

/// Bytes of the first frame of a stream: its header and what that announces. `None` before the header is there.
#[must_use]
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .get(2..4)?
        .first_chunk()
        .filter(|_| bytes.len() >= HEADER)
        .map(|field| HEADER + usize::from(u16::from_le_bytes(*field)))
}

/// Whether a stream may begin a frame here: a known command, no options, a status that is none or known.
#[must_use]
pub fn looks_like_frame(bytes: &[u8]) -> bool {
    let view = FrameView::new(bytes);
    bytes.len() >= HEADER
        && view.command().is_some()
        && view.status().is_some_and(|status| status <= 0x6A)
        && bytes.get(20..24) == Some(&[0; 4])
}

impl<'a> FrameView<'a> {
    /// Looks at a frame.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..at + 2)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    fn double(&self, at: usize) -> Option<u32> {
        self.bytes.get(at..at + 4)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The command, if it is one of the standard.
    #[must_use]
    pub fn command(&self) -> Option<Command> {
        Command::from_code(self.word(0)?)
    }

    /// Session.
    #[must_use]
    pub fn session(&self) -> Option<u32> {
        self.double(4)
    }

    /// Encapsulation status; 0 is success.
    #[must_use]
    pub fn status(&self) -> Option<u32> {
        self.double(8)
    }

    /// Sender context: a reply has that of its request.
    #[must_use]
    pub fn context(&self) -> Option<[u8; 8]> {
        self.bytes.get(12..20)?.first_chunk().copied()
    }

    /// What follows the header, as far as the header announces it.
    #[must_use]
    pub fn payload(&self) -> &'a [u8] {
        let announced = HEADER + usize::from(self.word(2).unwrap_or(0));
        self.bytes.get(HEADER..announced.min(self.bytes.len())).unwrap_or_default()
    }

    /// Items of SendRRData and SendUnitData, as far as they reach: type and data.
    pub fn items(&self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let carries = matches!(self.command(), Some(Command::SendRrData | Command::SendUnitData));
        let mut r = Reader::new(if carries { self.payload().get(6..).unwrap_or_default() } else { &[] });
        let count = usize::from(r.u16().unwrap_or(0)).min(MAX_ITEMS);
        (0..count).map_while(move |_| {
            let (code, length) = (r.u16().ok()?, usize::from(r.u16().ok()?));
            let all = r.all();
            let (data, rest) = all.split_at(length.min(all.len()));
            r = Reader::new(rest);
            Some((code, data))
        })
    }

    /// Connection id of a connected message.
    #[must_use]
    pub fn connection(&self) -> Option<u32> {
        let (_, data) = self.items().find(|(code, _)| *code == item::CONNECTION)?;
        data.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
    }

    /// The CIP message it carries.
    #[must_use]
    pub fn message(&self) -> Option<MessageView<'a>> {
        self.items().find_map(|(code, data)| match code {
            item::UNCONNECTED => Some(MessageView::new(data)),
            item::CONNECTED => data.get(2..).map(MessageView::new),
            _ => None,
        })
    }

    /// Everything that is not as it should be, the most telling first; at most six.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let mut found = Vec::new();
        if self.bytes.len() < HEADER {
            found.push(Problem::Short { bytes: self.bytes.len() });
            return found;
        }
        if self.command().is_none() {
            found.extend(self.word(0).map(Problem::Command));
            return found;
        }
        let behind = self.bytes.len() - HEADER;
        let wrong = self.word(2).filter(|field| usize::from(*field) != behind);
        found.extend(wrong.map(|field| Problem::Length { field, found: behind }));
        found.extend(self.status().filter(|status| *status != 0).map(Problem::Status));
        let limits = Limits::STANDARD;
        if matches!(self.command(), Some(Command::SendRrData | Command::SendUnitData))
            && self.status() == Some(0)
        {
            found.extend(super::Packet::parse(self.payload(), &limits).err().map(Problem::Refused));
            found.extend(self.message().and_then(|message| message.problem()));
        }
        found
    }
}

/// A look at a CIP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageView<'a> {
    bytes: &'a [u8],
}

impl<'a> MessageView<'a> {
    /// Looks at a message.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes looked at.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Service without the bit of a reply.
    #[must_use]
    pub fn service(&self) -> Option<u8> {
        self.bytes.first().map(|code| code & !service::REPLY)
    }

    /// Whether it is a reply.
    #[must_use]
    pub fn is_reply(&self) -> bool {
        self.bytes.first().is_some_and(|code| code & service::REPLY != 0)
    }

    /// The path of a request, up to the first segment that cannot be read.
    #[must_use]
    pub fn path(&self) -> Path {
        let mut segments = Vec::new();
        if !self.is_reply() {
            let words = usize::from(self.bytes.get(1).copied().unwrap_or(0));
            let path = self.bytes.get(2..).unwrap_or_default();
            let mut r = Reader::new(path.get(..(words * 2).min(path.len())).unwrap_or_default());
            while r.remaining() > 0 && segments.len() < Limits::STANDARD.segments {
                let Ok(segment) = Segment::read(&mut r) else { break };
                segments.push(segment);
            }
        }
        Path(segments)
    }

    /// What follows the path of a request or the status of a reply.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        let start = if self.is_reply() {
            4 + usize::from(self.bytes.get(3).copied().unwrap_or(0)) * 2
        } else {
            2 + usize::from(self.bytes.get(1).copied().unwrap_or(0)) * 2
        };
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Status of a reply.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.is_reply().then(|| Reply::parse(self.bytes).ok().map(|reply| reply.status)).flatten()
    }

    /// Name and effect of the service of a request, if they are known; of a reply by its code alone.
    #[must_use]
    pub fn facts(&self) -> Option<table::Service> {
        table::service_of(self.service()?, self.path().class())
    }

    /// The messages inside: those of a service packet, that of an Unconnected Send.
    #[must_use]
    pub fn embedded(&self) -> Vec<MessageView<'a>> {
        let data = self.data();
        match self.service() {
            Some(service::MULTIPLE) => embedded_list(data),
            Some(service::UNCONNECTED_SEND)
                if !self.is_reply() && self.path().class() == Some(class_id::CONNECTION_MANAGER) =>
            {
                let mut r = Reader::new(data.get(2..).unwrap_or_default());
                let length = usize::from(r.u16().unwrap_or(0));
                let rest = r.all();
                vec![MessageView::new(rest.get(..length.min(rest.len())).unwrap_or_default())]
            }
            _ => Vec::new(),
        }
    }

    /// The PCCC command of Execute PCCC.
    #[must_use]
    pub fn pccc(&self) -> Option<PcccView<'a>> {
        let to_pccc =
            self.service() == Some(service::EXECUTE_PCCC) && self.path().class() == Some(class_id::PCCC);
        to_pccc.then(|| PcccView::new(self.data()))
    }

    /// What a request does: the weightiest of everything inside it.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect_within(DEPTH)
    }

    fn effect_within(&self, depth: usize) -> Effect {
        if self.is_reply() {
            return Effect::Read;
        }
        if let Some((_, effect)) = self.pccc().and_then(|pccc| pccc.facts()) {
            return effect;
        }
        let own = self.facts().map_or(Effect::Unknown, |facts| facts.effect);
        if depth == 0 {
            return own;
        }
        let inside = self.embedded().into_iter().map(|message| message.effect_within(depth - 1)).max();
        match (own, inside) {
            (Effect::Read | Effect::Connect, Some(inside)) => inside,
            (own, _) => own,
        }
    }

    fn problem(&self) -> Option<Problem> {
        if self.is_reply() {
            return Reply::parse(self.bytes).err().map(Problem::Refused);
        }
        super::Request::parse(self.bytes, &Limits::STANDARD).err().map(Problem::Refused)
    }
}

fn embedded_list(data: &[u8]) -> Vec<MessageView<'_>> {
    let mut r = Reader::new(data);
    let count = usize::from(r.u16().unwrap_or(0)).min(Limits::STANDARD.services);
    let starts: Vec<usize> = (0..count).map_while(|_| r.u16().ok().map(usize::from)).collect();
    let end = |index: usize| starts.get(index + 1).copied().unwrap_or(data.len()).min(data.len());
    let parts = starts.iter().enumerate().filter_map(|(index, start)| data.get(*start..end(index)));
    parts.map(MessageView::new).collect()
}

/// One line for a person: "Read Tag: Line1.Speed", "Stop: controller (0x8e) instance 1".
impl fmt::Display for MessageView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(code) = self.service() else { return f.write_str("(empty)") };
        let path = self.path();
        match self.facts() {
            Some(facts) => f.write_str(facts.name)?,
            None => write!(f, "service {code:#04x}")?,
        }
        if let Some(status) = self.status() {
            return write!(f, ": {status}");
        }
        if let Some(pccc) = self.pccc() {
            return write!(f, ": {pccc}");
        }
        let inside = self.embedded();
        if !inside.is_empty() {
            write!(f, " of {}", inside.len())?;
            return inside.first().map_or(Ok(()), |first| {
                write!(f, ", first {} {}", first.facts().map_or("?", |f| f.name), first.path())
            });
        }
        if path.0.is_empty() { Ok(()) } else { write!(f, ": {path}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_a_person() {
        let line = |bytes: &[u8]| MessageView::new(bytes).to_string();
        assert_eq!(line(&[0x4C, 3, 0x91, 3, b'A', b'b', b'c', 0, 1, 0]), "Read Tag: Abc");
        assert_eq!(line(&[0x07, 2, 0x20, 0x8E, 0x24, 1]), "Stop: controller (0x8e) instance 1");
        assert_eq!(
            line(&[0xCC, 0, 5, 0]),
            "Read Tag: 0x05 path destination unknown (outside the array, or no such object)"
        );
        assert_eq!(line(&[]), "(empty)");
        assert_eq!(
            line(&[0x4B, 2, 0x20, 0x67, 0x24, 1, 7, 1, 0, 1, 2, 3, 4, 0x0F, 0, 1, 0, 0xAA]),
            "Execute PCCC: protected typed logical write"
        );
    }

    #[test]
    fn the_weightiest_effect_inside_counts() {
        // A service packet of Get Attribute Single and Set Attribute Single of the TCP/IP interface, in an
        // Unconnected Send.
        let get = [0x0E, 3, 0x20, 0xF5, 0x24, 1, 0x30, 5];
        let set = [0x10, 3, 0x20, 0xF5, 0x24, 1, 0x30, 5, 10, 0, 0, 1];
        let mut packet = Vec::new();
        super::super::repr::emit_multiple([get.as_slice(), set.as_slice()].into_iter(), &mut packet);
        let mut message = vec![0x52, 2, 0x20, 6, 0x24, 1, 7, 10];
        message.extend_from_slice(&(packet.len() as u16).to_le_bytes());
        message.extend_from_slice(&packet);
        message.extend_from_slice(&[1, 0, 1, 0]);
        let view = MessageView::new(&message);
        assert_eq!(view.effect(), Effect::Configure);
        assert_eq!(view.embedded()[0].embedded().len(), 2);
        assert_eq!(MessageView::new(&get).effect(), Effect::Read);
    }

    #[test]
    fn malformed_bytes_are_named() {
        assert_eq!(FrameView::new(&[1, 2]).problems(), [Problem::Short { bytes: 2 }]);
        let mut frame = vec![0x6F, 0, 9, 0];
        frame.resize(24, 0);
        let problems = FrameView::new(&frame).problems();
        assert!(
            matches!(problems.as_slice(), [Problem::Length { field: 9, found: 0 }, Problem::Refused(_)]),
            "{problems:?}"
        );
    }
}
