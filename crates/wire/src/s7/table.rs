//! The one table of functions and codes. Driver, simulated device and monitor read it.

/// What a function does to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Opens or negotiates a session.
    Session,
    /// Reads process data.
    Read,
    /// Changes process data.
    Write,
    /// Asks about the device.
    Diagnostic,
    /// Takes a program, or a list of it, out of the device.
    Upload,
    /// Changes the program.
    Download,
    /// Starts, stops, resets, flashes.
    Control,
    /// A password, or the end of one.
    Security,
    /// Not known.
    Unknown,
}

/// One function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Function {
    /// Code on the wire; for user data, group * 256 + sub-function.
    pub code: u16,
    /// Name.
    pub name: &'static str,
    /// What it does.
    pub access: Access,
}

const fn f(code: u16, name: &'static str, access: Access) -> Function {
    Function { code, name, access }
}

/// Setup communication.
pub const SETUP: u8 = 0xF0;
/// Read var.
pub const READ: u8 = 0x04;
/// Write var.
pub const WRITE: u8 = 0x05;
/// PI service: start, insert, delete, compress, copy RAM to ROM.
pub const PI_SERVICE: u8 = 0x28;
/// PLC stop.
pub const STOP: u8 = 0x29;

/// Functions of jobs and their answers, by code.
pub const FUNCTIONS: [Function; 12] = [
    f(0x00, "CPU Services", Access::Diagnostic),
    f(0x04, "Read Var", Access::Read),
    f(0x05, "Write Var", Access::Write),
    f(0x1A, "Request Download", Access::Download),
    f(0x1B, "Download Block", Access::Download),
    f(0x1C, "Download Ended", Access::Download),
    f(0x1D, "Start Upload", Access::Upload),
    f(0x1E, "Upload", Access::Upload),
    f(0x1F, "End Upload", Access::Upload),
    f(0x28, "PI Service", Access::Control),
    f(0x29, "PLC Stop", Access::Control),
    f(0xF0, "Setup Communication", Access::Session),
];

/// Functions of user data, by group and sub-function.
pub const USERDATA: [Function; 59] = [
    f(0x0000, "Transition to STOP", Access::Diagnostic),
    f(0x0001, "Transition to Warm Restart", Access::Diagnostic),
    f(0x0002, "Transition to RUN", Access::Diagnostic),
    f(0x0003, "Transition to Hot Restart", Access::Diagnostic),
    f(0x0004, "Transition to HOLD", Access::Diagnostic),
    f(0x0006, "Transition to Cold Restart", Access::Diagnostic),
    f(0x0009, "Transition to RUN (redundant)", Access::Diagnostic),
    f(0x000B, "Transition to Link-up", Access::Diagnostic),
    f(0x000C, "Transition to Update", Access::Diagnostic),
    f(0x0101, "Block Status", Access::Diagnostic),
    f(0x0102, "Variable Status", Access::Read),
    f(0x0103, "Read I Stack", Access::Diagnostic),
    f(0x0104, "Read B Stack", Access::Diagnostic),
    f(0x0105, "Read L Stack", Access::Diagnostic),
    f(0x0107, "Select Force Job", Access::Diagnostic),
    f(0x0108, "Modify Variable", Access::Write),
    f(0x0109, "Force", Access::Write),
    f(0x010A, "Breakpoint", Access::Control),
    f(0x010B, "Leave HOLD", Access::Control),
    f(0x010C, "Memory Reset", Access::Control),
    f(0x010D, "Disable Job", Access::Diagnostic),
    f(0x010E, "Enable Job", Access::Diagnostic),
    f(0x010F, "Delete Job", Access::Diagnostic),
    f(0x0110, "Read Job List", Access::Diagnostic),
    f(0x0111, "Read Job", Access::Diagnostic),
    f(0x0112, "Replace Job", Access::Diagnostic),
    f(0x0113, "Block Status 2", Access::Diagnostic),
    f(0x0116, "Flash LED", Access::Control),
    f(0x0201, "Cyclic Read", Access::Read),
    f(0x0204, "End Cyclic Read", Access::Read),
    f(0x0205, "Change-driven Read", Access::Read),
    f(0x0207, "Change-driven Modify", Access::Read),
    f(0x0208, "Cyclic Read of Data Records", Access::Read),
    f(0x0301, "List Blocks", Access::Diagnostic),
    f(0x0302, "List Blocks of Type", Access::Diagnostic),
    f(0x0303, "Block Info", Access::Diagnostic),
    f(0x0401, "Read SZL", Access::Diagnostic),
    f(0x0402, "Message Service", Access::Diagnostic),
    f(0x0403, "Diagnostic Message", Access::Diagnostic),
    f(0x0405, "Alarm-8 Indication", Access::Diagnostic),
    f(0x0406, "Notify Indication", Access::Diagnostic),
    f(0x0407, "Lock Alarm-8", Access::Control),
    f(0x0408, "Unlock Alarm-8", Access::Control),
    f(0x0409, "Scan Indication", Access::Diagnostic),
    f(0x040B, "Acknowledge Alarm", Access::Control),
    f(0x040C, "Alarm Acknowledged", Access::Diagnostic),
    f(0x040D, "Alarm Lock Indication", Access::Diagnostic),
    f(0x0411, "Alarm-SQ Indication", Access::Diagnostic),
    f(0x0412, "Alarm-S Indication", Access::Diagnostic),
    f(0x0413, "Query Alarms", Access::Diagnostic),
    f(0x0416, "Notify-8 Indication", Access::Diagnostic),
    f(0x0501, "Password", Access::Security),
    f(0x0502, "End Password Session", Access::Security),
    f(0x0601, "BSEND/BRECV", Access::Write),
    f(0x0701, "Read Clock", Access::Diagnostic),
    f(0x0702, "Set Clock", Access::Control),
    f(0x0703, "Read Clock (following)", Access::Diagnostic),
    f(0x0704, "Set Clock (following)", Access::Control),
    f(0x0F00, "NC Programming", Access::Download),
];

/// The function of a job with this code.
#[must_use]
pub fn function(code: u8) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.code == u16::from(code))
}

/// The user data function of this group and sub-function.
#[must_use]
pub fn userdata(group: u8, sub: u8) -> Option<&'static Function> {
    let code = u16::from_be_bytes([group, sub]);
    // NC programming has many sub-functions, all of one kind.
    USERDATA.iter().find(|f| f.code == code || (group == 0x0F && f.code == 0x0F00))
}

/// What a PI service name does, in words.
#[must_use]
pub fn service(name: &str) -> Option<&'static str> {
    Some(match name {
        "P_PROGRAM" => "start or stop the program",
        "_INSE" => "insert a block into the program",
        "_DELE" | "_INS2" => "delete a block",
        "_GARB" => "compress memory",
        "_MODU" => "copy RAM to ROM",
        "_OVST" => "override",
        _ => return None,
    })
}

/// Name of a block type in file names of up- and downloads ("_0A00001P": 0A is a DB).
#[must_use]
pub fn block_type(code: &[u8]) -> Option<&'static str> {
    Some(match code {
        b"08" => "OB",
        b"09" => "CMOD",
        b"0A" => "DB",
        b"0B" => "SDB",
        b"0C" => "FC",
        b"0D" => "SFC",
        b"0E" => "FB",
        b"0F" => "SFB",
        _ => return None,
    })
}

/// Name of an area code of an item, known or not to the strict representation.
#[must_use]
pub const fn area_name(code: u8) -> Option<&'static str> {
    Some(match code {
        0x03 => "system info",
        0x05 => "system flags",
        0x06 => "analog inputs (S7-200)",
        0x07 => "analog outputs (S7-200)",
        0x1C => "C",
        0x1D => "T",
        0x1E => "C (S7-200)",
        0x1F => "T (S7-200)",
        0x80 => "P",
        0x81 => "I",
        0x82 => "Q",
        0x83 => "M",
        0x84 => "DB",
        0x85 => "DI",
        0x86 => "L",
        0x87 => "V",
        _ => return None,
    })
}

/// Result of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReturnCode(pub u8);

impl ReturnCode {
    /// Done.
    pub const SUCCESS: Self = Self(0xFF);
    /// The hardware failed.
    pub const HARDWARE: Self = Self(0x01);
    /// The object must not be accessed.
    pub const ACCESS: Self = Self(0x03);
    /// The address is outside.
    pub const ADDRESS: Self = Self(0x05);
    /// The type is not supported.
    pub const TYPE: Self = Self(0x06);
    /// The type and the data do not agree.
    pub const INCONSISTENT: Self = Self(0x07);
    /// There is no such object.
    pub const MISSING: Self = Self(0x0A);

    /// Name.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x00 => "reserved",
            0x01 => "hardware fault",
            0x03 => "access denied",
            0x05 => "address out of range",
            0x06 => "data type not supported",
            0x07 => "data type inconsistent",
            0x0A => "object does not exist",
            0xFF => "success",
            _ => return None,
        })
    }

    /// What it means and what to do, for the person who set the address.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self.0 {
            0x01 => "The CPU reports a hardware fault at this address: look at its diagnostic buffer.",
            0x03 => {
                "The CPU does not allow access: in TIA Portal set Protection to full access, or, for a safety CPU, read a copy in a standard DB."
            }
            0x05 => {
                "The address lies outside: compare it with the length of the block in the project (an optimised block of an S7-1200/1500 has no addresses)."
            }
            0x06 | 0x07 => {
                "The CPU does not offer this type here: compare type and address with the project."
            }
            0x0A => {
                "There is no such block, or it is optimised: in TIA Portal open the DB's properties and clear 'Optimized block access', then compile and download."
            }
            0xFF => "Done.",
            _ => "The CPU gives a code that is not known.",
        }
    }
}

impl std::fmt::Display for ReturnCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{:02X} {name}", self.0),
            None => write!(f, "{:02X}", self.0),
        }
    }
}

/// Error of a whole job: class and code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HeaderError(pub u16);

impl HeaderError {
    /// The function is not available in this context: what a CPU without PUT/GET says to a read.
    pub const NOT_AVAILABLE: Self = Self(0x8104);
    /// The PDU has a wrong size.
    pub const PDU_SIZE: Self = Self(0x8500);

    /// Name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0x8104 => "function not available",
            0x8204 | 0xD240 => "coordination violated",
            0x8302 | 0x8304 => "no resources",
            0x8402 | 0x8404 => "service not possible now",
            0x8500 => "wrong PDU size",
            0x8702 => "wrong address",
            0xD201 => "syntax error in a block name",
            0xD202 | 0xD203 => "error in a function parameter",
            0xD204 => "block type not supported",
            0xD209 => "block does not exist",
            0xD20E => "no block of this kind",
            0xD210 => "block number too large",
            0xD241 => "not allowed at this protection level",
            0xD242 => "not allowed in this state",
            0xD401 | 0xD402 => "information function not available",
            0xD405 => "function not supported",
            0xD602 => "wrong password",
            0xD604 => "no password is set",
            0xDC01 => "date or time is not valid",
            _ => match self.0 >> 8 {
                0x81 => "application error",
                0x82 => "object definition error",
                0x83 => "no resources",
                0x84 => "service error",
                0x85 => "error in the request",
                0x87 => "access error",
                _ => "error",
            },
        }
    }

    /// What it means and what to do.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self.0 {
            0x8104 | 0xD241 => {
                "The CPU does not serve this: on an S7-1200/1500 open the CPU's properties in TIA Portal, Protection & Security, Connection mechanisms, and permit PUT/GET access; with a protection level, allow at least read access."
            }
            0x8500 => "The CPU calls the request too large: set a smaller `pdu`.",
            0x8302 | 0x8304 | 0x8402 | 0x8404 => {
                "The CPU is busy: ask less often, or close other connections to it."
            }
            _ => "The CPU refuses the request as a whole.",
        }
    }

    /// Whether the same request may succeed a moment later.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self.0 >> 8, 0x83 | 0x84)
    }
}

impl std::fmt::Display for HeaderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04X} {}", self.0, self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(FUNCTIONS.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert!(USERDATA.windows(2).all(|pair| pair[0].code < pair[1].code));
        assert_eq!(function(0x29).unwrap().access, Access::Control);
        assert_eq!(userdata(4, 1).unwrap().name, "Read SZL");
        assert_eq!(userdata(0x0F, 0x33).unwrap().name, "NC Programming");
    }
}
