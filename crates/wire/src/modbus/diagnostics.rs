//! Sub-functions of function 8, Diagnostics (section 6.8, serial line only).

/// What the response of a sub-function carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The data of the request, unchanged.
    Echo,
    /// One word: a register or a counter.
    Word,
    /// No response at all.
    None,
}

/// One sub-function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubFunction {
    /// Code on the wire.
    pub code: u16,
    /// Name in the standard.
    pub name: &'static str,
    /// What the response carries.
    pub answer: Answer,
    /// True if it changes the device: restarts it, silences it or clears counters.
    pub changes: bool,
}

const fn sub(code: u16, name: &'static str, answer: Answer, changes: bool) -> SubFunction {
    SubFunction { code, name, answer, changes }
}

/// All sub-functions of section 6.8.1.
pub const SUB_FUNCTIONS: [SubFunction; 15] = [
    sub(0, "Return Query Data", Answer::Echo, false),
    sub(1, "Restart Communications Option", Answer::Echo, true),
    sub(2, "Return Diagnostic Register", Answer::Word, false),
    sub(3, "Change ASCII Input Delimiter", Answer::Echo, true),
    sub(4, "Force Listen Only Mode", Answer::None, true),
    sub(10, "Clear Counters and Diagnostic Register", Answer::Echo, true),
    sub(11, "Return Bus Message Count", Answer::Word, false),
    sub(12, "Return Bus Communication Error Count", Answer::Word, false),
    sub(13, "Return Bus Exception Error Count", Answer::Word, false),
    sub(14, "Return Server Message Count", Answer::Word, false),
    sub(15, "Return Server No Response Count", Answer::Word, false),
    sub(16, "Return Server NAK Count", Answer::Word, false),
    sub(17, "Return Server Busy Count", Answer::Word, false),
    sub(18, "Return Bus Character Overrun Count", Answer::Word, false),
    sub(20, "Clear Overrun Counter and Flag", Answer::Echo, true),
];

/// The sub-function with this code, if the standard has one.
#[must_use]
pub fn sub_function(code: u16) -> Option<&'static SubFunction> {
    SUB_FUNCTIONS.iter().find(|s| s.code == code)
}

/// True if `word` is allowed as the single data word of a request with sub-function `code` (not for code 0,
/// which takes any data).
pub(super) const fn word_allowed(code: u16, word: u16) -> bool {
    match code {
        1 => word == 0 || word == 0xFF00,
        3 => word & 0x00FF == 0,
        _ => word == 0,
    }
}
