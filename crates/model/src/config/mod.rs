//! Configuration text with places: parse, check against a kind's schema, collect every mistake, then construct.
//!
//! ```text
//! text ─▶ Document (tree with spans) ─▶ check(schema) ─▶ all mistakes at once
//!                                   └▶ construct::<T>() ─▶ the kind's own struct
//! ```
//! Rationale: serde stops at the first mistake and forgets where it stood. A plant engineer wants all of them, with
//! the line and what to write instead.

mod document;
mod types;
mod walk;

pub use document::{Diagnostic, Document, Node, NodeValue, line_of};
pub use types::{Period, SecretRef};
pub use walk::{check, nearest, schema_of};
