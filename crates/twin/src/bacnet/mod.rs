//! BACnet/IP devices made of `wire::bacnet`: well-behaved by default, as bad as real ones on request.
//!
//! ```text
//!   socket ─▶ Site ─▶ which device (router: network and address) ─▶ Talk (parts, subscriptions) ─▶ Device (objects)
//!                                                                     └ Behaviour: silence, lies
//! ```
//! A [`Site`] is pure but for the objects it touches: datagrams in, datagrams out.

mod behaviour;
mod device;
mod server;
mod site;

pub use behaviour::{Conduct, LIES, Lie};
pub use device::{Counters, Device, Object, Priorities, Rules};
pub use server::{Server, listen};
pub use site::Site;
