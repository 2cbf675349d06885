//! UMAS, Schneider Electric's programming protocol inside function 90: named, not decoded.
//!
//! ```text
//!   request   │ 90 │ session key │ function │ data
//!   response  │ 90 │ session key │ 0xFE done, 0xFD refused │ data
//! ```
//!
//! Not published by its maker; functions as published by researchers who observed it.

/// The function code that carries it.
pub const FUNCTION: u8 = 90;

/// What a function does to the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Opens, reserves, keeps alive.
    Session,
    /// Reads data or facts.
    Read,
    /// Changes data.
    Write,
    /// Takes the program out.
    Upload,
    /// Changes the program.
    Download,
    /// Starts it.
    Start,
    /// Stops it.
    Stop,
}

/// Functions by code.
pub const FUNCTIONS: [(u8, &str, Access); 30] = [
    (0x01, "Open Session", Access::Session),
    (0x02, "Read Identity", Access::Read),
    (0x03, "Read Project Information", Access::Read),
    (0x04, "Read Controller Information", Access::Read),
    (0x06, "Read Card Information", Access::Read),
    (0x0A, "Echo", Access::Session),
    (0x10, "Reserve Controller", Access::Session),
    (0x11, "Release Controller", Access::Session),
    (0x12, "Keep Reservation", Access::Session),
    (0x20, "Read Memory Block", Access::Read),
    (0x21, "Write Memory Block", Access::Write),
    (0x22, "Read Variables", Access::Read),
    (0x23, "Write Variables", Access::Write),
    (0x24, "Read Coils and Registers", Access::Read),
    (0x25, "Write Coils and Registers", Access::Write),
    (0x26, "Read Data Dictionary", Access::Read),
    (0x30, "Begin Upload", Access::Upload),
    (0x31, "Upload Block", Access::Upload),
    (0x32, "End Upload", Access::Upload),
    (0x33, "Begin Download", Access::Download),
    (0x34, "Download Block", Access::Download),
    (0x35, "End Download", Access::Download),
    (0x39, "Read Ethernet Data", Access::Read),
    (0x40, "Start Controller", Access::Start),
    (0x41, "Stop Controller", Access::Stop),
    (0x50, "Monitor Controller", Access::Read),
    (0x58, "Check Controller", Access::Read),
    (0x70, "Read IO Object", Access::Read),
    (0x71, "Write IO Object", Access::Write),
    (0x73, "Read Module Status", Access::Read),
];

/// Name and effect of the function of a request PDU, if it is UMAS and known.
#[must_use]
pub fn request(pdu: &[u8]) -> Option<(&'static str, Access)> {
    let [FUNCTION, _, code, ..] = pdu else { return None };
    FUNCTIONS.iter().find(|known| known.0 == *code).map(|known| (known.1, known.2))
}

/// Whether a PDU is one of UMAS, from either end: a known function, or an answer that says done or refused.
#[must_use]
pub fn looks_like_message(pdu: &[u8]) -> bool {
    request(pdu).is_some() || matches!(pdu, [FUNCTION, _, 0xFD | 0xFE, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_named() {
        assert_eq!(request(&[90, 0, 0x41, 1]), Some(("Stop Controller", Access::Stop)));
        assert_eq!(request(&[90, 0, 0xFE]), None);
        assert_eq!(request(&[3, 0, 0x41]), None);
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
