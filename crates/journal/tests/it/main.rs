//! The journal from outside.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod basic;
mod bound;
mod damage;
mod failing;
mod helpers;
mod power;
