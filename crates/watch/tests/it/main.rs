//! The monitor on traffic of its own making, on hostile bytes and, where they are at hand, on captures of real plants.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod analysers;
mod conformance;
mod detections;
mod elsewhere;
mod guard;
mod hostile;
mod inventory;
mod mutate;
mod needles;
mod office;
mod own_opcua;
mod plants;
mod sameness;
mod talk;
