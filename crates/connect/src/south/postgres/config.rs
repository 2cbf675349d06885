//! The configuration file of a connection of `kind = "postgres"`, as it is written.

use crate::north::Switch;
use crate::postgres::DatabaseKeys;
use crate::south::messages::Device;
use model::config::Period;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One table.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct File {
    /// The kind of connection: "postgres"
    #[serde(rename = "kind")]
    pub _kind: String,
    /// The database and how it is reached
    #[serde(flatten)]
    pub database: DatabaseKeys,
    /// The table whose new rows are read, with its schema: "public.orders"
    pub table: String,
    /// A column that only grows from row to row, e.g. "id": how far we have read is one of its values
    pub cursor: String,
    /// How often to look for new rows
    #[serde(default = "five_seconds")]
    pub poll: Period,
    /// A channel (`NOTIFY`) that says that there are new rows, to look at once
    pub notify: Option<String>,
    /// Where to begin the first time: "now" (rows that come from now on) or "oldest" (every row of the table)
    #[serde(default)]
    pub start: Start,
    /// "on": what rows ask for under [device.NAME.commands] is done, on the one command path
    #[serde(default)]
    pub commands: Switch,
    /// What the rows speak of, by name. `at` of a tag is the table, `value` the way to a column: "/quantity"
    pub device: BTreeMap<String, Device>,
}

/// Where to begin the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Rows that come from now on.
    #[default]
    Now,
    /// Every row of the table.
    Oldest,
}

const fn five_seconds() -> Period {
    Period::millis(5_000)
}
