//! EtherNet/IP: the Common Industrial Protocol (CIP) over TCP port 44818.
//!
//! ```text
//!  encapsulation 24 B │ interface 4 │ timeout 2 │ items: address, data ┐
//!  command, length,   └────────────────────────────────────────────────┤
//!  session, status                          ┌──────────────────────────┘
//!                                           ▼
//!            null + 0xB2 unconnected │ 0xA1 connection + 0xB1 sequence 2, connected
//!            ┌──────────── CIP message ────────────┐
//!  request   │ service │ path (words) │ data       │   path: class, instance, names, elements, ports
//!  reply     │ service | 0x80 │ 0 │ status │ data  │   status: general, extended words
//! ```
//!
//! Standards: The CIP Networks Library, Volume 1 (Common Industrial Protocol; section numbers in these docs are its
//! own unless another document is named) and Volume 2 (EtherNet/IP Adaptation); Rockwell 1756-PM020 (Logix 5000
//! Controllers Data Access) for tags, templates and their services. Numbers are little-endian.
//!
//! Rationale: `repr` refuses everything that is not exactly right, because a driver that guesses delivers wrong values
//! with good quality; [`view`] refuses nothing, because a monitor that stops at the first oddity is blind to the
//! traffic that matters most. Both read [`table`], so they cannot disagree about a service.

pub mod connection;
pub mod encapsulation;
mod error;
pub mod identity;
mod kind;
mod limits;
pub mod packet;
mod path;
pub mod pccc;
mod reader;
pub mod repr;
mod status;
pub mod symbol;
pub mod table;
mod tag;
pub mod view;

pub use encapsulation::{Command, Deframer, Frame, Header};
pub use error::Error;
pub use identity::Identity;
pub use kind::{Elementary, Kind, STRUCTURE, SymbolType};
pub use limits::Limits;
pub use packet::Packet;
pub use path::{Path, Segment};
pub use repr::{Reply, Request, Response};
pub use status::Status;
pub use tag::{NoTag, Step, Tag, is_program};

/// The port of explicit messages, TCP and UDP (Volume 2, 2-2.1).
pub const PORT: u16 = 44_818;

#[cfg(doctest)]
#[doc = include_str!("README.md")]
struct Readme;
