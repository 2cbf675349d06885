//! How much one request may ask for.

/// Largest quantities per request. [`Limits::STANDARD`] is the protocol's; many devices take less, and their
/// driver passes smaller numbers here. Larger numbers than the standard's are cut to what a PDU can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Coils or discrete inputs per read, 1 to 2000 (sections 6.1, 6.2).
    pub read_bits: u16,
    /// Registers per read, 1 to 125 (sections 6.3, 6.4).
    pub read_registers: u16,
    /// Coils per write, 1 to 1968 (section 6.11).
    pub write_bits: u16,
    /// Registers per write, 1 to 123 (section 6.12).
    pub write_registers: u16,
    /// Registers read by function 23, 1 to 125 (section 6.17).
    pub read_write_read: u16,
    /// Registers written by function 23, 1 to 121 (section 6.17).
    pub read_write_write: u16,
    /// Registers in a FIFO answer, 0 to 31 (section 6.18).
    pub fifo_registers: u16,
    /// Groups in a file record request, 1 to 35 (sections 6.14, 6.15).
    pub file_groups: u16,
    /// Largest record number of a file, 9999 in the standard (section 6.14); some devices use all 65,536.
    pub file_record: u16,
}

impl Limits {
    /// The limits of the standard.
    pub const STANDARD: Self = Self {
        read_bits: 2000,
        read_registers: 125,
        write_bits: 1968,
        write_registers: 123,
        read_write_read: 125,
        read_write_write: 121,
        fifo_registers: 31,
        file_groups: 35,
        file_record: 9999,
    };

    /// The same limits with none above what a PDU can carry.
    #[must_use]
    pub fn clamped(self) -> Self {
        let s = Self::STANDARD;
        Self {
            read_bits: self.read_bits.clamp(1, s.read_bits),
            read_registers: self.read_registers.clamp(1, s.read_registers),
            write_bits: self.write_bits.clamp(1, s.write_bits),
            write_registers: self.write_registers.clamp(1, s.write_registers),
            read_write_read: self.read_write_read.clamp(1, s.read_write_read),
            read_write_write: self.read_write_write.clamp(1, s.read_write_write),
            fifo_registers: self.fifo_registers.min(s.fifo_registers),
            file_groups: self.file_groups.clamp(1, s.file_groups),
            file_record: self.file_record,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::STANDARD
    }
}
