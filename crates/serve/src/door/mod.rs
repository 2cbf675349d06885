//! What the doors to SQL have in common, whatever is spoken at them: the listener, its bounds, who has how many seats,
//! what is counted, and the words for who cannot stay.
//!
//! ```text
//!  listener ─▶ a place among the connections ─▶ Speak::serve ─ sign-in ─▶ a seat of that name ─▶ sql::Session
//!           └▶ no room: Speak::refuse, told in the words of the protocol
//! ```

mod options;
mod refused;
mod server;

pub use options::{Options, RoleLimits};
pub(crate) use refused::Refused;
pub(crate) use server::{Door, Seat, Speak};
pub use server::{Server, Status};
