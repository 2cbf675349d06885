//! BACnet/IP: BVLC, network layer, application layer and the services that a client needs (ANSI/ASHRAE 135-2020).
//!
//! ```text
//!   BVLC (annex J)                      NPDU (6.2)                              APDU (20.1)
//!  ┌────────────────────────────────┬──────────────────────────────────────┬─────────────────────────┐
//!  │ 81 │ function │ length 2 │ (..)│ 01 │ control │ (DNET..) │ (SNET..) │ hops │ kind │ ids │ service... │
//!  └────────────────────────────────┴──────────────────────────────────────┴─────────────────────────┘
//! ```
//! Rationale: what is read is checked to the last byte and what is not understood is refused, because a value at the
//! wrong object is worse than none; [`view`] looks at the same bytes and never fails. Both read [`table`].

mod apdu;
mod bvlc;
mod error;
mod exchange;
mod npdu;
mod service;
pub mod table;
mod tag;
mod value;
pub mod view;

pub use apdu::{Apdu, Segment, allowed};
pub use bvlc::Bvlc;
pub use error::Error;
pub use exchange::{Answer, Cast, Exchange, Heard, MAX_ANSWER, Peer, register, who_is};
pub use npdu::{Address, Npdu};
pub use service::{
    CovNotification, IAm, PropertyRef, ReadAck, ReadMultipleAck, ReadResult, Request, WhoIs, read_ack,
    read_multiple_ack,
};
pub use tag::{Class, Tag};
pub use value::{ObjectId, Value};

/// UDP port of BACnet/IP devices (annex J.1.2): 47808.
pub const PORT: u16 = 0xBAC0;
/// Longest BVLL message taken, in bytes: 1,476 octets of APDU and its headers.
pub const MAX_MESSAGE: usize = 1_600;
/// Longest APDU on BACnet/IP, in octets (20.1.2.5).
pub const MAX_APDU: usize = 1_476;
/// Highest instance number of an object; it stands for "none" (12.1).
pub const MAX_INSTANCE: u32 = 0x3F_FFFF;

pub(crate) type Reader<'a> = crate::reader::Reader<'a, crate::reader::Big, Error>;

#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
