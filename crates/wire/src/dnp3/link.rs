//! The link layer (clause 9): frames with checksums.

use super::crc;
use std::fmt;

/// Start, length, control, addresses and their checksum.
pub const HEADER: usize = 10;
/// Largest frame.
pub const MAX_FRAME: usize = 292;
/// Most user data of a frame.
pub const MAX_USER: usize = 250;

/// What is wrong with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// A length below 5: not even the addresses fit.
    Length(u8),
    /// The checksum of the header.
    HeaderCrc,
    /// The checksum of a block of data, counted from 0.
    BlockCrc(u8),
    /// It ends before the length says.
    Short,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(length) => write!(f, "link length {length}, the least is 5"),
            Self::HeaderCrc => f.write_str("the checksum of the link header is wrong"),
            Self::BlockCrc(block) => write!(f, "the checksum of data block {block} is wrong"),
            Self::Short => f.write_str("the frame ends before its length"),
        }
    }
}

/// A look at one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkView<'a> {
    bytes: &'a [u8],
}

/// Bytes of the frame that starts here, checksums included; `None` before its length is there. A frame with an
/// impossible length is as long as its header.
#[must_use]
pub fn frame_length(bytes: &[u8]) -> Option<usize> {
    let user = usize::from(bytes.get(2)?.saturating_sub(5));
    Some(HEADER + user + user.div_ceil(16) * 2)
}

/// Whether a frame starts here: its start bytes and, once they are there, a header whose checksum holds.
#[must_use]
pub fn looks_like_frame(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x05, 0x64]) && LinkView::new(bytes).header_holds()
}

impl<'a> LinkView<'a> {
    /// Looks at bytes that start a frame.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn header_holds(&self) -> bool {
        let (Some(header), Some([low, high])) = (self.bytes.get(..8), self.bytes.get(8..HEADER)) else {
            return false;
        };
        crc(header).to_le_bytes() == [*low, *high]
    }

    fn word(&self, at: usize) -> Option<u16> {
        self.bytes.get(at..)?.first_chunk().map(|word| u16::from_le_bytes(*word))
    }

    /// Control byte.
    #[must_use]
    pub fn control(&self) -> Option<u8> {
        self.bytes.get(3).copied()
    }

    /// Whether the master sent it (DIR).
    #[must_use]
    pub fn from_master(&self) -> bool {
        self.control().is_some_and(|control| control & 0x80 != 0)
    }

    /// Whether it begins a transaction (PRM).
    #[must_use]
    pub fn is_primary(&self) -> bool {
        self.control().is_some_and(|control| control & 0x40 != 0)
    }

    /// Function of the link layer, 0 to 15.
    #[must_use]
    pub fn function(&self) -> Option<u8> {
        self.control().map(|control| control & 15)
    }

    /// Name of the function of the link layer (tables 9-1 and 9-2).
    #[must_use]
    pub fn function_name(&self) -> &'static str {
        match (self.is_primary(), self.function()) {
            (true, Some(0)) => "Reset Link States",
            (true, Some(2)) => "Test Link States",
            (true, Some(3)) => "Confirmed User Data",
            (true, Some(4)) => "Unconfirmed User Data",
            (true, Some(9)) => "Request Link Status",
            (false, Some(0)) => "Link Acknowledgement",
            (false, Some(1)) => "Link Negative Acknowledgement",
            (false, Some(11)) => "Link Status",
            (false, Some(15)) => "Link Not Supported",
            _ => "Link Function Reserved",
        }
    }

    /// To whom: 0 to 65,519 are stations, 65,533 to 65,535 all of them.
    #[must_use]
    pub fn destination(&self) -> Option<u16> {
        self.word(4)
    }

    /// From whom.
    #[must_use]
    pub fn source(&self) -> Option<u16> {
        self.word(6)
    }

    /// Copies the user data without checksums; returns them and what is wrong with the frame. Blocks whose checksum is
    /// wrong are copied all the same.
    pub fn user_data<'b>(&self, into: &'b mut [u8; MAX_USER]) -> (&'b [u8], Option<Wrong>) {
        let length = self.bytes.get(2).copied().unwrap_or_default();
        if !self.header_holds() {
            return (&[], Some(Wrong::HeaderCrc));
        }
        if length < 5 {
            return (&[], Some(Wrong::Length(length)));
        }
        let mut left = usize::from(length - 5);
        let (mut filled, mut wrong) = (0, None);
        let mut rest = self.bytes.get(HEADER..).unwrap_or_default();
        for block in 0..16u8 {
            if left == 0 {
                break;
            }
            let size = left.min(16);
            let (Some(data), Some([low, high])) = (rest.get(..size), rest.get(size..size + 2)) else {
                wrong = wrong.or(Some(Wrong::Short));
                break;
            };
            if crc(data).to_le_bytes() != [*low, *high] {
                wrong = wrong.or(Some(Wrong::BlockCrc(block)));
            }
            if let Some(space) = into.get_mut(filled..filled + size) {
                space.copy_from_slice(data);
                filled += size;
            }
            rest = rest.get(size + 2..).unwrap_or_default();
            left -= size;
        }
        (into.get(..filled).unwrap_or_default(), wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_checked_one_by_one() {
        let mut bytes = vec![0x05, 0x64, 5 + 18, 0xC4, 10, 0, 1, 0];
        bytes.extend_from_slice(&crc(&bytes).to_le_bytes());
        for data in [&[7u8; 16][..], &[8, 9][..]] {
            bytes.extend_from_slice(data);
            bytes.extend_from_slice(&crc(data).to_le_bytes());
        }
        assert_eq!(frame_length(&bytes), Some(bytes.len()));
        let mut space = [0; MAX_USER];
        let view = LinkView::new(&bytes);
        let (data, wrong) = view.user_data(&mut space);
        assert_eq!((data.len(), data.last(), wrong), (18, Some(&9), None));
        assert_eq!((view.destination(), view.source(), view.from_master()), (Some(10), Some(1), true));
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        assert_eq!(LinkView::new(&bytes).user_data(&mut space).1, Some(Wrong::BlockCrc(1)));
        assert_eq!(LinkView::new(&bytes[..last]).user_data(&mut space).1, Some(Wrong::Short));
        bytes[3] ^= 1;
        assert!(!looks_like_frame(&bytes));
    }
}
