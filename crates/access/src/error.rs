//! What can go wrong, for people and for the HTTP API.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// An error of this room. [`AccessError::words`] is for people, [`AccessError::code`] for programs.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is damaged or of a newer version.
    #[error("{}: {why}", path.display())]
    Corrupt {
        /// Which.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// Another process has the folder open.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The change was not made because it could not be recorded.
    #[error("the audit ledger cannot be written: {0}")]
    Ledger(String),
    /// No such thing.
    #[error("there is no {kind} `{name}`")]
    NotFound {
        /// Of which kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The name is taken.
    #[error("there is a {kind} `{name}` already")]
    Exists {
        /// Of which kind.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Not acceptable; the text says what would be.
    #[error("{0}")]
    Invalid(String),
    /// Not allowed; the text says to whom it is.
    #[error("{0}")]
    Forbidden(String),
    /// Sign-in refused. Says nothing about which part was wrong.
    #[error("name or password is wrong")]
    Wrong,
    /// A link or set-up token that is unknown, used or too old.
    #[error("this link is not valid any more")]
    Link,
    /// The set-up link was used, or the owner made an administrator.
    #[error("this gateway is set up already: an administrator exists")]
    SetUpAlready,
    /// A set-up token that is unknown, replaced by a newer one or too old, while nobody is set up.
    #[error("this set-up link is not valid any more")]
    SetUpLink,
    /// Too many failures.
    #[error("too many failed attempts; try again in {} s", .retry_after.as_secs() + 1)]
    Limited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Too many sign-ins at the same moment.
    #[error("too many people sign in right now; try again in a moment")]
    Busy,
    /// The session is gone.
    #[error("you are signed out")]
    SignedOut,
    /// Certificates.
    #[error("certificate: {0}")]
    Certificate(String),
}

impl AccessError {
    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } | Self::Corrupt { .. } | Self::InUse(_) => "storage",
            Self::Ledger(_) => "ledger",
            Self::NotFound { .. } => "not-found",
            Self::Exists { .. } => "exists",
            Self::Invalid(_) => "invalid",
            Self::Forbidden(_) => "forbidden",
            Self::Wrong => "wrong-credentials",
            Self::Link => "link-invalid",
            Self::SetUpAlready => "set-up-already",
            Self::SetUpLink => "set-up-link",
            Self::Limited { .. } => "limited",
            Self::Busy => "busy",
            Self::SignedOut => "signed-out",
            Self::Certificate(_) => "certificate",
        }
    }

    /// The HTTP status that fits.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Wrong | Self::Link | Self::SetUpAlready | Self::SetUpLink | Self::SignedOut => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound { .. } => 404,
            Self::Exists { .. } => 409,
            Self::Invalid(_) => 422,
            Self::Limited { .. } | Self::Busy => 429,
            Self::Ledger(_) => 503,
            Self::Io { .. } | Self::Corrupt { .. } | Self::InUse(_) | Self::Certificate(_) => 500,
        }
    }

    /// Title, what it means, the next step. Holds no path of the machine: fit for the API.
    pub fn words(&self) -> (String, &'static str, &'static str) {
        let (meaning, next) = match self {
            Self::Io { .. } | Self::Corrupt { .. } | Self::InUse(_) => {
                return (
                    "a file of the access room cannot be used".into(),
                    "The change was not made; reading and recording go on.",
                    "Look into the log of Ironbridge: it names the file and what to do.",
                );
            }
            Self::Ledger(_) => {
                return (
                    "the audit ledger cannot be written".into(),
                    "Nothing is changed and nothing is written to the plant while it cannot be recorded.",
                    "Check the disk of the data folder; the log names the cause.",
                );
            }
            Self::NotFound { .. } => {
                ("Nothing was changed.", "Check the name; it may have been removed meanwhile.")
            }
            Self::Exists { .. } => ("Nothing was changed.", "Take another name."),
            Self::Invalid(_) => ("Nothing was changed.", "Correct the entry and send it again."),
            Self::Forbidden(_) => ("Nothing was changed.", "Ask an administrator."),
            Self::Wrong => {
                ("You are not signed in.", "Try again; an administrator can send you a one-time link.")
            }
            Self::Link => {
                ("You are not signed in.", "Ask for a new link: `ironbridge user link NAME` on the machine.")
            }
            Self::SetUpAlready => (
                "The link works once and has done its work. Nothing was changed.",
                "Sign in with name and password. If you have none, an administrator can add you; if the administrator is \
                 lost, the owner of the machine makes a link for one with `ironbridge user link NAME`.",
            ),
            Self::SetUpLink => (
                "Nobody is set up yet; the plant is read and recorded all the same.",
                "Use the newest link: each start of Ironbridge prints one that replaces those before and is valid for a day.",
            ),
            Self::Limited { .. } | Self::Busy => ("You are not signed in.", "Wait, then try again."),
            Self::SignedOut => ("Nothing is shown and nothing was changed.", "Sign in again."),
            Self::Certificate(_) => {
                ("The listener does not start without it.", "Check the certificate files.")
            }
        };
        (self.to_string(), meaning, next)
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }
}
