//! Ironbridge: one binary that connects machines, keeps one model of the plant, records it and delivers it to IT.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod backup;
mod cli;
mod demo;
mod house;
mod plant;
mod report;
mod supervisor;

fn main() -> std::process::ExitCode {
    cli::main()
}
