//! How much one message may carry.

/// Largest sizes and counts that are read. [`Limits::STANDARD`] fits every device; smaller ones can be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes behind an encapsulation header, 0 to 65,535 (Volume 2, 2-3.2). Devices have 511 or about 4,000.
    pub payload: usize,
    /// Items in a packet, 2 to 16 (Volume 2, 2-6.1: two, sometimes four).
    pub items: usize,
    /// Segments of a path, 1 to 64.
    pub segments: usize,
    /// Services in a multiple service packet, 1 to 2,000.
    pub services: usize,
}

impl Limits {
    /// What the codec takes at most.
    pub const STANDARD: Self = Self { payload: 65_535, items: 16, segments: 64, services: 2_000 };
}

impl Default for Limits {
    fn default() -> Self {
        Self::STANDARD
    }
}
