use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that messages of a connection may ask to be written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OrderWay {
    /// Its name in the file.
    pub command: String,
    /// What it comes with: a topic, a subject, the path of a post, a table.
    pub at: String,
    /// Path of the point that is written.
    pub target: String,
    /// Path of the point that says what became of the last order.
    pub outcome: String,
    /// `commands = "on"` stands in the file.
    pub allowed: bool,
}

/// What came by itself and was not taken, since start.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LeftOut {
    /// From somebody who may not (wrong address, community, user or token), or more than is taken.
    pub rejected: u64,
    /// Beyond the room of the connection.
    pub no_room: u64,
    /// Read by no tag.
    pub unclaimed: u64,
    /// In the journal already.
    pub repeated: u64,
}
