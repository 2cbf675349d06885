//! Messages that come by themselves, whatever brings them: a broker's topics, a stream's subjects, a webhook's paths.
//!
//! ```text
//!  message (topic, payload) ─▶ Book: tags by topic, patterns ─▶ Mapping: value, time, quality ─▶ Intake ─▶ link
//!                          └─▶ Orders: what it asks to be written ─▶ the one command path ─▶ outcome ─┘
//! ```

mod ask;
mod asks;
mod book;
mod build;
mod config;
mod intake;
mod orders;
mod payload;
mod pointer;
mod seen;
mod topic;
mod xml;

pub use book::Came;
pub use build::{Command, Spec, filters, gateway, resolve};
pub use config::Device;
pub use intake::Intake;
pub use orders::{Answer, Commanded};
pub use seen::Seen;
pub use topic::Levels;
