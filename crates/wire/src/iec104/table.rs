//! The one table of types and causes.

use Access::{Ask, Clock, File, Monitor, Parameter, Restart, Session};

/// What a type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Process data, towards the control room.
    Monitor,
    /// Changes process data.
    Command,
    /// Asks for data.
    Ask,
    /// Sets the clock.
    Clock,
    /// Says that it has started, tests the line.
    Session,
    /// Restarts the station.
    Restart,
    /// Changes parameters of measured values.
    Parameter,
    /// Files.
    File,
}

/// A type of ASDU (101, 7.2.1.1 and 7.3; 104, 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type {
    /// Type identification.
    pub code: u8,
    /// Its symbol.
    pub symbol: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub access: Access,
    /// Bytes of one element without its address; `None` where it has no fixed length.
    pub length: Option<u8>,
    /// Which byte of the element has the select bit of a command.
    pub qualifier: Option<u8>,
}

const fn t(code: u8, symbol: &'static str, name: &'static str, access: Access, length: u8) -> Type {
    Type { code, symbol, name, access, length: Some(length), qualifier: None }
}

const fn c(code: u8, symbol: &'static str, name: &'static str, qualifier: Option<u8>, length: u8) -> Type {
    Type { code, symbol, name, access: Access::Command, length: Some(length), qualifier }
}

/// All types, by code.
pub const TYPES: [Type; 67] = [
    t(1, "M_SP_NA_1", "Single-point information", Monitor, 1),
    t(2, "M_SP_TA_1", "Single-point information with short time", Monitor, 4),
    t(3, "M_DP_NA_1", "Double-point information", Monitor, 1),
    t(4, "M_DP_TA_1", "Double-point information with short time", Monitor, 4),
    t(5, "M_ST_NA_1", "Step position", Monitor, 2),
    t(6, "M_ST_TA_1", "Step position with short time", Monitor, 5),
    t(7, "M_BO_NA_1", "Bitstring", Monitor, 5),
    t(8, "M_BO_TA_1", "Bitstring with short time", Monitor, 8),
    t(9, "M_ME_NA_1", "Measured value, normalised", Monitor, 3),
    t(10, "M_ME_TA_1", "Measured value, normalised, with short time", Monitor, 6),
    t(11, "M_ME_NB_1", "Measured value, scaled", Monitor, 3),
    t(12, "M_ME_TB_1", "Measured value, scaled, with short time", Monitor, 6),
    t(13, "M_ME_NC_1", "Measured value, floating point", Monitor, 5),
    t(14, "M_ME_TC_1", "Measured value, floating point, with short time", Monitor, 8),
    t(15, "M_IT_NA_1", "Integrated totals", Monitor, 5),
    t(16, "M_IT_TA_1", "Integrated totals with short time", Monitor, 8),
    t(17, "M_EP_TA_1", "Protection event with short time", Monitor, 6),
    t(18, "M_EP_TB_1", "Start events of protection with short time", Monitor, 7),
    t(19, "M_EP_TC_1", "Output circuits of protection with short time", Monitor, 7),
    t(20, "M_PS_NA_1", "Packed single points with change detection", Monitor, 5),
    t(21, "M_ME_ND_1", "Measured value, normalised, without quality", Monitor, 2),
    t(30, "M_SP_TB_1", "Single-point information with time", Monitor, 8),
    t(31, "M_DP_TB_1", "Double-point information with time", Monitor, 8),
    t(32, "M_ST_TB_1", "Step position with time", Monitor, 9),
    t(33, "M_BO_TB_1", "Bitstring with time", Monitor, 12),
    t(34, "M_ME_TD_1", "Measured value, normalised, with time", Monitor, 10),
    t(35, "M_ME_TE_1", "Measured value, scaled, with time", Monitor, 10),
    t(36, "M_ME_TF_1", "Measured value, floating point, with time", Monitor, 12),
    t(37, "M_IT_TB_1", "Integrated totals with time", Monitor, 12),
    t(38, "M_EP_TD_1", "Protection event with time", Monitor, 10),
    t(39, "M_EP_TE_1", "Start events of protection with time", Monitor, 11),
    t(40, "M_EP_TF_1", "Output circuits of protection with time", Monitor, 11),
    c(45, "C_SC_NA_1", "Single command", Some(0), 1),
    c(46, "C_DC_NA_1", "Double command", Some(0), 1),
    c(47, "C_RC_NA_1", "Regulating step command", Some(0), 1),
    c(48, "C_SE_NA_1", "Set-point, normalised", Some(2), 3),
    c(49, "C_SE_NB_1", "Set-point, scaled", Some(2), 3),
    c(50, "C_SE_NC_1", "Set-point, floating point", Some(4), 5),
    c(51, "C_BO_NA_1", "Bitstring command", None, 4),
    c(58, "C_SC_TA_1", "Single command with time", Some(0), 8),
    c(59, "C_DC_TA_1", "Double command with time", Some(0), 8),
    c(60, "C_RC_TA_1", "Regulating step command with time", Some(0), 8),
    c(61, "C_SE_TA_1", "Set-point, normalised, with time", Some(2), 10),
    c(62, "C_SE_TB_1", "Set-point, scaled, with time", Some(2), 10),
    c(63, "C_SE_TC_1", "Set-point, floating point, with time", Some(4), 12),
    c(64, "C_BO_TA_1", "Bitstring command with time", None, 11),
    t(70, "M_EI_NA_1", "End of initialisation", Session, 1),
    t(100, "C_IC_NA_1", "Interrogation", Ask, 1),
    t(101, "C_CI_NA_1", "Counter interrogation", Ask, 1),
    t(102, "C_RD_NA_1", "Read", Ask, 0),
    t(103, "C_CS_NA_1", "Clock synchronisation", Clock, 7),
    t(104, "C_TS_NA_1", "Test", Session, 2),
    t(105, "C_RP_NA_1", "Reset process", Restart, 1),
    t(106, "C_CD_NA_1", "Delay acquisition", Session, 2),
    t(107, "C_TS_TA_1", "Test with time", Session, 9),
    t(110, "P_ME_NA_1", "Parameter of measured values, normalised", Parameter, 3),
    t(111, "P_ME_NB_1", "Parameter of measured values, scaled", Parameter, 3),
    t(112, "P_ME_NC_1", "Parameter of measured values, floating point", Parameter, 5),
    t(113, "P_AC_NA_1", "Parameter activation", Parameter, 1),
    t(120, "F_FR_NA_1", "File ready", File, 6),
    t(121, "F_SR_NA_1", "Section ready", File, 7),
    t(122, "F_SC_NA_1", "Call directory, select or call file or section", File, 4),
    t(123, "F_LS_NA_1", "Last section or segment", File, 5),
    t(124, "F_AF_NA_1", "Acknowledge file or section", File, 4),
    Type { code: 125, symbol: "F_SG_NA_1", name: "Segment", access: File, length: None, qualifier: None },
    t(126, "F_DR_TA_1", "Directory", File, 13),
    t(127, "F_SC_NB_1", "Query log", File, 16),
];

/// The facts about a type; `None` if it does not exist.
#[must_use]
pub fn kind(code: u8) -> Option<&'static Type> {
    TYPES.binary_search_by_key(&code, |kind| kind.code).ok().and_then(|at| TYPES.get(at))
}

/// Activation: the control room asks for something.
pub const ACTIVATION: u8 = 6;
/// The station has taken, or refused, what was asked for.
pub const ACTIVATION_CONFIRMATION: u8 = 7;
/// Deactivation: the control room takes it back.
pub const DEACTIVATION: u8 = 8;
/// What a cause means (101, 7.2.3, table 14); `None` if it does not exist. 48 to 63 are for special use.
#[must_use]
pub const fn cause(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "periodic",
        2 => "background scan",
        3 => "spontaneous",
        4 => "initialised",
        5 => "request",
        ACTIVATION => "activation",
        ACTIVATION_CONFIRMATION => "activation confirmation",
        DEACTIVATION => "deactivation",
        9 => "deactivation confirmation",
        10 => "activation termination",
        11 => "return information of a remote command",
        12 => "return information of a local command",
        13 => "file transfer",
        14 => "authentication",
        15 => "session key maintenance",
        16 => "user role and update key maintenance",
        20 => "station interrogation",
        21..=36 => "group interrogation",
        37 => "general counter request",
        38..=41 => "group counter request",
        44 => "unknown type",
        45 => "unknown cause",
        46 => "unknown station",
        47 => "unknown object",
        48..=63 => "special use",
        _ => return None,
    })
}

/// Whether a cause says that the station does not know what is asked for.
#[must_use]
pub const fn is_unknown(cause: u8) -> bool {
    matches!(cause, 44..=47)
}

/// STOPDT act: stops the data of the station.
pub const STOP_DATA: u8 = 0x13;
/// STARTDT act.
pub const START_DATA: u8 = 0x07;

/// Name of a control field of the U format (104, 5.1); `None` if it does not exist.
#[must_use]
pub const fn unnumbered(code: u8) -> Option<&'static str> {
    Some(match code {
        START_DATA => "start data transfer",
        0x0B => "start data transfer, confirmed",
        STOP_DATA => "stop data transfer",
        0x23 => "stop data transfer, confirmed",
        0x43 => "test frame",
        0x83 => "test frame, confirmed",
        _ => return None,
    })
}
