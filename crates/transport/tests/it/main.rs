//! Loopback tests of dialling and accepting: every way in which TCP, TLS and a serial line say no.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod certificates;
mod line;
mod tcp;
mod tls;
