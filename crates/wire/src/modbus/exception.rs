//! Exception codes (section 7).

use std::fmt;

/// The code in an exception response. Any byte is possible on the wire; the standard ones have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExceptionCode(pub u8);

/// Code, name in the standard, what it means for the reader.
const CODES: [(u8, &str, &str); 9] = [
    (1, "Illegal Function", "The device does not know this function, or not in its present state."),
    (2, "Illegal Data Address", "The device has nothing at one of the addresses asked for."),
    (3, "Illegal Data Value", "The device refuses the quantity or the structure of the request."),
    (4, "Server Device Failure", "The device failed while it carried out the request."),
    (5, "Acknowledge", "The device accepted the request and needs longer to finish it; ask again later."),
    (6, "Server Device Busy", "The device is busy with a long command; repeat the request later."),
    (8, "Memory Parity Error", "The device found its extended file memory damaged; it may need service."),
    (
        10,
        "Gateway Path Unavailable",
        "The gateway has no path to this unit; it is overloaded or set up wrongly.",
    ),
    (11, "Gateway Target Device Failed To Respond", "The unit behind the gateway did not answer."),
];

impl ExceptionCode {
    /// 01: the function is not supported.
    pub const ILLEGAL_FUNCTION: Self = Self(1);
    /// 02: an address does not exist.
    pub const ILLEGAL_DATA_ADDRESS: Self = Self(2);
    /// 03: quantity or structure is wrong.
    pub const ILLEGAL_DATA_VALUE: Self = Self(3);
    /// 04: the device failed.
    pub const SERVER_DEVICE_FAILURE: Self = Self(4);
    /// 05: accepted, takes longer.
    pub const ACKNOWLEDGE: Self = Self(5);
    /// 06: busy.
    pub const SERVER_DEVICE_BUSY: Self = Self(6);
    /// 08: extended memory parity error.
    pub const MEMORY_PARITY_ERROR: Self = Self(8);
    /// 0A: the gateway has no path.
    pub const GATEWAY_PATH_UNAVAILABLE: Self = Self(10);
    /// 0B: the unit behind the gateway is silent.
    pub const GATEWAY_TARGET_FAILED: Self = Self(11);

    /// All codes of the standard.
    pub fn all() -> impl Iterator<Item = Self> {
        CODES.iter().map(|c| Self(c.0))
    }

    /// Name in the standard; `None` for a code that the standard does not have.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        CODES.iter().find(|c| c.0 == self.0).map(|c| c.1)
    }

    /// One sentence in plain words.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        CODES
            .iter()
            .find(|c| c.0 == self.0)
            .map_or("The device answered with an error code of its own.", |c| c.2)
    }

    /// True if the same request may succeed later without anybody changing anything (05, 06, 0A, 0B).
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self.0, 5 | 6 | 10 | 11)
    }
}

impl fmt::Display for ExceptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02} {}", self.0, self.name().unwrap_or("Unknown Exception"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standard_code_has_words() {
        assert_eq!(ExceptionCode::all().count(), 9);
        for code in ExceptionCode::all() {
            assert!(code.name().is_some() && code.sentence().ends_with('.'), "{code}");
        }
        assert_eq!(ExceptionCode(7).name(), None);
        assert_eq!(ExceptionCode(2).to_string(), "02 Illegal Data Address");
        assert!(ExceptionCode(6).is_transient() && !ExceptionCode(2).is_transient());
    }
}
