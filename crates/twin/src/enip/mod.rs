//! A simulated Logix controller made of `wire::enip`: sound by default, as bad as a real device on request.
//!
//! ```text
//!   listener ─▶ session task ─▶ deframer ─▶ packet ─▶ answer() ─▶ Controller ─▶ Program (tags, structures)
//!                 sessions, connections      route        └ Behaviour: delay, silence, lies, missing services
//! ```
//!
//! A [`Program`] is what was downloaded: tags of the controller and of programs, arrays, structures, strings. Downloading
//! another one changes what [`Controller`] answers to those who ask whether their tag list is still right. A controller
//! with [`DataFiles`] instead is an SLC 500, a MicroLogix or a PLC-5: no tags, only PCCC.

mod answer;
mod behaviour;
mod controller;
mod files;
mod place;
mod program;
mod server;

pub use behaviour::{Behaviour, Conduct, Lie, Services};
pub use controller::{Controller, Counters};
pub use files::DataFiles;
pub use program::{NoSuchTag, Program, Type};
pub use server::{Server, listen, serve};
