//! What the HTTP API sends and takes, as types: the same types make the OpenAPI document.
//!
//! Times are milliseconds since 1970-01-01 UTC, with a fraction. The largest answers (points, ranges, trends, live
//! values) are written by hand for speed; a test reads them back into these types.

mod admin;
mod arrivals;
mod assets;
mod change;
mod characterise;
mod commands;
mod configuration;
mod discover;
mod guard;
mod history;
mod monitor;
mod monitor_findings;
mod plant;
mod points;
mod schema;
mod session;

pub use admin::*;
pub use arrivals::*;
pub use assets::*;
pub use change::*;
pub use characterise::*;
pub use commands::*;
pub use configuration::*;
pub use discover::*;
pub use guard::*;
pub use history::*;
pub use monitor::*;
pub use monitor_findings::*;
pub use plant::*;
pub use points::*;
pub use schema::*;
pub use session::*;

use model::{Event, Time};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Milliseconds since 1970-01-01 UTC.
pub type Millis = f64;

/// The body of every error: what happened, what it means for the plant, the next step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorParts,
}

/// The parts of an error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ErrorParts {
    /// For programs, e.g. `not-found`.
    pub code: String,
    /// What happened.
    pub title: String,
    /// What it means for the plant.
    pub meaning: String,
    /// The next step.
    pub next: String,
}

/// An empty answer: it was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Done {}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventShape {
    /// Stable for one occurrence.
    pub id: String,
    /// From 1; grows as the event changes.
    pub revision: u32,
    /// `alarm`, `finding`, `fault`, `interval` or `change`.
    #[schema(value_type = String)]
    pub kind: model::EventKind,
    /// Who says so: a path, `connection/NAME`, `destination/NAME`, a room.
    pub source: String,
    /// When it began, ms.
    pub start: Millis,
    /// When it ended, ms.
    pub end: Option<Millis>,
    /// 1-1000.
    pub severity: u16,
    /// `active`, `cleared`, `acknowledged` or `info`.
    #[schema(value_type = String)]
    pub state: model::EventState,
    /// What happened.
    pub title: String,
    /// What it means.
    pub text: String,
    /// The next step.
    pub next: Option<String>,
    /// Paths and names concerned.
    pub refs: Vec<String>,
}

impl From<&Event> for EventShape {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            revision: event.revision,
            kind: event.kind,
            source: event.source.clone(),
            start: event.start.millis_f64(),
            end: event.end.map(Time::millis_f64),
            severity: event.severity,
            state: event.state,
            title: event.title.clone(),
            text: event.text.clone(),
            next: Some(event.next.clone()).filter(|next| !next.is_empty()),
            refs: event.refs.clone(),
        }
    }
}

/// A page of events, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventShape>,
    /// Give it as `before` for the next page.
    pub next: Option<String>,
}
