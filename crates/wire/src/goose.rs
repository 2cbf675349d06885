//! GOOSE: events of protection and control, sent to a group again and again (IEC 61850-8-1:2011, clause 18 and annex A).
//!
//! ```text
//!   Ethernet, type 88B8 │ APPID 2 │ length 2 │ reserved 4 │ 61 .. goosePdu (BER)
//!   goosePdu │ 80 control block │ 81 time allowed to live │ 82 data set │ 83 id │ 84 time │ 85 state number │ 86 sequence
//!            │ 87 simulation │ 88 configuration revision │ 89 needs commissioning │ 8A entries │ AB data
//! ```
//!
//! A new state raises the state number and sets the sequence to 0; repetitions raise the sequence. Only the tolerant view:
//! [`GooseView`] looks at one frame behind its type.

use std::fmt;

/// Bytes before the PDU.
const HEADER: usize = 8;

/// Something that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// Not even APPID and length.
    ShortHeader,
    /// The length is not that of the bytes.
    Length(u16),
    /// No goosePdu.
    Tag(u8),
    /// An element that ends behind its container.
    Element(u8),
    /// An element that must be there is not.
    Missing(&'static str),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ShortHeader => f.write_str("the header is cut short"),
            Self::Length(length) => write!(f, "a length of {length} bytes, which does not fit"),
            Self::Tag(tag) => write!(f, "tag {tag:#04x} where the PDU begins"),
            Self::Element(tag) => write!(f, "element {tag:#04x} ends behind the message"),
            Self::Missing(what) => write!(f, "without {what}"),
        }
    }
}

/// One element in BER: its tag, its content, what follows. Lengths of up to four bytes.
fn element(bytes: &[u8]) -> Result<(u8, &[u8], &[u8]), Problem> {
    let [tag, length, rest @ ..] = bytes else {
        return Err(Problem::Element(bytes.first().copied().unwrap_or(0)));
    };
    let short = || Problem::Element(*tag);
    let (length, rest) = match *length {
        short_form @ 0..=0x7F => (usize::from(short_form), rest),
        long @ 0x81..=0x84 => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7F)).ok_or_else(short)?;
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
        _ => return Err(short()),
    };
    let (content, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    Ok((*tag, content, rest))
}

/// A look at a frame behind its EtherType. Accessors give `None` where the bytes do not reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GooseView<'a> {
    bytes: &'a [u8],
}

impl<'a> GooseView<'a> {
    /// Looks at a frame, padding of Ethernet included.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..)?.first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    /// Application identifier: which application of the substation it is for.
    #[must_use]
    pub fn appid(&self) -> Option<u16> {
        self.word(0)
    }

    fn pdu(&self) -> Result<&'a [u8], Problem> {
        let length = self.word(2).ok_or(Problem::ShortHeader)?;
        let apdu = self.bytes.get(HEADER..usize::from(length)).ok_or(Problem::Length(length))?;
        match element(apdu)? {
            (0x61, content, _) => Ok(content),
            (tag, ..) => Err(Problem::Tag(tag)),
        }
    }

    fn field(&self, wanted: u8) -> Option<&'a [u8]> {
        let mut rest = self.pdu().ok()?;
        while !rest.is_empty() {
            let (tag, content, tail) = element(rest).ok()?;
            if tag == wanted {
                return Some(content);
            }
            rest = tail;
        }
        None
    }

    fn number(&self, wanted: u8) -> Option<u32> {
        // A leading zero keeps large numbers positive.
        let content = self.field(wanted).filter(|content| (1..=5).contains(&content.len()))?;
        u32::try_from(content.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte))).ok()
    }

    /// Reference of the control block that sends it. Not checked to be text.
    #[must_use]
    pub fn control_block(&self) -> Option<&'a [u8]> {
        self.field(0x80)
    }

    /// Name that the receivers know it by. Not checked to be text.
    #[must_use]
    pub fn id(&self) -> Option<&'a [u8]> {
        self.field(0x83)
    }

    /// Reference of its data set. Not checked to be text.
    #[must_use]
    pub fn data_set(&self) -> Option<&'a [u8]> {
        self.field(0x82)
    }

    /// How long it holds until the next one, in milliseconds.
    #[must_use]
    pub fn time_to_live_ms(&self) -> Option<u32> {
        self.number(0x81)
    }

    /// Number of the state: one more with every change.
    #[must_use]
    pub fn state_number(&self) -> Option<u32> {
        self.number(0x85)
    }

    /// Number within the state: one more with every repetition.
    #[must_use]
    pub fn sequence_number(&self) -> Option<u32> {
        self.number(0x86)
    }

    /// Whether it is made by a test set, not by the device.
    #[must_use]
    pub fn is_simulation(&self) -> bool {
        self.field(0x87).is_some_and(|content| content.iter().any(|byte| *byte != 0))
    }

    /// Revision of the configuration of the control block.
    #[must_use]
    pub fn revision(&self) -> Option<u32> {
        self.number(0x88)
    }

    /// The first thing that is not as it should be.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let mut rest = match self.pdu() {
            Ok(pdu) => pdu,
            Err(problem) => return Some(problem),
        };
        while !rest.is_empty() {
            match element(rest) {
                Ok((.., tail)) => rest = tail,
                Err(problem) => return Some(problem),
            }
        }
        let needed = [
            (self.control_block().is_some(), "a control block"),
            (self.state_number().is_some(), "a state number"),
            (self.sequence_number().is_some(), "a sequence number"),
        ];
        needed.iter().find(|(there, _)| !there).map(|(_, what)| Problem::Missing(what))
    }
}

/// One line for a person.
impl fmt::Display for GooseView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.control_block() {
            Some(block) => write!(f, "{}", String::from_utf8_lossy(block))?,
            None => f.write_str("GOOSE")?,
        }
        if let (Some(state), Some(sequence)) = (self.state_number(), self.sequence_number()) {
            write!(f, ", state {state}, sequence {sequence}")?;
        }
        if self.is_simulation() { f.write_str(" (simulation)") } else { Ok(()) }
    }
}
