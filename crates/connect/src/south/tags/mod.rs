//! What every protocol's configuration has in common: its keys, its mistakes, its tag lists, its numbers.
//!
//! ```text
//!  file ─ keys ─▶ Plan::new ─ device ─▶ Home ─ tags ─▶ each Tag ─ point ─▶ Slot
//!                     │  (TOML and CSV alike)              │
//!                     └──── classes, times                 └── the protocol adds address, type, words
//!                     finish ─▶ Resolved { classes, timing, points }, or every mistake at its place
//! ```
//! A protocol's own structs take [`FileKeys`], [`DeviceKeys`] and [`TagKeys`] in with `#[serde(flatten)]`; its schema is
//! [`closed_schema`] of its file. What it must add to a tag is where it stands, what it is, and how to say so in words.
//!
//! Rationale: a plant engineer learns `scan`, `raw`, `range`, `write` and the rest once; and so does the code.

mod contract;
mod keys;
mod list;
mod plan;
mod rules;
mod scaling;

pub use keys::{Confirm, ConfirmPoint, ConfirmWord, DeviceKeys, FileKeys, TagKeys, Write, closed_schema};
pub use list::{List, Row, SHARED_COLUMNS, decode_text, read, write};
pub use plan::{Home, Plan, Resolved, Slot, Source, Tag, Timing};
pub use scaling::{Linear, Precision, Scaling, agrees, to_bool, to_double, to_single, to_whole};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Most points of one group: a batch is one moment, and a device with more is asked in staggered portions.
pub const GROUP_POINTS: usize = 4_000;

/// What is wrong with a text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to write.
    pub help: String,
}

impl Wrong {
    /// Both in words.
    pub fn new(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), help: help.into() }
    }
}

/// A protocol's own struct for one tag.
pub trait TagEntry: Serialize + DeserializeOwned + JsonSchema {
    /// Its own columns in a tag list, `at` first, named like its keys: words, texts, numbers or true and false.
    const COLUMNS: &'static [&'static str];

    /// The keys that all protocols have.
    fn keys(&self) -> &TagKeys;
}

/// Points by scan class, in portions of at most [`GROUP_POINTS`]; within a class the order stays.
pub fn portions<P>(mut points: Vec<P>, class: impl Fn(&P) -> usize) -> Vec<(usize, Vec<P>)> {
    points.sort_by_key(&class);
    let mut portions: Vec<(usize, Vec<P>)> = Vec::new();
    for point in points {
        match portions.last_mut() {
            Some((of, portion)) if *of == class(&point) && portion.len() < GROUP_POINTS => {
                portion.push(point)
            }
            _ => portions.push((class(&point), vec![point])),
        }
    }
    portions
}
