//! Techniques of MITRE ATT&CK for ICS that detections name (attack.mitre.org; ids and names are facts, as of version 19;
//! nine techniques of older versions became parts of others then, and many tools still know only their old ids).

use serde::Serialize;

/// One technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its id before version 19 (April 2026), where that was another.
    pub was: Option<&'static str>,
}

impl std::fmt::Display for Technique {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.id, self.name)?;
        self.was.map_or(Ok(()), |was| write!(f, " (before {was})"))
    }
}

const fn before(was: &'static str) -> Option<&'static str> {
    if was.is_empty() { None } else { Some(was) }
}

macro_rules! techniques {
    ($($name:ident $id:literal $words:literal $($was:literal)?;)*) => {
        $(pub(crate) const $name: Technique =
            Technique { id: $id, name: $words, was: before(concat!($($was)?)) };)*

        impl Technique {
            /// The technique that has this id since version 19, if a detection names it.
            #[must_use]
            pub fn of(id: &str) -> Option<Self> {
                [$($name),*].into_iter().find(|one| one.id == id)
            }
        }
    };
}

techniques! {
    COLLECTION "T0802" "Automated Collection";
    BRUTE_FORCE_IO "T0806" "Brute Force I/O";
    DATA_DESTRUCTION "T0809" "Data Destruction";
    DEFAULT_CREDENTIALS "T1694.001" "Insecure Credentials: Default Credentials" "T0812";
    DENIAL_OF_SERVICE "T0814" "Denial of Service";
    RESTART "T0816" "Device Restart/Shutdown";
    BETWEEN "T0830" "Adversary-in-the-Middle";
    MANIPULATE_IMAGE "T0835" "Manipulate I/O Image";
    MODIFY_PARAMETER "T0836" "Modify Parameter";
    SNIFFING "T0842" "Network Sniffing";
    DOWNLOAD "T0843" "Program Download";
    UPLOAD "T0845" "Program Upload";
    DISCOVERY "T0846" "Remote System Discovery";
    ROGUE_MASTER "T0848" "Rogue Master";
    UNAUTHORIZED "T1692.001" "Unauthorized Message: Command Message" "T0855";
    SPOOF "T1692.002" "Unauthorized Message: Reporting Message" "T0856";
    FIRMWARE "T1693.001" "Modify Firmware: System Firmware" "T0857";
    MODE "T0858" "Change Operating Mode";
    ACCOUNTS "T0859" "Valid Accounts";
    POINTS "T0861" "Point & Tag Identification";
    EXPLOIT "T0866" "Exploitation of Remote Services";
    LATERAL "T0867" "Lateral Tool Transfer";
    COMMAND_CHANNEL "T0869" "Standard Application Layer Protocol";
    INDICATORS "T0872" "Indicator Removal on Host";
    ALARMS "T0878" "Alarm Suppression";
    SERVICE_STOP "T0881" "Service Stop";
    REMOTE "T0886" "Remote Services";
    INFORMATION "T0888" "Remote System Information Discovery";
    MODIFY_PROGRAM "T0889" "Modify Program";
}
