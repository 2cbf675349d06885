//! Techniques of MITRE ATT&CK for ICS that detections name (attack.mitre.org; ids and names are facts, as of version 15).

use serde::Serialize;

/// One technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Technique {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
}

macro_rules! techniques {
    ($($name:ident $id:literal $words:literal;)*) => {
        $(pub(crate) const $name: Technique = Technique { id: $id, name: $words };)*
    };
}

techniques! {
    COLLECTION "T0802" "Automated Collection";
    BRUTE_FORCE_IO "T0806" "Brute Force I/O";
    DATA_DESTRUCTION "T0809" "Data Destruction";
    DEFAULT_CREDENTIALS "T0812" "Default Credentials";
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
    UNAUTHORIZED "T0855" "Unauthorized Command Message";
    SPOOF "T0856" "Spoof Reporting Message";
    FIRMWARE "T0857" "System Firmware";
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
