//! PCCC inside CIP: data files of SLC 500, MicroLogix and PLC-5 controllers.
//!
//! ```text
//!  Execute PCCC (service 0x4B, class 0x67)
//!  ┌ requester: length 7, vendor 2, serial 4 ┬ command │ status │ transaction 2 │ function │ address, data ┐
//!  └─────────────────────────────────────────┴ command | 0x40 │ status │ transaction 2 │ extended │ data ──┘
//! ```
//!
//! Standard: Rockwell 1770-6.5.16, DF1 Protocol and Command Set (chapter 7 commands, chapter 8 status codes,
//! chapter 13 addresses); Rockwell 1756-PM020 (Logix 5000 Controllers Data Access) for how CIP carries them. Numbers are
//! little-endian; each word of a text has its two letters swapped, and a PLC-5 has the high word of a float first.

mod address;
mod message;
mod status;
mod view;

pub use address::{Address, Family, FileKind, NoAddress, Place};
pub use message::{Answer, Ask, Message, Requester, emit_answer};
pub use status::PcccStatus;
pub use view::{PcccView, facts};

/// Commands (chapter 7).
pub mod command {
    /// Echo and diagnostic status.
    pub const DIAGNOSTIC: u8 = 0x06;
    /// Those that have a function.
    pub const EXTENDED: u8 = 0x0F;
    /// Marks a reply.
    pub const REPLY: u8 = 0x40;
}

/// Functions (chapter 7).
pub mod function {
    /// Of the command 0x06: diagnostic status, what the controller is.
    pub const STATUS: u8 = 0x03;
    /// Word range write, PLC-5.
    pub const WRITE_PLC5: u8 = 0x00;
    /// Word range read, PLC-5.
    pub const READ_PLC5: u8 = 0x01;
    /// Read-modify-write: bits by masks, PLC-5.
    pub const MODIFY_PLC5: u8 = 0x26;
    /// Protected typed logical read with three address fields, SLC 500.
    pub const READ_SLC: u8 = 0xA2;
    /// Protected typed logical write with three address fields, SLC 500.
    pub const WRITE_SLC: u8 = 0xAA;
    /// Protected typed logical write with mask, SLC 500.
    pub const MASK_SLC: u8 = 0xAB;
}
