//! Events: what happened, in words, in the same journal as the samples.

use crate::Time;
use serde::{Deserialize, Serialize};

/// The five words for what happens in a plant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A process condition that needs an operator (ISA-18.2).
    Alarm,
    /// Security.
    Finding,
    /// Ironbridge itself, a connection or a destination.
    Fault,
    /// Batch, order, shift, downtime.
    Interval,
    /// Configuration, access, command.
    Change,
}

impl EventKind {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Alarm => "alarm",
            Self::Finding => "finding",
            Self::Fault => "fault",
            Self::Interval => "interval",
            Self::Change => "change",
        }
    }
}

/// Where an event stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventState {
    /// Lasts.
    Active,
    /// Lasts, and a person has seen it.
    Acknowledged,
    /// Over.
    Cleared,
    /// A thing that happened, without duration.
    Info,
}

impl EventState {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Acknowledged => "acknowledged",
            Self::Cleared => "cleared",
            Self::Info => "info",
        }
    }
}

/// Severities, 1-1000 as in OPC UA (OPC 10000-5, 6.4.2); one table for every output format.
pub mod severity {
    /// For the record.
    pub const INFO: u16 = 100;
    /// Someone should look some day.
    pub const LOW: u16 = 300;
    /// Someone should look today.
    pub const MEDIUM: u16 = 500;
    /// Someone must act soon.
    pub const HIGH: u16 = 700;
    /// Someone must act now.
    pub const CRITICAL: u16 = 900;

    /// The word for a severity.
    pub const fn word(severity: u16) -> &'static str {
        match severity {
            0..=199 => "info",
            200..=399 => "low",
            400..=599 => "medium",
            600..=799 => "high",
            _ => "critical",
        }
    }

    /// Of a syslog severity, 0 (emergency) to 7 (debug; RFC 5424, 6.2.1, table 2).
    pub const fn from_syslog(severity: u8) -> u16 {
        match severity {
            0 | 1 => CRITICAL,
            2 => HIGH,
            3 => MEDIUM,
            4 => LOW,
            _ => INFO,
        }
    }
}

/// One event. A later revision with the same id replaces an earlier one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Stable for one occurrence, e.g. `connection/line-1/lost/1a2b`.
    pub id: String,
    /// From 1; grows as the event changes.
    pub revision: u32,
    /// Which of the five words.
    pub kind: EventKind,
    /// Who says so: a path, `connection/line-1`, `destination/hq`, `journal`.
    pub source: String,
    /// When it began.
    pub start: Time,
    /// When it ended.
    pub end: Option<Time>,
    /// 1-1000.
    pub severity: u16,
    /// Where it stands.
    pub state: EventState,
    /// One sentence: what happened.
    pub title: String,
    /// What it means for the plant, with figures.
    pub text: String,
    /// The next step for whoever reads it; empty when there is none.
    #[serde(default)]
    pub next: String,
    /// Paths and names concerned.
    #[serde(default)]
    pub refs: Vec<String>,
}

impl Event {
    /// A thing that happened, without duration.
    pub fn info(
        kind: EventKind,
        id: impl Into<String>,
        source: impl Into<String>,
        at: Time,
        title: impl Into<String>,
    ) -> Self {
        Self {
            id: id.into(),
            revision: 1,
            kind,
            source: source.into(),
            start: at,
            end: None,
            severity: severity::INFO,
            state: EventState::Info,
            title: title.into(),
            text: String::new(),
            next: String::new(),
            refs: Vec::new(),
        }
    }

    /// A condition that lasts until [`Event::cleared`].
    pub fn active(
        kind: EventKind,
        id: impl Into<String>,
        source: impl Into<String>,
        at: Time,
        severity: u16,
        title: impl Into<String>,
    ) -> Self {
        Self { severity, state: EventState::Active, ..Self::info(kind, id, source, at, title) }
    }

    /// The same event with its meaning and the next step.
    #[must_use]
    pub fn explained(mut self, text: impl Into<String>, next: impl Into<String>) -> Self {
        self.text = text.into();
        self.next = next.into();
        self
    }

    /// The next revision: over since `at`.
    #[must_use]
    pub fn cleared(&self, at: Time) -> Self {
        Self { revision: self.revision + 1, end: Some(at), state: EventState::Cleared, ..self.clone() }
    }
}
