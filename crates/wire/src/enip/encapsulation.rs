//! The encapsulation header and the stream of frames (Volume 2, 2-3).

use super::reader::{fill16, put16, put32};

/// Bytes of the header.
pub const HEADER: usize = 24;
/// Where the length stands in it.
const LENGTH_AT: usize = 2;

/// Commands (Volume 2, table 2-3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Command {
    /// Keeps a connection alive; never answered.
    Nop,
    /// Which services it has.
    ListServices,
    /// Who it is.
    ListIdentity,
    /// Interfaces other than CIP.
    ListInterfaces,
    /// Opens a session.
    RegisterSession,
    /// Closes a session; never answered.
    UnregisterSession,
    /// An unconnected message.
    SendRrData,
    /// A message of a connection.
    SendUnitData,
    /// Obsolete.
    IndicateStatus,
    /// Obsolete.
    Cancel,
}

impl Command {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Nop,
        Self::ListServices,
        Self::ListIdentity,
        Self::ListInterfaces,
        Self::RegisterSession,
        Self::UnregisterSession,
        Self::SendRrData,
        Self::SendUnitData,
        Self::IndicateStatus,
        Self::Cancel,
    ];

    /// Code on the wire.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Nop => 0x00,
            Self::ListServices => 0x04,
            Self::ListIdentity => 0x63,
            Self::ListInterfaces => 0x64,
            Self::RegisterSession => 0x65,
            Self::UnregisterSession => 0x66,
            Self::SendRrData => 0x6F,
            Self::SendUnitData => 0x70,
            Self::IndicateStatus => 0x72,
            Self::Cancel => 0x73,
        }
    }

    /// The command with the code.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|command| command.code() == code)
    }

    /// Name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nop => "NOP",
            Self::ListServices => "ListServices",
            Self::ListIdentity => "ListIdentity",
            Self::ListInterfaces => "ListInterfaces",
            Self::RegisterSession => "RegisterSession",
            Self::UnregisterSession => "UnRegisterSession",
            Self::SendRrData => "SendRRData",
            Self::SendUnitData => "SendUnitData",
            Self::IndicateStatus => "IndicateStatus",
            Self::Cancel => "Cancel",
        }
    }
}

/// Encapsulation status words (Volume 2, table 2-3.3).
#[must_use]
pub const fn status_words(status: u32) -> &'static str {
    match status {
        0x00 => "success",
        0x01 => "the device does not know the command",
        0x02 => "the device has no memory for it",
        0x03 => "the data of the command is wrong",
        0x64 => "the session is not valid (any more)",
        0x65 => "the length of the message is wrong",
        0x69 => "the protocol version is not supported",
        _ => "an encapsulation status that is not a standard one",
    }
}

/// The header, but for its length, which follows from the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub command: Command,
    /// Session, given by the device; 0 before.
    pub session: u32,
    /// 0 in requests and in what succeeded; see [`status_words`].
    pub status: u32,
    /// Repeated in the reply: tells which request it answers.
    pub context: [u8; 8],
    /// 0.
    pub options: u32,
}

impl Header {
    /// A request.
    #[must_use]
    pub const fn new(command: Command, session: u32, context: u64) -> Self {
        Self { command, session, status: 0, context: context.to_le_bytes(), options: 0 }
    }

    /// Appends the header and what `emit` appends behind it; the length is filled in afterwards.
    pub fn emit_with(&self, out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
        let start = out.len();
        put16(out, self.command.code());
        put16(out, 0);
        put32(out, self.session);
        put32(out, self.status);
        out.extend_from_slice(&self.context);
        put32(out, self.options);
        emit(out);
        let length = out.len().saturating_sub(start + HEADER);
        fill16(out, start + LENGTH_AT, length);
    }

    fn read(bytes: &[u8; HEADER]) -> Result<(Self, usize), Desync> {
        let [c0, c1, l0, l1, s0, s1, s2, s3, t0, t1, t2, t3, x0, x1, x2, x3, x4, x5, x6, x7, o0, o1, o2, o3] =
            *bytes;
        let code = u16::from_le_bytes([c0, c1]);
        let command = Command::from_code(code).ok_or(Desync::Command(code))?;
        let header = Self {
            command,
            session: u32::from_le_bytes([s0, s1, s2, s3]),
            status: u32::from_le_bytes([t0, t1, t2, t3]),
            context: [x0, x1, x2, x3, x4, x5, x6, x7],
            options: u32::from_le_bytes([o0, o1, o2, o3]),
        };
        Ok((header, usize::from(u16::from_le_bytes([l0, l1]))))
    }
}

/// Appends a request to open a session (Volume 2, 2-4.4): protocol version 1, no options.
pub fn emit_register(context: u64, out: &mut Vec<u8>) {
    Header::new(Command::RegisterSession, 0, context)
        .emit_with(out, |out| out.extend_from_slice(&[1, 0, 0, 0]));
}

/// Appends a request to close a session (Volume 2, 2-4.5).
pub fn emit_unregister(session: u32, out: &mut Vec<u8>) {
    Header::new(Command::UnregisterSession, session, 0).emit_with(out, |_| {});
}

/// One frame; its payload lies in the deframer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its header.
    pub header: Header,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The stream is not EtherNet/IP any more. Nothing in the header lets a receiver find the next frame, so the only
/// sound reaction is to close the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Desync {
    /// No such command.
    #[error("{0:#06x} is no command of EtherNet/IP")]
    Command(u16),
    /// A frame larger than the limit.
    #[error("a frame of {bytes} bytes, at most {max} are taken")]
    Length {
        /// Announced.
        bytes: usize,
        /// Most taken.
        max: usize,
    },
}

/// Cuts a byte stream into frames. Holds at most one frame, never more.
#[derive(Debug, Clone)]
pub struct Deframer {
    buffer: Vec<u8>,
    max: usize,
    /// The frame in the buffer has been handed out.
    done: bool,
}

impl Deframer {
    /// An empty deframer that takes payloads of at most `max` bytes.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self { buffer: Vec::new(), max, done: false }
    }

    /// Bytes of an incomplete frame.
    #[must_use]
    pub const fn pending(&self) -> usize {
        if self.done { 0 } else { self.buffer.len() }
    }

    /// Takes bytes from the front of `input` up to the end of one frame. `None` means that all input is taken and the
    /// frame is not complete yet.
    ///
    /// # Errors
    /// [`Desync`]; the stream is of no use any more.
    pub fn feed(&mut self, input: &mut &[u8]) -> Result<Option<Frame<'_>>, Desync> {
        if std::mem::take(&mut self.done) {
            self.buffer.clear();
        }
        let (header, length) = match self.fill(HEADER, input) {
            Some(bytes) => Header::read(bytes)?,
            None => return Ok(None),
        };
        if length > self.max {
            return Err(Desync::Length { bytes: length, max: self.max });
        }
        let wanted = HEADER + length;
        let missing = wanted.saturating_sub(self.buffer.len());
        let (head, tail) = input.split_at(missing.min(input.len()));
        self.buffer.extend_from_slice(head);
        *input = tail;
        if self.buffer.len() < wanted {
            return Ok(None);
        }
        self.done = true;
        let payload = self.buffer.get(HEADER..wanted).unwrap_or_default();
        Ok(Some(Frame { header, payload }))
    }

    fn fill(&mut self, wanted: usize, input: &mut &[u8]) -> Option<&[u8; HEADER]> {
        let missing = wanted.saturating_sub(self.buffer.len());
        let (head, tail) = input.split_at(missing.min(input.len()));
        self.buffer.extend_from_slice(head);
        *input = tail;
        self.buffer.first_chunk()
    }
}
