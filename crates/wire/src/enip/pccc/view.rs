//! Commands as they are, to look at.

use super::{command, function};
use crate::enip::table::Effect;
use std::fmt;

/// A look at what Execute PCCC carries: requester id, then command, status, transaction, function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcccView<'a> {
    bytes: &'a [u8],
}

impl<'a> PcccView<'a> {
    /// Looks at the data of a request to, or a reply from, service 0x4B of class 0x67.
    #[must_use]
    pub fn new(data: &'a [u8]) -> Self {
        // The requester id has its own length in front, itself included.
        let skip = data.first().map_or(0, |length| usize::from(*length));
        Self { bytes: data.get(skip..).unwrap_or_default() }
    }

    /// Command code; in a reply with bit 6 set, which is left out here.
    #[must_use]
    pub fn command(&self) -> Option<u8> {
        self.bytes.first().map(|code| code & !0x40)
    }

    /// Whether it is a reply.
    #[must_use]
    pub fn is_reply(&self) -> bool {
        self.bytes.first().is_some_and(|code| code & 0x40 != 0)
    }

    /// Status; 0 is success.
    #[must_use]
    pub fn status(&self) -> Option<u8> {
        self.bytes.get(1).copied()
    }

    /// Transaction number.
    #[must_use]
    pub fn transaction(&self) -> Option<u16> {
        self.bytes.get(2..4)?.first_chunk().map(|bytes| u16::from_le_bytes(*bytes))
    }

    /// Function of a request with commands 0x06, 0x07 and 0x0F.
    #[must_use]
    pub fn function(&self) -> Option<u8> {
        (!self.is_reply() && matches!(self.command()?, 0x06 | 0x07 | 0x0F))
            .then(|| self.bytes.get(4).copied())
            .flatten()
    }

    /// What follows command, status, transaction and function.
    #[must_use]
    pub fn data(&self) -> &'a [u8] {
        let start = if self.function().is_some() { 5 } else { 4 };
        self.bytes.get(start..).unwrap_or_default()
    }

    /// Name and effect, where they are known.
    #[must_use]
    pub fn facts(&self) -> Option<(&'static str, Effect)> {
        facts(self.command()?, self.function(), self.data().first().copied())
    }
}

/// Name and effect of a command and its function, where they are known; `first` is the byte behind them.
#[must_use]
pub fn facts(code: u8, function: Option<u8>, first: Option<u8>) -> Option<(&'static str, Effect)> {
    Some(match (code, function) {
        (0x00, _) => ("protected write", Effect::Write),
        (0x01, _) => ("unprotected read", Effect::Read),
        (0x02, _) => ("protected bit write", Effect::Write),
        (0x05, _) => ("unprotected bit write", Effect::Write),
        (0x08, _) => ("unprotected write", Effect::Write),
        (command::DIAGNOSTIC, Some(0x00)) => ("echo", Effect::Read),
        (command::DIAGNOSTIC, Some(function::STATUS)) => ("diagnostic status", Effect::Read),
        (command::EXTENDED, Some(code)) => extended(code, first)?,
        _ => return None,
    })
}

const fn extended(code: u8, first: Option<u8>) -> Option<(&'static str, Effect)> {
    Some(match code {
        function::WRITE_PLC5 => ("word range write", Effect::Write),
        function::READ_PLC5 => ("word range read", Effect::Read),
        0x03 => ("bit write", Effect::Write),
        0x07 => ("disable forces", Effect::Configure),
        0x11 => ("get edit resource", Effect::Configure),
        0x12 => ("return edit resource", Effect::Configure),
        function::MODIFY_PLC5 | 0x79 => ("read-modify-write", Effect::Write),
        0x29 => ("read section size", Effect::Read),
        0x3A => ("set CPU mode (PLC-5)", Effect::Stop),
        0x41 => ("disable outputs", Effect::Stop),
        0x50 => ("download all request", Effect::Download),
        0x52 => ("download complete", Effect::Download),
        0x53 => ("upload all request", Effect::Upload),
        0x55 => ("upload complete", Effect::Upload),
        0x57 => ("initialise memory", Effect::Download),
        0x67 => ("typed write", Effect::Write),
        0x68 => ("typed read", Effect::Read),
        0x80 => ("change mode", mode(first)),
        0x81 => ("open file", Effect::Configure),
        0x82 => ("close file", Effect::Configure),
        0x88 => ("execute several commands", Effect::Write),
        0xA1 | function::READ_SLC => ("protected typed logical read", Effect::Read),
        0xA9 | function::WRITE_SLC => ("protected typed logical write", Effect::Write),
        0xA7 => ("protected typed file read", Effect::Read),
        0xAF => ("protected typed file write", Effect::Write),
        function::MASK_SLC => ("protected typed logical write with mask", Effect::Write),
        _ => return None,
    })
}

/// Modes of an SLC 500: 6 is run, 1 is program, others test.
const fn mode(word: Option<u8>) -> Effect {
    match word {
        Some(0x06) => Effect::Start,
        _ => Effect::Stop,
    }
}

impl fmt::Display for PcccView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.facts(), self.command()) {
            (Some((name, _)), _) => f.write_str(name),
            (None, Some(command)) => write!(f, "command {command:#04x}"),
            (None, None) => f.write_str("(empty)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_logical_reads_and_writes() {
        let request = |function: u8| [7, 1, 0, 1, 2, 3, 4, 0x0F, 0, 0x34, 0x12, function, 2, 7, 0x89, 0, 0];
        let bytes = request(0xA2);
        let read = PcccView::new(&bytes);
        assert_eq!(read.to_string(), "protected typed logical read");
        assert_eq!((read.transaction(), read.data()), (Some(0x1234), &[2, 7, 0x89, 0, 0][..]));
        let bytes = request(0xAA);
        assert_eq!(PcccView::new(&bytes).facts().unwrap().1, Effect::Write);
        let reply = [7, 1, 0, 1, 2, 3, 4, 0x4F, 0, 0x34, 0x12, 9, 9];
        let reply = PcccView::new(&reply);
        assert!(reply.is_reply() && reply.status() == Some(0) && reply.data() == [9, 9]);
        assert_eq!(PcccView::new(&[]).to_string(), "(empty)");
        assert_eq!(PcccView::new(&[200, 1]).command(), None);
    }
}
