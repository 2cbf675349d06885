//! The transport interface (104, 5): start, length, control field.

use super::asdu::{AsduView, Problem};
use super::table;
use super::{MAX_APDU, START};
use std::fmt;

/// Bytes before the ASDU.
const HEADER: usize = 6;

/// The whole length of the APDU that begins here, in bytes; `None` if start or length are not there or not possible.
#[must_use]
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let [START, length, ..] = bytes else { return None };
    let whole = usize::from(*length) + 2;
    (HEADER..=MAX_APDU).contains(&whole).then_some(whole)
}

/// What the control field says (104, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// I format: carries an ASDU. Numbers are modulo 32,768.
    Information {
        /// Its own number.
        send: u16,
        /// Number of the next one that is expected from the other side.
        receive: u16,
    },
    /// S format: acknowledges.
    Supervisory {
        /// Number of the next one that is expected.
        receive: u16,
    },
    /// U format: starts, stops or tests; see [`table::unnumbered`].
    Unnumbered(u8),
}

/// A look at an APDU. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApduView<'a> {
    bytes: &'a [u8],
}

impl<'a> ApduView<'a> {
    /// Looks at one APDU, as cut by [`frame_length`].
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The control field.
    #[must_use]
    pub fn control(&self) -> Option<Control> {
        let [_, _, a, b, c, d, ..] = self.bytes else { return None };
        let number = |low: u8, high: u8| u16::from_le_bytes([low, high]) >> 1;
        Some(match a & 3 {
            3 => Control::Unnumbered(*a),
            1 => Control::Supervisory { receive: number(*c, *d) },
            _ => Control::Information { send: number(*a, *b), receive: number(*c, *d) },
        })
    }

    /// The ASDU of an I format.
    #[must_use]
    pub fn asdu(&self) -> Option<AsduView<'a>> {
        match self.control()? {
            Control::Information { .. } => self.bytes.get(HEADER..).map(AsduView::new),
            _ => None,
        }
    }

    /// The first thing that is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        if frame_length(self.bytes) != Some(self.bytes.len()) {
            return Some(Problem::Length);
        }
        match self.control() {
            None => Some(Problem::Length),
            Some(Control::Information { .. }) => self.asdu()?.problem(),
            Some(Control::Unnumbered(code)) if table::unnumbered(code).is_none() => Some(Problem::Control),
            // Neither carries data (104, 5.1).
            Some(_) => (self.bytes.len() > HEADER).then_some(Problem::Trailing),
        }
    }
}

/// One line for a person: "Single command: activation, object 1001 (station 3)".
impl fmt::Display for ApduView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.control() {
            None => f.write_str("(empty)"),
            Some(Control::Supervisory { .. }) => f.write_str("acknowledgement"),
            Some(Control::Unnumbered(code)) => match table::unnumbered(code) {
                Some(name) => f.write_str(name),
                None => write!(f, "control {code:#04x}"),
            },
            Some(Control::Information { .. }) => match self.asdu() {
                Some(asdu) => asdu.fmt(f),
                None => f.write_str("(empty)"),
            },
        }
    }
}
