//! Quality: an OPC UA StatusCode (OPC 10000-4, 7.39) on every sample.

mod codes;

use codes::CODES;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An OPC UA StatusCode. The two top bits are the severity: 00 Good, 01 Uncertain, 10 Bad.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Status(pub u32);

macro_rules! statuses {
    ($($(#[$doc:meta])* $konst:ident = $code:literal;)*) => {
        impl Status {
            $($(#[$doc])* pub const $konst: Self = Self($code);)*
        }
        #[cfg(test)]
        const OURS: &[(u32, &str)] = &[$(($code, stringify!($konst))),*];
    };
}

statuses! {
    /// The value is sound.
    GOOD = 0x0000_0000;
    /// A person has overridden the value.
    GOOD_LOCAL_OVERRIDE = 0x0096_0000;
    /// Doubtful, no more is known.
    UNCERTAIN = 0x4000_0000;
    /// Whatever updated this value has stopped doing so.
    UNCERTAIN_LAST_USABLE_VALUE = 0x4090_0000;
    /// Outside the range for which the sensor is sound.
    UNCERTAIN_ENGINEERING_UNITS_EXCEEDED = 0x4094_0000;
    /// Bad, no more is known.
    BAD = 0x8000_0000;
    /// Was read once, the link is lost: the last value is kept.
    BAD_COMMUNICATION_ERROR = 0x8005_0000;
    /// Declared, nothing received yet.
    BAD_WAITING_FOR_INITIAL_DATA = 0x8032_0000;
    /// Never read: the device did not answer since start.
    BAD_NO_COMMUNICATION = 0x8031_0000;
    /// The configuration does not fit the device, e.g. a quarantined address.
    BAD_CONFIGURATION_ERROR = 0x8089_0000;
    /// The device reports itself failed.
    BAD_DEVICE_FAILURE = 0x808B_0000;
    /// The sensor is broken, e.g. the raw value is beyond `bad_above`.
    BAD_SENSOR_FAILURE = 0x808C_0000;
    /// Taken out of service by a person: connection or device paused.
    BAD_OUT_OF_SERVICE = 0x808D_0000;
    /// What the sensor gives is less exact than usual.
    UNCERTAIN_SENSOR_NOT_ACCURATE = 0x4093_0000;
    /// A value that was set before anything was measured.
    UNCERTAIN_INITIAL_VALUE = 0x4092_0000;
    /// Not measured but put in by hand or by a rule.
    UNCERTAIN_SUBSTITUTE_VALUE = 0x4091_0000;
    /// The server's own link to the source is lost; this is what it knew last.
    UNCERTAIN_NO_COMMUNICATION_LAST_USABLE_VALUE = 0x408F_0000;
    /// Made from several sources of which too few are good.
    UNCERTAIN_SUB_NORMAL = 0x4095_0000;
    /// The source is not connected.
    BAD_NOT_CONNECTED = 0x808A_0000;
    /// The source answers without a value.
    BAD_NO_DATA = 0x809B_0000;
    /// The value is of another type than declared.
    BAD_TYPE_MISMATCH = 0x8074_0000;
    /// The array has no such element.
    BAD_INDEX_RANGE_NO_DATA = 0x8037_0000;
    /// The source does not know the node.
    BAD_NODE_ID_UNKNOWN = 0x8034_0000;
    /// The source gave no answer in time.
    BAD_TIMEOUT = 0x800A_0000;
    /// The user may not read it.
    BAD_USER_ACCESS_DENIED = 0x801F_0000;
    /// The value cannot be represented in the declared type.
    BAD_OUT_OF_RANGE = 0x803C_0000;
    /// The bytes could not be decoded as the declared type.
    BAD_DECODING_ERROR = 0x8007_0000;
}

impl Status {
    /// Severity Good.
    pub const fn is_good(self) -> bool {
        self.0 >> 30 == 0
    }

    /// Severity Uncertain.
    pub const fn is_uncertain(self) -> bool {
        self.0 >> 30 == 1
    }

    /// Severity Bad (also the reserved fourth severity, which counts as Bad).
    pub const fn is_bad(self) -> bool {
        self.0 >> 30 >= 2
    }

    /// The symbolic name; of an unknown code, its severity.
    pub fn name(self) -> &'static str {
        // The low 16 bits are flags (limits, overflow), not part of the name.
        let code = self.0 & 0xFFFF_0000;
        let known = CODES.binary_search_by_key(&code, |(known, _)| *known);
        match known.ok().and_then(|at| CODES.get(at)) {
            Some((_, name)) => name,
            None if self.is_good() => "Good",
            None if self.is_uncertain() => "Uncertain",
            None => "Bad",
        }
    }

    /// The code of a symbolic name.
    pub fn from_name(name: &str) -> Option<Self> {
        CODES.iter().find(|(_, known)| *known == name).map(|(code, _)| Self(*code))
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(0x{:08X})", self.name(), self.0)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_and_names() {
        assert!(Status::GOOD.is_good() && Status::GOOD_LOCAL_OVERRIDE.is_good());
        assert!(Status::UNCERTAIN_LAST_USABLE_VALUE.is_uncertain());
        assert!(Status::BAD_SENSOR_FAILURE.is_bad() && Status(0xC000_0000).is_bad());
        assert_eq!(Status(0x8005_0400).name(), "BadCommunicationError");
        assert_eq!(Status(0x80FF_0000).name(), "Bad");
        assert_eq!(Status(0x40A4_0000).name(), "UncertainDataSubNormal");
    }

    #[test]
    fn every_code_has_one_name_and_ours_are_those_of_the_standard() {
        assert!(CODES.is_sorted_by(|a, b| a.0 < b.0));
        for (code, name) in CODES {
            assert_eq!((Status::from_name(name), Status(*code).name()), (Some(Status(*code)), *name));
        }
        for (code, ours) in OURS {
            assert_eq!(Status(*code).name().to_uppercase(), ours.replace('_', ""));
        }
    }
}
