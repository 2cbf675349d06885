//! IB-NET-011: FTP or TFTP: files and passwords in clear text.

use crate::detect::technique::REMOTE;
use crate::detect::{Rule, never};

/// The rule.
pub const RULE: Rule = Rule {
    id: "IB-NET-011",
    title: "FTP or TFTP: files and passwords in clear text",
    severity: 400,
    techniques: &[REMOTE],
    meaning: "FTP and TFTP send files and passwords so that anybody on the network can read and change them.",
    next: "Use SFTP instead, or allow it only from one machine and only while work is planned.",
    trigger: never,
};
