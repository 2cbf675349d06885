//! Messages that come by themselves, whatever brings them: a broker's topics, a webhook's paths.
//!
//! ```text
//!  message (topic, payload) ─▶ Book: tags by topic, patterns ─▶ Mapping: value, time, quality ─▶ Intake ─▶ link
//! ```

mod book;
mod build;
mod config;
mod intake;
mod payload;
mod topic;

pub use book::Came;
pub use build::{Command, Spec, filters, resolve};
pub use config::Device;
pub use intake::Intake;
