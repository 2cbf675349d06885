//! Chores of the house: `cargo test -p xtask` holds the laws, `cargo run -p xtask -- dist` makes a release.

mod dist;
#[cfg(test)]
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.first().map(String::as_str) {
        Some("dist") => dist::run(&root()),
        _ => Err("usage: cargo run -p xtask -- dist    (the laws are tests: cargo test -p xtask)".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("xtask: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The checkout.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
