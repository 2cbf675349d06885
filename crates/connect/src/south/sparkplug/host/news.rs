//! What a host says about what it hears.

use crate::mqtt::sparkplug::PropertySet;
use model::{Status, Time, Value, ValueType};
use std::sync::Arc;

/// How much a host takes in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes and devices together.
    pub owners: usize,
    /// Metrics of all of them.
    pub metrics: usize,
}

/// A node, or a device of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Group id.
    pub group: Arc<str>,
    /// Edge node id.
    pub node: Arc<str>,
    /// Device id; `None`: the node itself.
    pub device: Option<Arc<str>>,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.group, self.node)?;
        self.device.as_ref().map_or(Ok(()), |device| write!(f, "/{device}"))
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Number of the metric, as long as the host lives.
    pub metric: u32,
    /// The value; `None` where there is none.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// The node's time of it.
    pub time: Option<Time>,
    /// Not the newest value: for history only.
    pub historical: bool,
}

/// One metric of a birth.
#[derive(Clone, Debug, PartialEq)]
pub struct Born {
    /// Its name.
    pub name: Arc<str>,
    /// Its data type in Sparkplug.
    pub datatype: u32,
    /// The type of its point.
    pub value_type: ValueType,
    /// What the birth says about it.
    pub properties: PropertySet,
    /// Its value.
    pub sample: Sample,
}

/// What a message means.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    /// These are its metrics now; those in `gone` are none of it any more.
    Born {
        /// Whose.
        owner: Owner,
        /// All of them.
        metrics: Vec<Born>,
        /// Numbers of metrics that the birth before had.
        gone: Vec<u32>,
    },
    /// New values.
    Data {
        /// Whose.
        owner: Owner,
        /// In the order of the message.
        samples: Vec<Sample>,
    },
    /// It is gone; of a node, its devices are told one by one.
    Died(Owner),
    /// Messages of the node were missed; it will be born again.
    Unsure(Owner),
    /// Ask the node for its births.
    Ask(Owner),
    /// Nothing was taken from the message, or not all.
    Ignored(Ignored),
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// The payload or the message is none of Sparkplug.
    Malformed(&'static str),
    /// The node or device was not born, or messages of it were missed.
    Unborn,
    /// A death of an earlier session.
    OldDeath,
    /// This many metrics have a type that is no single value.
    Unsupported(usize),
    /// There is no room for it.
    NoRoom(usize),
}
