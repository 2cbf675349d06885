//! The historian from outside: journal in, answers out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod crash;
mod format;
mod plant;
mod reads;
mod retention;
mod round_trip;
