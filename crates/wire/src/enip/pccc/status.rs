//! Why a controller refuses (1770-6.5.16, chapter 8).

use std::fmt;

/// The status byte of a reply, and the extended one behind 0xF0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcccStatus {
    /// Status byte; 0 is success.
    pub code: u8,
    /// Extended status, where the status is 0xF0.
    pub extended: Option<u8>,
}

impl PcccStatus {
    /// Done.
    pub const OK: Self = Self { code: 0, extended: None };
    /// The command or its format is not known there.
    pub const ILLEGAL: Self = Self { code: 0x10, extended: None };
    /// Nothing is at the address.
    pub const NO_ADDRESS: Self = Self::with(0x06);
    /// The file ends before the end of what was asked.
    pub const FILE_SIZE: Self = Self::with(0x07);
    /// The file may not be written.
    pub const NO_ACCESS: Self = Self::with(0x0B);

    /// One with an extended status.
    #[must_use]
    pub const fn with(extended: u8) -> Self {
        Self { code: 0xF0, extended: Some(extended) }
    }

    /// Whether it was done.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.code == 0
    }

    /// Status and extended status in one number.
    #[must_use]
    pub fn number(self) -> u32 {
        u32::from(self.code) << 8 | u32::from(self.extended.unwrap_or(0))
    }

    /// Whether the address or the length is at fault, so that a smaller or another one may be answered. SLC 500
    /// controllers say 0x10 for a file or an element that is not there.
    #[must_use]
    pub const fn is_address(self) -> bool {
        matches!(
            (self.code, self.extended),
            (0x10 | 0x50, _) | (0xF0, Some(0x01..=0x07 | 0x09 | 0x0A | 0x11 | 0x12 | 0x17))
        )
    }

    /// In words, with what to do where that is known.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match (self.code, self.extended) {
            (0x00, _) => "done",
            (0x01, _) => "the far node has no room for the command now",
            (0x02, _) => "the far node does not answer its controller's network",
            (0x03, _) => "another node has the same number",
            (0x04, _) => "the local port of the module is disconnected",
            (0x05, _) => "an application did not answer the module in time",
            (0x10, _) => {
                "illegal command or address: the data file or the element may not exist, or the controller does not know the command"
            }
            (0x20, _) => "the controller has a problem and does not communicate",
            (0x30, _) => "the controller behind the module is missing or shut down",
            (0x40, _) => "the controller has a hardware fault",
            (0x50, _) => "the address does not exist, or the memory is protected",
            (0x60, _) => "the controller is set not to allow this command",
            (0x70, _) => "the controller is in program mode",
            (0x80, _) => "the compatibility file is missing in the controller",
            (0x90, _) => "the controller has no room for the command now",
            (0xB0, _) => "a download is under way",
            (0xF0, Some(extended)) => extended_words(extended),
            _ => "the controller refuses the command",
        }
    }
}

const fn extended_words(code: u8) -> &'static str {
    match code {
        0x01 => "a field has an illegal value",
        0x02 => "the address has too few levels",
        0x03 => "the address has too many levels",
        0x04 | 0x05 => "the symbol is not known",
        0x06 => "there is nothing at this address: the data file does not exist or has another type",
        0x07 => "the data file is shorter than that",
        0x08 => "the file changed meanwhile",
        0x09 => "the file or the data is too large",
        0x0A => "size and address together are too large",
        0x0B => "access denied: the file is protected",
        0x0C => "what it needs is not available",
        0x0E => "the controller cannot execute the command",
        0x10 => "no access",
        0x11 => "the data file has another type",
        0x12 => "an invalid parameter, or invalid data",
        0x13 => "the address was deleted",
        0x17 => "the types do not match",
        0x1A => "another node has the file open",
        0x1B => "another node owns the program",
        0x1E => "the element is protected",
        0x1F => "a problem inside the controller, for the moment",
        _ => "the controller refuses the command",
    }
}

impl fmt::Display for PcccStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (status {:02X}", self.words(), self.code)?;
        match self.extended {
            Some(extended) => write!(f, "/{extended:02X})"),
            None => f.write_str(")"),
        }
    }
}
