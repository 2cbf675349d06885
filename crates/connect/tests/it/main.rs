//! Against peers nobody here wrote: pymodbus (`IRONBRIDGE_PEERS_PYTHON`) and libmodbus (`cc`, `libmodbus-dev`), and
//! devices that misbehave on purpose, many at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)]

mod discover;
mod libmodbus;
mod misbehaviour;
mod pymodbus;
mod scale;
mod security;
mod support;
