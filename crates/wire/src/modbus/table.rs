//! The one table of function codes (section 5.1). Driver, simulated device and monitor read it.

use super::identification;

/// Which data a function touches (section 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Bits, read and write: 0xxxx in Modicon numbers.
    Coils,
    /// Bits, read only: 1xxxx.
    DiscreteInputs,
    /// 16-bit words, read only: 3xxxx.
    InputRegisters,
    /// 16-bit words, read and write: 4xxxx.
    HoldingRegisters,
    /// Extended file memory: 6xxxx.
    Files,
    /// About the device, not its data.
    Device,
}

impl Table {
    /// Singular word for a reader, as addresses are written in configuration ("holding 100").
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Coils => "coil",
            Self::DiscreteInputs => "discrete",
            Self::InputRegisters => "input",
            Self::HoldingRegisters => "holding",
            Self::Files => "file",
            Self::Device => "device",
        }
    }

    /// True for tables of single bits.
    #[must_use]
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::Coils | Self::DiscreteInputs)
    }
}

/// What a function does to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reads process data.
    Read,
    /// Changes process data.
    Write,
    /// Does both in one request.
    ReadWrite,
    /// Asks about the device or its communication; some sub-functions of 8 change it.
    Diagnostic,
}

/// Where the length of a PDU stands. Offsets count from the function code, which is at 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Always this many bytes, function code included.
    Fixed(usize),
    /// A byte count of one byte at this offset; the data follow it and end the PDU.
    Count8(usize),
    /// A byte count of two bytes at this offset.
    Count16(usize),
    /// Function 8: sub-function and data, 5 bytes unless sub-function 0 carries more.
    Diagnostic,
    /// Function 43, response: a list of objects with their lengths.
    Objects,
}

/// How long a PDU will be, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Exactly this many bytes.
    Known(usize),
    /// Undecided before this many bytes are there.
    Need(usize),
    /// The table does not tell; only silence ends it.
    Unknown,
}

/// One function code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Code on the wire, 1 to 127.
    pub code: u8,
    /// Name in the standard.
    pub name: &'static str,
    /// Section of V1.1b3.
    pub section: &'static str,
    /// What it touches.
    pub table: Table,
    /// What it does.
    pub access: Access,
    /// Where a request's length stands.
    pub request: Shape,
    /// Where a response's length stands.
    pub response: Shape,
}

const fn f(
    code: u8,
    name: &'static str,
    section: &'static str,
    table: Table,
    access: Access,
    (request, response): (Shape, Shape),
) -> Function {
    Function { code, name, section, table, access, request, response }
}

use Access::{Diagnostic as Diag, Read, ReadWrite, Write};
use Shape::{Count8, Count16, Diagnostic, Fixed, Objects};
use Table::{Coils, Device, DiscreteInputs, Files, HoldingRegisters, InputRegisters};

/// Every function of the standard that this codec speaks, by code.
pub const FUNCTIONS: [Function; 19] = [
    f(1, "Read Coils", "6.1", Coils, Read, (Fixed(5), Count8(1))),
    f(2, "Read Discrete Inputs", "6.2", DiscreteInputs, Read, (Fixed(5), Count8(1))),
    f(3, "Read Holding Registers", "6.3", HoldingRegisters, Read, (Fixed(5), Count8(1))),
    f(4, "Read Input Registers", "6.4", InputRegisters, Read, (Fixed(5), Count8(1))),
    f(5, "Write Single Coil", "6.5", Coils, Write, (Fixed(5), Fixed(5))),
    f(6, "Write Single Register", "6.6", HoldingRegisters, Write, (Fixed(5), Fixed(5))),
    f(7, "Read Exception Status", "6.7", Device, Diag, (Fixed(1), Fixed(2))),
    f(8, "Diagnostics", "6.8", Device, Diag, (Diagnostic, Diagnostic)),
    f(11, "Get Comm Event Counter", "6.9", Device, Diag, (Fixed(1), Fixed(5))),
    f(12, "Get Comm Event Log", "6.10", Device, Diag, (Fixed(1), Count8(1))),
    f(15, "Write Multiple Coils", "6.11", Coils, Write, (Count8(5), Fixed(5))),
    f(16, "Write Multiple Registers", "6.12", HoldingRegisters, Write, (Count8(5), Fixed(5))),
    f(17, "Report Server ID", "6.13", Device, Diag, (Fixed(1), Count8(1))),
    f(20, "Read File Record", "6.14", Files, Read, (Count8(1), Count8(1))),
    f(21, "Write File Record", "6.15", Files, Write, (Count8(1), Count8(1))),
    f(22, "Mask Write Register", "6.16", HoldingRegisters, Write, (Fixed(7), Fixed(7))),
    f(23, "Read/Write Multiple Registers", "6.17", HoldingRegisters, ReadWrite, (Count8(9), Count8(1))),
    f(24, "Read FIFO Queue", "6.18", HoldingRegisters, Read, (Fixed(3), Count16(1))),
    f(43, "Read Device Identification", "6.21", Device, Diag, (Fixed(4), Objects)),
];

/// The function with this code (without the exception bit), if the standard has it.
#[must_use]
pub fn function(code: u8) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.code == code)
}

/// How long the request is that starts with these bytes.
#[must_use]
pub fn request_length(pdu: &[u8]) -> Length {
    let Some(code) = pdu.first() else { return Length::Need(1) };
    function(*code).map_or(Length::Unknown, |f| shape_length(f.request, pdu))
}

/// How long the response is that starts with these bytes. Exceptions are two bytes (section 7).
#[must_use]
pub fn response_length(pdu: &[u8]) -> Length {
    let Some(code) = pdu.first() else { return Length::Need(1) };
    if code & 0x80 != 0 {
        return Length::Known(2);
    }
    function(*code).map_or(Length::Unknown, |f| shape_length(f.response, pdu))
}

fn shape_length(shape: Shape, pdu: &[u8]) -> Length {
    match shape {
        Shape::Fixed(n) => Length::Known(n),
        Shape::Count8(at) => {
            pdu.get(at).map_or(Length::Need(at + 1), |count| Length::Known(at + 1 + usize::from(*count)))
        }
        Shape::Count16(at) => match (pdu.get(at), pdu.get(at + 1)) {
            (Some(hi), Some(lo)) => Length::Known(at + 2 + usize::from(u16::from_be_bytes([*hi, *lo]))),
            _ => Length::Need(at + 2),
        },
        Shape::Diagnostic => match (pdu.get(1), pdu.get(2)) {
            // Return Query Data carries any even number of bytes: only the request or silence tells.
            (Some(0), Some(0)) => Length::Unknown,
            (Some(_), Some(_)) => Length::Known(5),
            _ => Length::Need(3),
        },
        Shape::Objects => identification::response_length(pdu),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        let codes: Vec<u8> = FUNCTIONS.iter().map(|f| f.code).collect();
        assert_eq!(codes, [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43]);
    }

    #[test]
    fn lengths_are_predicted_from_the_first_bytes() {
        assert_eq!(request_length(&[]), Length::Need(1));
        assert_eq!(request_length(&[3]), Length::Known(5));
        assert_eq!(request_length(&[16, 0, 1, 0, 2]), Length::Need(6));
        assert_eq!(request_length(&[16, 0, 1, 0, 2, 4]), Length::Known(10));
        assert_eq!(request_length(&[99]), Length::Unknown);
        assert_eq!(response_length(&[0x83]), Length::Known(2));
        assert_eq!(response_length(&[3, 4]), Length::Known(6));
        assert_eq!(response_length(&[24, 0]), Length::Need(3));
        assert_eq!(response_length(&[24, 0, 6]), Length::Known(9));
        assert_eq!(response_length(&[8, 0, 0]), Length::Unknown);
        assert_eq!(response_length(&[8, 0, 11]), Length::Known(5));
    }
}
