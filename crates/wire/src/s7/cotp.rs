//! COTP class 0: connection and data transfer (ISO 8073 = X.224, clause 13).

use super::{Error, be16};

/// End of a unit: the last fragment of what the user sent (13.7.3 c).
const END: u8 = 0x80;
/// Parameter codes (13.3.4): TPDU size, calling and called transport selector.
const TPDU_SIZE: u8 = 0xC0;
const CALLING: u8 = 0xC1;
const CALLED: u8 = 0xC2;
/// What is joined from fragments at most, in bytes.
pub const MAX_JOINED: usize = 65_536;

/// A transport selector: 1 to 16 bytes that say whom one wants behind an address.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Tsap {
    bytes: [u8; 16],
    length: u8,
}

impl Tsap {
    /// A selector of these bytes; `None` if there are more than 16.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut tsap = Self { bytes: [0; 16], length: u8::try_from(bytes.len()).ok()? };
        tsap.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(tsap)
    }

    /// The selector of two bytes.
    #[must_use]
    pub const fn word(word: u16) -> Self {
        let [high, low] = word.to_be_bytes();
        Self { bytes: [high, low, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], length: 2 }
    }

    /// The CPU in a rack (0 to 7) and slot (0 to 31): kind of connection (1 PG, 2 OP, 3 other), rack * 32 + slot.
    #[must_use]
    pub const fn rack_slot(connection: u8, rack: u8, slot: u8) -> Self {
        Self::word(u16::from_be_bytes([connection, (rack << 5) | (slot & 31)]))
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// As TIA Portal writes it, `03.02`, or as text where it is one (`SIMATIC-ROOT-HMI`).
impl std::fmt::Display for Tsap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = self.bytes();
        if bytes.len() > 2 && bytes.iter().all(|b| (0x20..0x7F).contains(b)) {
            return f.write_str(std::str::from_utf8(bytes).unwrap_or_default());
        }
        for (index, byte) in bytes.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index > 0 { "." } else { "" })?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Tsap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tsap({self})")
    }
}

/// What a connect request or confirm carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// Reference of the receiver, 0 in a request.
    pub destination: u16,
    /// Reference of the sender.
    pub source: u16,
    /// Largest TPDU as a power of two, 7 (128 bytes) to 13 (8192).
    pub tpdu_size: u8,
    /// Who calls.
    pub calling: Tsap,
    /// Who is called.
    pub called: Tsap,
}

/// A transport protocol data unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tpdu<'a> {
    /// CR (13.3).
    ConnectRequest(Connect),
    /// CC (13.4).
    ConnectConfirm(Connect),
    /// DR (13.5): refused or ended.
    Disconnect {
        /// Reason (13.5.3 d): 0 not specified, 1 congestion, 2 no session entity, 3 address unknown.
        reason: u8,
    },
    /// ER (13.12).
    Error {
        /// Cause (13.12.3 c).
        cause: u8,
    },
    /// DT (13.7).
    Data {
        /// Whether it ends what the sender sent.
        last: bool,
        /// Its part of it.
        payload: &'a [u8],
    },
}

impl<'a> Tpdu<'a> {
    /// Appends it.
    pub fn emit(&self, out: &mut Vec<u8>) {
        match self {
            Self::ConnectRequest(connect) => connect.emit(0xE0, out),
            Self::ConnectConfirm(connect) => connect.emit(0xD0, out),
            Self::Disconnect { reason } => out.extend_from_slice(&[6, 0x80, 0, 0, 0, 0, *reason]),
            Self::Error { cause } => out.extend_from_slice(&[4, 0x70, 0, 0, *cause]),
            Self::Data { last, payload } => {
                out.extend_from_slice(&[2, 0xF0, if *last { END } else { 0 }]);
                out.extend_from_slice(payload);
            }
        }
    }

    /// Reads a TPDU that fills `bytes`.
    ///
    /// # Errors
    /// Another kind of TPDU, lengths that contradict each other, another class than 0.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let short = |need| Error::Truncated { what: "the COTP header", need, have: bytes.len() };
        let (li, rest) = bytes.split_first().ok_or(short(1))?;
        let (header, payload) = rest.split_at_checked(usize::from(*li)).ok_or(short(usize::from(*li) + 1))?;
        let (code, fields) = header.split_first().ok_or(short(2))?;
        let only_header = |tpdu| match payload.len() {
            0 => Ok(tpdu),
            extra => Err(Error::Trailing { what: "the COTP header", extra }),
        };
        match (code & 0xF0, fields) {
            (0xF0, [number, ..]) => Ok(Self::Data { last: number & END != 0, payload }),
            (0xE0, _) => only_header(Self::ConnectRequest(Connect::parse(fields)?)),
            (0xD0, _) => only_header(Self::ConnectConfirm(Connect::parse(fields)?)),
            (0x80, [_, _, _, _, reason, ..]) => only_header(Self::Disconnect { reason: *reason }),
            (0x70, [_, _, cause, ..]) => only_header(Self::Error { cause: *cause }),
            (0xF0 | 0x80 | 0x70, _) => Err(short(7)),
            _ => Err(Error::Value { field: "the kind of the TPDU", got: (*code).into() }),
        }
    }
}

impl Connect {
    fn emit(&self, code: u8, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0, code]);
        out.extend_from_slice(&self.destination.to_be_bytes());
        out.extend_from_slice(&self.source.to_be_bytes());
        out.extend_from_slice(&[0, TPDU_SIZE, 1, self.tpdu_size]);
        for (code, tsap) in [(CALLING, &self.calling), (CALLED, &self.called)] {
            out.extend_from_slice(&[code, tsap.length]);
            out.extend_from_slice(tsap.bytes());
        }
        let length = u8::try_from(out.len() - start - 1).unwrap_or(u8::MAX);
        if let Some(field) = out.get_mut(start) {
            *field = length;
        }
    }

    fn parse(fields: &[u8]) -> Result<Self, Error> {
        let short = |need| Error::Truncated { what: "the COTP connect", need, have: fields.len() };
        let (Some(destination), Some(source), Some(class)) =
            (be16(fields, 0), be16(fields, 2), fields.get(4))
        else {
            return Err(short(5));
        };
        if class >> 4 != 0 {
            return Err(Error::Value { field: "the transport class", got: (class >> 4).into() });
        }
        // Without the parameter, 128 bytes (13.3.4 b).
        let mut connect =
            Self { destination, source, tpdu_size: 7, calling: Tsap::default(), called: Tsap::default() };
        let mut rest = fields.get(5..).unwrap_or_default();
        while let [code, length, tail @ ..] = rest {
            let (value, tail) = tail.split_at_checked((*length).into()).ok_or(short(usize::from(*length)))?;
            let selector = || {
                Tsap::new(value).ok_or(Error::Value { field: "a selector's length", got: (*length).into() })
            };
            match (*code, value) {
                (TPDU_SIZE, [size]) if (7..=13).contains(size) => connect.tpdu_size = *size,
                (TPDU_SIZE, _) => return Err(Error::Value { field: "the TPDU size", got: (*length).into() }),
                (CALLING, _) => connect.calling = selector()?,
                (CALLED, _) => connect.called = selector()?,
                _ => {} // optional parameters of other classes (13.3.4 g)
            }
            rest = tail;
        }
        if rest.is_empty() { Ok(connect) } else { Err(short(fields.len() + 1)) }
    }
}

/// Appends the TPKT with a whole user unit in one TPDU.
pub fn emit_data_with(out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    super::tpkt::emit_with(out, |out| {
        out.extend_from_slice(&[2, 0xF0, END]);
        emit(out);
    });
}

/// Joins fragments to what the sender sent, at most [`MAX_JOINED`] bytes.
#[derive(Debug, Clone, Default)]
pub struct Joiner {
    held: Vec<u8>,
}

impl Joiner {
    /// Takes one data TPDU; returns the whole unit once its last fragment is there.
    ///
    /// # Errors
    /// More fragments than fit; what was held is forgotten.
    pub fn take<'a>(&'a mut self, last: bool, payload: &'a [u8]) -> Result<Option<&'a [u8]>, Error> {
        if last && self.held.is_empty() {
            return Ok(Some(payload));
        }
        if self.held.len() + payload.len() > MAX_JOINED {
            let got = self.held.len() + payload.len();
            self.held.clear();
            return Err(Error::Count { what: "the size of a fragmented unit", got, min: 0, max: MAX_JOINED });
        }
        self.held.extend_from_slice(payload);
        Ok(last.then_some(()).map(|()| self.held.as_slice()))
    }

    /// Forgets a unit that was delivered.
    pub fn clear(&mut self) {
        self.held.clear();
    }

    /// Bytes of an incomplete unit.
    #[must_use]
    pub const fn pending(&self) -> usize {
        self.held.len()
    }
}

/// What a disconnect reason means (13.5.3 d).
#[must_use]
pub const fn reason(code: u8) -> &'static str {
    match code {
        1 => "it has no connection left",
        2 => "nobody serves this selector",
        3 => "it does not know this selector",
        _ => "it gives no reason",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connect_of_a_real_capture() {
        let bytes = [0x11, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, 1, 0, 0xC2, 2, 1, 1];
        let Ok(Tpdu::ConnectRequest(connect)) = Tpdu::parse(&bytes) else { panic!("no CR") };
        assert_eq!((connect.source, connect.tpdu_size), (1, 10));
        assert_eq!(
            (connect.calling.to_string(), connect.called.to_string()),
            ("01.00".into(), "01.01".into())
        );
        let mut out = Vec::new();
        Tpdu::ConnectRequest(connect).emit(&mut out);
        assert_eq!(out, bytes);
    }

    #[test]
    fn selectors_are_written_as_engineers_know_them() {
        assert_eq!(Tsap::rack_slot(3, 0, 2).to_string(), "03.02");
        assert_eq!(Tsap::rack_slot(2, 1, 3).to_string(), "02.23");
        assert_eq!(Tsap::new(b"SIMATIC-ROOT-HMI").unwrap().to_string(), "SIMATIC-ROOT-HMI");
        assert_eq!(Tsap::new(&[0; 17]), None);
    }

    #[test]
    fn fragments_are_joined_and_bounded() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.take(true, &[1]), Ok(Some(&[1][..])));
        assert_eq!(joiner.take(false, &[1, 2]), Ok(None));
        assert_eq!(joiner.take(true, &[3]), Ok(Some(&[1, 2, 3][..])));
        joiner.clear();
        let big = vec![0; 40_000];
        assert_eq!(joiner.take(false, &big), Ok(None));
        assert!(joiner.take(false, &big).is_err());
        assert_eq!(joiner.pending(), 0);
    }
}
