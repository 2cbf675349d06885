//! Faults: the closed list of what goes wrong between Ironbridge and the other side.

use std::borrow::Cow;

/// One thing that went wrong. Each carries a short cause for the expert; [`Fault::words`] is for everybody.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The connection could not be opened.
    #[error("cannot connect: {0}")]
    Connect(Cow<'static, str>),
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(Cow<'static, str>),
    /// No answer within the time-out.
    #[error("no answer within {timeout_ms} ms")]
    Timeout {
        /// The time-out that passed.
        timeout_ms: u64,
    },
    /// The other side answered with an error of its protocol.
    #[error("refused with code {code}: {text}")]
    Exception {
        /// The protocol's code.
        code: u32,
        /// The protocol's name for it.
        text: Cow<'static, str>,
    },
    /// The other side broke its protocol.
    #[error("broken answer: {0}")]
    Protocol(Cow<'static, str>),
    /// Certificates, passwords, rights.
    #[error("refused: {0}")]
    Security(Cow<'static, str>),
    /// A secret that a file names was never set.
    #[error("the secret `{0}` is not set: run `ironbridge secret set {0}`")]
    Secret(String),
    /// The configuration does not fit the other side.
    #[error("configuration: {0}")]
    Config(Cow<'static, str>),
    /// Asked to stop.
    #[error("stopped")]
    Stopped,
}

/// What a fault does to the session it happened in. The only place where that is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The session goes on; the request failed.
    Continue,
    /// The session ends and is opened anew with backoff.
    Reconnect,
    /// Opened anew, but slowly: a person has to change something first.
    ReconnectSlowly,
    /// Over, on purpose.
    End,
}

impl Fault {
    /// What this fault does to its session.
    pub const fn consequence(&self) -> Consequence {
        match self {
            Self::Timeout { .. } | Self::Exception { .. } | Self::Config(_) => Consequence::Continue,
            Self::Connect(_) | Self::Lost(_) | Self::Protocol(_) => Consequence::Reconnect,
            Self::Security(_) | Self::Secret(_) => Consequence::ReconnectSlowly,
            Self::Stopped => Consequence::End,
        }
    }

    /// For pages and events: what happened, what it means, the next step.
    pub fn words(&self) -> (String, &'static str, &'static str) {
        let (meaning, next) = match self {
            Self::Connect(_) => (
                "Its points keep their last value with a bad quality until it answers.",
                "Check that the device is on, the address and port are right, and no firewall is between.",
            ),
            Self::Lost(_) => (
                "Its points keep their last value with a bad quality; Ironbridge tries again by itself.",
                "If it comes back, nothing is to be done. If it repeats, check cable, switch and device, and whether others hold all its connections.",
            ),
            Self::Timeout { .. } => (
                "The points of this request are not fresh.",
                "Check the address of the device (unit, slot, instance), on a serial line also baud rate, parity and wiring, with SNMP community and passwords, and that it is not overloaded; a longer `timeout` helps slow devices.",
            ),
            Self::Exception { .. } => (
                "The device is alive but does not do what is asked; only the points concerned are bad.",
                "Compare the addresses and types in the file with the device's manual or program.",
            ),
            Self::Protocol(_) => (
                "Nothing of the answer was used; the session starts anew.",
                "Check that the other side speaks this protocol on this port, and that nobody else shares its line.",
            ),
            Self::Security(_) => (
                "Nothing is exchanged until it is put right.",
                "Check certificates, user name and password on both sides.",
            ),
            Self::Secret(_) => (
                "Nothing is exchanged until it is set; it stands in no file.",
                "Run this command on the gateway, or set the secret on the page Users; within 30 s it is tried again.",
            ),
            Self::Config(_) => (
                "The points concerned are bad until it is changed.",
                "Change the configuration and apply it.",
            ),
            Self::Stopped => {
                ("Nothing is read until it is started again.", "Resume it when the work is done.")
            }
        };
        (self.to_string(), meaning, next)
    }
}
