//! How much is kept.

/// Bounds of all tables. What does not fit is counted in [`crate::Coverage`], never dropped in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Hosts.
    pub hosts: usize,
    /// Links between them.
    pub links: usize,
    /// Points touched.
    pub points: usize,
    /// Findings.
    pub findings: usize,
    /// Conversations that are followed at the same time.
    pub flows: usize,
    /// Bytes that wait for a missing piece, over all conversations.
    pub parked: usize,
    /// Bytes of one message that is not complete, or of one direction that waits.
    pub pending: usize,
    /// Packets in fragments that are put together at the same time.
    pub fragments: usize,
}

impl Limits {
    /// Enough for a plant of 10,000 devices in well under 200 MB; a small plant takes a few.
    pub const STANDARD: Self = Self {
        hosts: 65_536,
        links: 65_536,
        points: 131_072,
        findings: 8_192,
        flows: 65_536,
        parked: 16 * 1024 * 1024,
        pending: 72 * 1024,
        fragments: 64,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::STANDARD
    }
}
