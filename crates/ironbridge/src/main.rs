//! Ironbridge: one binary that connects machines, keeps one model of the plant, records it and delivers it to IT.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod backup;
mod cli;
mod demo;
mod exchange;
mod house;
mod plant;
mod report;
mod supervisor;

/// Loading a plant of 100,000 points frees as much as it keeps; this allocator gives it back to the system.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
