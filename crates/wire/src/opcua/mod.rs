//! OPC UA over TCP (OPC 10000-6; sections in these docs are its own unless another part is named).
//!
//! ```text
//!   HEL, ACK, ERR │ type 3 │ F │ size 4 │ ...                                                     (7.1.2)
//!   OPN           │ type 3 │ F │ size 4 │ channel 4 │ policy, certificate, thumbprint │ sequence 8 │ body
//!   MSG, CLO      │ type 3 │ F, C, A │ size 4 │ channel 4 │ token 4 │ sequence 8 │ body         (6.7.2)
//! ```
//!
//! Only the tolerant view, for the monitor; the driver stands on a library. [`frame_length`] cuts a stream into chunks,
//! [`ChunkView`] looks at one, [`MessageView`] at the service in its body where it is not encrypted. [`table`] names the
//! services.

mod chunk;
mod message;
mod reader;
pub mod table;

pub use chunk::{ChunkView, Kind, MAX_CHUNK, frame_length};
pub use message::{MessageView, Nodes, Target, User, whole};
pub use reader::{NodeId, Problem};

/// The port of OPC UA over TCP (7.2).
pub const PORT: u16 = 4840;
