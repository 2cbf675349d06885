//! General and extended status of a reply, in words (Volume 1, appendix B-1; connection manager: table 3-5.29;
//! Logix tag services: Rockwell 1756-PM020, "Error codes").

use std::fmt;

/// Why a request failed, or [`Status::OK`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Status {
    /// General status.
    pub general: u8,
    /// First word of the extended status, if there is one.
    pub extended: Option<u16>,
}

impl Status {
    /// Done.
    pub const OK: Self = Self::new(0x00);
    /// The connection could not be opened, or is not there any more; the extended status says why.
    pub const CONNECTION_FAILURE: Self = Self::new(0x01);
    /// The device has no room for it now.
    pub const RESOURCE_UNAVAILABLE: Self = Self::new(0x02);
    /// The path has a segment that the device does not understand: for a tag, its name is not known.
    pub const PATH_SEGMENT: Self = Self::new(0x04);
    /// There is nothing at the end of the path: for an element, it lies outside the array.
    pub const PATH_DESTINATION: Self = Self::new(0x05);
    /// There is more; ask again from where it ended.
    pub const PARTIAL: Self = Self::new(0x06);
    /// The device does not know the service.
    pub const SERVICE: Self = Self::new(0x08);
    /// The device is in a state that forbids it, e.g. a program change is under way.
    pub const DEVICE_STATE: Self = Self::new(0x10);
    /// The reply does not fit.
    pub const REPLY_TOO_LARGE: Self = Self::new(0x11);
    /// Too little data in the request.
    pub const NOT_ENOUGH_DATA: Self = Self::new(0x13);
    /// The object has no such attribute.
    pub const ATTRIBUTE: Self = Self::new(0x14);
    /// Too much data in the request.
    pub const TOO_MUCH_DATA: Self = Self::new(0x15);
    /// The object does not exist.
    pub const OBJECT: Self = Self::new(0x16);
    /// A service inside a multiple service packet failed.
    pub const EMBEDDED: Self = Self::new(0x1E);

    /// A general status without more.
    #[must_use]
    pub const fn new(general: u8) -> Self {
        Self { general, extended: None }
    }

    /// A general status with one extended word.
    #[must_use]
    pub const fn with(general: u8, extended: u16) -> Self {
        Self { general, extended: Some(extended) }
    }

    /// Whether it is success, be it partial.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        matches!(self.general, 0x00 | 0x06)
    }

    /// Whether trying the same again soon may help: the device is busy or in the midst of a change.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        matches!(self.general, 0x02 | 0x07 | 0x0C | 0x10 | 0x19)
    }

    /// Both codes in one number, e.g. for a fault: the extended one above the general.
    #[must_use]
    pub const fn code(self) -> u32 {
        self.general as u32
            | match self.extended {
                Some(extended) => (extended as u32) << 8,
                None => 0,
            }
    }

    /// The general status in a short name; `None` if the standard has none.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        GENERAL.iter().find(|(code, _)| *code == self.general).map(|(_, name)| *name)
    }

    /// What the extended status says, where it is known.
    #[must_use]
    pub fn detail(self) -> Option<&'static str> {
        let extended = self.extended?;
        let table = match self.general {
            0x01 => CONNECTION,
            0x04 | 0x05 | 0xFF => LOGIX,
            _ => return None,
        };
        table.iter().find(|(code, _)| *code == extended).map(|(_, words)| *words)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#04x}", self.general)?;
        if let Some(extended) = self.extended {
            write!(f, "/{extended:#06x}")?;
        }
        write!(f, " {}", self.name().unwrap_or("status that is not a standard one"))?;
        self.detail().map_or(Ok(()), |detail| write!(f, ": {detail}"))
    }
}

const GENERAL: &[(u8, &str)] = &[
    (0x00, "success"),
    (0x01, "connection failure"),
    (0x02, "no resource free"),
    (0x03, "invalid parameter value"),
    (0x04, "path segment error (no such tag or object)"),
    (0x05, "path destination unknown (outside the array, or no such object)"),
    (0x06, "partial transfer"),
    (0x07, "connection lost"),
    (0x08, "service not supported"),
    (0x09, "invalid attribute value"),
    (0x0A, "attribute list error"),
    (0x0B, "already in this mode or state"),
    (0x0C, "object state conflict"),
    (0x0D, "object exists already"),
    (0x0E, "attribute not settable"),
    (0x0F, "privilege violation (external access, key switch or protection)"),
    (0x10, "device state conflict"),
    (0x11, "reply data too large"),
    (0x12, "fragmentation of a primitive value"),
    (0x13, "not enough data"),
    (0x14, "attribute not supported"),
    (0x15, "too much data"),
    (0x16, "object does not exist"),
    (0x17, "fragmentation sequence not in progress"),
    (0x18, "no stored attribute data"),
    (0x19, "store operation failure"),
    (0x1A, "request packet too large for the route"),
    (0x1B, "reply packet too large for the route"),
    (0x1C, "missing attribute in the list"),
    (0x1D, "invalid attribute in the list"),
    (0x1E, "embedded service error"),
    (0x1F, "vendor specific error"),
    (0x20, "invalid parameter"),
    (0x21, "write-once value already written"),
    (0x22, "invalid reply received"),
    (0x25, "key failure in path"),
    (0x26, "path size invalid"),
    (0x27, "unexpected attribute in list"),
    (0x28, "invalid member id"),
    (0x29, "member not settable"),
    (0x2A, "group 2 only server general failure"),
    (0xFF, "general error"),
];

const CONNECTION: &[(u16, &str)] = &[
    (0x0100, "connection in use, or a duplicate forward open"),
    (0x0103, "transport class and trigger not supported"),
    (0x0106, "another controller owns it"),
    (0x0107, "connection not found at the target"),
    (0x0108, "connection type not supported"),
    (0x0109, "connection size not supported"),
    (0x0110, "device not configured"),
    (0x0111, "requested packet interval not supported"),
    (0x0113, "no more connections free"),
    (0x0114, "vendor id or product code do not match"),
    (0x0115, "device type does not match"),
    (0x0116, "revision does not match"),
    (0x0119, "connection request failed at the target"),
    (0x0127, "originator to target size wrong"),
    (0x0128, "target to originator size wrong"),
    (0x0203, "connection timed out"),
    (0x0204, "unconnected request timed out: nothing answers at the end of the route"),
    (0x0205, "parameter error in the unconnected request"),
    (0x0206, "message too large for an unconnected message"),
    (0x0301, "no buffer memory"),
    (0x0302, "network bandwidth not available"),
    (0x0311, "no such port in the route"),
    (0x0312, "no such link address in the route"),
    (0x0315, "invalid segment in the route"),
    (0x0318, "link address to self not allowed"),
];

const LOGIX: &[(u16, &str)] = &[
    (0x0000, "the extended status gives no reason"),
    (0x2104, "offset beyond the end of the tag"),
    (0x2105, "number of elements beyond the end of the tag"),
    (0x2107, "the type of the request is not the tag's type"),
    (0x2108, "the controller is in a program change"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(
            Status::with(0x01, 0x0204).to_string(),
            "0x01/0x0204 connection failure: unconnected request timed out: nothing answers at the end of the route"
        );
        assert_eq!(
            Status::with(0xFF, 0x2107).to_string(),
            "0xff/0x2107 general error: the type of the request is not the tag's type"
        );
        assert_eq!(Status::new(0x99).to_string(), "0x99 status that is not a standard one");
        assert_eq!(Status::with(0x01, 0x0113).code(), 0x0001_1301);
    }
}
