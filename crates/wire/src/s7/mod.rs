//! Siemens S7 communication: TPKT, COTP class 0 and S7comm as S7-300/400/1200/1500 speak it on TCP port 102.
//!
//! ```text
//!   TPKT (RFC 1006)          COTP (ISO 8073 class 0)           S7comm
//!  ┌────────────────────┬──────────────────────────────┬──────────────────────────────────────────────┐
//!  │ 3 │ 0 │ length 2   │ LI │ F0 │ end of TSDU 80     │ 32 │ kind │ 0 0 │ reference 2 │ parameters 2 │
//!  └────────────────────┴──────────────────────────────┤ data 2 │ (error 2) │ parameters │ data        │
//!    length counts all of it                           └──────────────────────────────────────────────┘
//! ```
//!
//! Standards: RFC 1006 and RFC 2126 (TPKT), ISO/IEC 8073 = ITU-T X.224 class 0 (COTP). S7comm has no public standard:
//! what stands here is what devices, Siemens' manuals of system status lists (SZL) and captures agree on.
//!
//! Rationale: `repr` speaks only what a gateway needs (negotiate, read, write, system status lists) and refuses
//! everything that is not exactly right; [`view`] recognises the rest, because stopping a PLC, downloading a program
//! or trying a password is what a monitor must see. Both read [`table`].

pub mod bcd;
pub mod cotp;
mod error;
mod item;
pub mod plus;
pub mod repr;
pub mod szl;
pub mod table;
pub mod tpkt;
pub mod view;

pub use error::Error;
pub use item::{Area, Item, Size};
pub use repr::{ReadItem, Request, Response, Setup, WriteItem};
pub use table::{HeaderError, ReturnCode};

/// TCP port of S7 devices (RFC 1006).
pub const PORT: u16 = 102;
/// First byte of an S7comm PDU.
pub const PROTOCOL: u8 = 0x32;
/// First byte of an S7comm-plus PDU.
pub const PROTOCOL_PLUS: u8 = 0x72;
/// Most items of one read or write: more is refused by every known CPU.
pub const MAX_ITEMS: usize = 20;
/// Largest PDU that is proposed; S7-300 take 240, S7-400 480, S7-1500 960.
pub const MAX_PDU: u16 = 960;
/// Smallest PDU with which a session is of any use.
pub const MIN_PDU: u16 = 64;

/// A big-endian word at an offset.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|pair| u16::from_be_bytes(*pair))
}

#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
