//! Settings that clients of PostgreSQL look at.

/// The version of PostgreSQL whose dialect and catalogue are spoken; clients choose their queries by it.
pub const VERSION: &str = "15.0";

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Name, as `SHOW` takes it in lower case.
    pub name: &'static str,
    /// What it is at the start of a session.
    pub value: &'static str,
    /// Told to the client at the start, and when it changes (PostgreSQL 15, 55.2.7).
    pub reported: bool,
}

const fn said(name: &'static str, value: &'static str) -> Setting {
    Setting { name, value, reported: true }
}

const fn kept(name: &'static str, value: &'static str) -> Setting {
    Setting { name, value, reported: false }
}

/// All of them, names as they are reported.
pub const SETTINGS: [Setting; 27] = [
    said("application_name", ""),
    said("client_encoding", "UTF8"),
    said("DateStyle", "ISO, MDY"),
    said("default_transaction_read_only", "on"),
    said("in_hot_standby", "off"),
    said("integer_datetimes", "on"),
    said("IntervalStyle", "postgres"),
    said("is_superuser", "off"),
    said("server_encoding", "UTF8"),
    said("server_version", VERSION),
    said("session_authorization", ""),
    said("standard_conforming_strings", "on"),
    said("TimeZone", "UTC"),
    kept("bytea_output", "hex"),
    kept("default_transaction_isolation", "repeatable read"),
    kept("extra_float_digits", "1"),
    kept("lc_collate", "C"),
    kept("lc_ctype", "C"),
    kept("lc_messages", "C"),
    kept("max_identifier_length", "63"),
    kept("max_index_keys", "32"),
    kept("search_path", "public"),
    kept("server_version_num", "150000"),
    kept("statement_timeout", "0"),
    kept("transaction_isolation", "repeatable read"),
    kept("transaction_read_only", "on"),
    kept("row_security", "on"),
];

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|one| one.name.eq_ignore_ascii_case(name))
}
