//! The one table of functions and objects.

/// What a function does to an outstation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Confirms, answers.
    Session,
    /// Reads data.
    Read,
    /// Changes data or settings.
    Write,
    /// Selects or operates an output.
    Operate,
    /// Freezes counters.
    Freeze,
    /// Restarts it.
    Restart,
    /// Starts, stops or initialises a program or its configuration.
    Control,
    /// Turns messages that come unasked on or off, assigns classes.
    Configure,
    /// Files.
    File,
    /// Authentication.
    Security,
}

/// A function of the application layer (table 4-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Its code.
    pub code: u8,
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
    /// Whether data follow the headers of its objects.
    pub data: bool,
}

const fn f(code: u8, name: &'static str, access: Access, data: bool) -> Function {
    Function { code, name, access, data }
}

/// Response.
pub const RESPONSE: u8 = 129;
/// Response that nobody asked for.
pub const UNSOLICITED: u8 = 130;

/// All functions, by code.
pub const FUNCTIONS: [Function; 37] = [
    f(0, "Confirm", Access::Session, false),
    f(1, "Read", Access::Read, false),
    f(2, "Write", Access::Write, true),
    f(3, "Select", Access::Operate, true),
    f(4, "Operate", Access::Operate, true),
    f(5, "Direct Operate", Access::Operate, true),
    f(6, "Direct Operate, no Response", Access::Operate, true),
    f(7, "Immediate Freeze", Access::Freeze, false),
    f(8, "Immediate Freeze, no Response", Access::Freeze, false),
    f(9, "Freeze and Clear", Access::Freeze, false),
    f(10, "Freeze and Clear, no Response", Access::Freeze, false),
    f(11, "Freeze at Time", Access::Freeze, true),
    f(12, "Freeze at Time, no Response", Access::Freeze, true),
    f(13, "Cold Restart", Access::Restart, false),
    f(14, "Warm Restart", Access::Restart, false),
    f(15, "Initialize Data", Access::Control, false),
    f(16, "Initialize Application", Access::Control, true),
    f(17, "Start Application", Access::Control, true),
    f(18, "Stop Application", Access::Control, true),
    f(19, "Save Configuration", Access::Control, false),
    f(20, "Enable Unsolicited", Access::Configure, false),
    f(21, "Disable Unsolicited", Access::Configure, false),
    f(22, "Assign Class", Access::Configure, false),
    f(23, "Delay Measurement", Access::Read, false),
    f(24, "Record Current Time", Access::Session, false),
    f(25, "Open File", Access::File, true),
    f(26, "Close File", Access::File, true),
    f(27, "Delete File", Access::File, true),
    f(28, "Get File Information", Access::File, true),
    f(29, "Authenticate File", Access::File, true),
    f(30, "Abort File", Access::File, true),
    f(31, "Activate Configuration", Access::Control, true),
    f(32, "Authentication Request", Access::Security, true),
    f(33, "Authentication Request, no Acknowledgement", Access::Security, true),
    f(RESPONSE, "Response", Access::Session, true),
    f(UNSOLICITED, "Unsolicited Response", Access::Session, true),
    f(131, "Authentication Response", Access::Security, true),
];

/// The function with this code.
#[must_use]
pub fn function(code: u8) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.code == code)
}

/// How long an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Without data.
    Empty,
    /// So many bits; packed, the last byte filled up.
    Bits(u8),
    /// So many bytes.
    Bytes(u8),
    /// Device attribute: type, length, then so many bytes.
    Attribute,
    /// As long as the variation says.
    Variation,
    /// Only with a size of its own in front.
    Prefixed,
}

/// Size of an object of a group and variation (clause 11 and annex A); `None` if there is no such object.
#[must_use]
pub const fn size(group: u8, variation: u8) -> Option<Size> {
    use Size::{Attribute, Bits, Bytes, Empty, Prefixed, Variation};
    Some(match (group, variation) {
        (0, _) => Attribute,
        // Variation 0 in a request means: as the outstation likes.
        (110..=113, _) => Variation,
        (_, 0) => Empty,
        (1 | 10 | 80, 1) | (12, 3) => Bits(1),
        (3, 1) => Bits(2),
        (1 | 3 | 10, 2) | (2 | 4 | 11 | 13 | 102, 1) => Bytes(1),
        (2 | 4 | 11 | 13, 2) => Bytes(7),
        (2 | 4, 3) => Bytes(3),
        (12, 1 | 2) => Bytes(11),
        (20..=23, 1 | 3) | (30..=33, 1) | (40..=43, 1) => Bytes(5),
        (20..=23, 2 | 4) | (30..=33, 2) | (40..=43, 2) => Bytes(3),
        (20, 5 | 7) | (21, 9 | 11) => Bytes(4),
        (20, 6 | 8) | (21, 10 | 12) => Bytes(2),
        (21..=23, 5 | 7) => Bytes(11),
        (21..=23, 6 | 8) => Bytes(9),
        (30, 3) | (31, 5) => Bytes(4),
        (30, 4) | (31, 6) => Bytes(2),
        (30, 5) | (31, 7) | (32 | 33 | 42 | 43, 5) => Bytes(5),
        (30, 6) | (31, 8) | (32 | 33 | 42 | 43, 6) => Bytes(9),
        (31 | 32 | 33 | 42 | 43, 3) => Bytes(11),
        (31 | 32 | 33 | 42 | 43, 4) => Bytes(9),
        (32 | 33 | 42 | 43, 7) => Bytes(11),
        (32 | 33 | 42 | 43, 8) => Bytes(15),
        (34, 1) => Bytes(2),
        (34, 2 | 3) => Bytes(4),
        (40 | 41, 3) => Bytes(5),
        (40 | 41, 4) => Bytes(9),
        (50, 1 | 3) | (51, 1 | 2) => Bytes(6),
        (50, 2) => Bytes(10),
        (50, 4) => Bytes(11),
        (52, 1 | 2) | (101, 1) => Bytes(2),
        (60, 1..=4) => Empty,
        (70, 1..=8) | (83, 1 | 2) | (85, 1) | (86, 1..=3) | (87 | 88, 1) | (90, 1) | (91, 1) => Prefixed,
        (81, 1) => Bytes(3),
        (82, 1) => Prefixed,
        (101, 2) => Bytes(4),
        (101, 3) => Bytes(8),
        (114 | 115, _) => Variation,
        (120, 1..=15) => Prefixed,
        (121, 1) | (122, 1) => Bytes(7),
        (122, 2) => Bytes(13),
        _ => return None,
    })
}

/// What the points of a group are, in words for a person.
#[must_use]
pub const fn group_name(group: u8) -> Option<&'static str> {
    Some(match group {
        0 => "device attribute",
        1 | 2 => "binary input",
        3 | 4 => "double-bit input",
        10..=13 => "binary output",
        20 | 22 => "counter",
        21 | 23 => "frozen counter",
        30 | 32 => "analog input",
        31 | 33 => "frozen analog input",
        34 => "analog deadband",
        40..=43 => "analog output",
        50..=52 => "time",
        60 => "class data",
        70 => "file",
        80 => "internal indications",
        81..=83 => "device",
        85..=88 => "data set",
        90 | 91 => "application",
        101 => "decimal value",
        102 => "byte",
        110 | 111 => "octet string",
        112 | 113 => "virtual terminal",
        120 => "authentication",
        121 | 122 => "security statistic",
        _ => return None,
    })
}

/// Bits of the internal indications that say that a request was refused: function not supported, object unknown,
/// parameter error, already executing, configuration corrupt (clause 4.5).
pub const IIN_REFUSED: u16 = 0x0037;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_sorted_and_sizes_are_the_standards() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].code < pair[1].code));
        for (group, variation, expected) in [
            (1, 1, Size::Bits(1)),
            (2, 2, Size::Bytes(7)),
            (12, 1, Size::Bytes(11)),
            (30, 5, Size::Bytes(5)),
            (32, 7, Size::Bytes(11)),
            (51, 1, Size::Bytes(6)),
        ] {
            assert_eq!(size(group, variation), Some(expected), "group {group} variation {variation}");
        }
        assert_eq!(size(37, 0x32), None);
    }
}
