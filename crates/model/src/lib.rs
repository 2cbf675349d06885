//! The nouns of Ironbridge, without any IO.
//!
//! Everything that crosses a room's door is made of these: a [`Batch`] of samples of declared points, an
//! [`Event`], a [`Command`] and its [`Outcome`], a [`Fault`]. A value never travels without its quality
//! ([`Status`]) and its [`Time`].
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod batch;
pub mod command;
pub mod condition;
pub mod config;
pub mod csv;
pub mod event;
pub mod expected;
pub mod fault;
pub mod path;
pub mod point;
pub mod position;
pub mod quality;
pub mod text;
pub mod time;
pub mod unit;
pub mod value;

pub use batch::{Batch, Each, Flags, Shape};
pub use command::{Command, Confirm, Outcome, Principal, Role};
pub use event::{Event, EventKind, EventState};
pub use fault::Fault;
pub use path::{Path, PathError};
pub use point::{Access, Declaration, Interlock, Last, PointId, Rate, States, WriteRule};
pub use position::Position;
pub use quality::Status;
pub use time::{Clock, ManualClock, SystemClock, Time};
pub use value::{Value, ValueType};
