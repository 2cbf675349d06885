//! The plant as an OPC UA server (OPC 10000): for SCADA systems, MES and clients that speak nothing else.
//!
//! ```text
//!  namespace ─ Tree, declarations ─▶ space (nodes, computed when asked) ─▶ manager ─┬─ browse, read
//!      ▲                                                                            ├─ history ─▶ store
//!      └──────────────── one command path ◀──────────── writes ◀────────────────────┘
//!  journal ─ every sample, every event ─▶ pump ─▶ monitored items
//!  standard: the nodes of the standard itself, and what they say of this server
//! ```
//! Rationale: nothing is copied. Nodes are computed from the namespace when somebody asks, so a plant of 100,000 points
//! costs nothing here, and a change of the configuration shows at once. Sessions, subscriptions and encryption are the
//! library's.

mod aggregate;
mod events;
mod history;
mod manager;
mod names;
mod options;
mod people;
mod pump;
mod server;
mod space;
mod standard;
mod value;

pub use options::{AssetOf, Model, Options, Policy, TypeMember};
pub use server::{Rooms, Server, Status};
