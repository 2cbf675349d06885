//! Opening the room, and its housekeeping.

use crate::certificate::CertificateAuthority;
use crate::hasher::Hasher;
use crate::listener::ListenerTls;
use crate::secret::Secrets;
use crate::session::Sessions;
use crate::table::Table;
use crate::throttle::Throttle;
use crate::token::{Tokens, Uses};
use crate::user::Users;
use crate::{AccessError, LedgerFile, files};
use model::{Clock, Principal, Role};
use namespace::Entry;
use parking_lot::Mutex;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The ledger's name inside the folder of [`Access::open`].
pub const LEDGER_FILE: &str = "ledger.jsonl";

/// How long things are valid.
#[derive(Clone, Debug)]
pub struct Options {
    /// A session ends after this long without a request. Default 12 h.
    pub session_idle: Duration,
    /// A session ends after this long in any case. Default 7 days.
    pub session_longest: Duration,
    /// A one-time link or set-up token is valid for this long. Default 24 h.
    pub link_valid: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let hours = |n: u64| Duration::from_secs(n * 3600);
        Self { session_idle: hours(12), session_longest: hours(7 * 24), link_valid: hours(24) }
    }
}

/// Everything about identity, secrets and audit. A cheap handle; the folder is locked while one lives.
#[derive(Clone)]
pub struct Access(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) dir: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) ledger: Arc<LedgerFile>,
    pub(crate) users: Table<Users>,
    pub(crate) tokens: Table<Tokens>,
    pub(crate) uses: Uses,
    pub(crate) sessions: Sessions,
    pub(crate) secrets: Secrets,
    pub(crate) throttle: Throttle,
    pub(crate) hasher: Hasher,
    pub(crate) refusals: Mutex<crate::signin::Refusals>,
    pub(crate) authority: CertificateAuthority,
    /// For challenges to names that do not exist.
    pub(crate) invention: zeroize::Zeroizing<[u8; 32]>,
    pub(crate) listeners: Mutex<Vec<Arc<ListenerTls>>>,
    _lock: File,
}

impl Access {
    /// Opens the folder `dir`, which is this room's alone (created 0700 if missing).
    ///
    /// # Errors
    /// [`AccessError::InUse`] if another process has it, [`AccessError::Corrupt`] names a damaged file and what to do:
    /// a damaged users file never opens a door.
    pub fn open(dir: &Path, clock: Arc<dyn Clock>) -> Result<Self, AccessError> {
        let (access, problems) = Self::open_anyway(dir, clock, Options::default())?;
        problems.into_iter().next().map_or(Ok(access), Err)
    }

    /// Opens the folder even if files in it cannot be used, and tells which: recording must not stop for them. What
    /// cannot be used is closed, never open: without users nobody signs in, nobody is set up anew, and nothing is
    /// written to the plant; without tokens no token is known; without the ledger nothing is changed or written.
    ///
    /// # Errors
    /// [`AccessError::InUse`] if another process has it, [`AccessError::Io`] if the folder itself cannot be used.
    pub fn open_anyway(
        dir: &Path,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<(Self, Vec<AccessError>), AccessError> {
        files::private_dir(dir)?;
        let lock = files::lock(dir)?;
        let mut problems = Vec::new();
        let path = dir.join(LEDGER_FILE);
        let ledger = LedgerFile::open(&path, clock.clone()).unwrap_or_else(|error| {
            let closed = LedgerFile::closed(&path, clock.clone(), &error);
            problems.push(error);
            closed
        });
        let inner = Inner {
            users: Table::open(dir.join("users.json"), &mut problems, Users::check),
            tokens: Table::open(dir.join("tokens.json"), &mut problems, |_, _| Ok(())),
            uses: Uses::default(),
            sessions: Sessions::open(dir.join("sessions.json"), clock.now(), &options),
            secrets: Secrets::open(dir, &mut problems),
            throttle: Throttle::new(clock.clone()),
            hasher: Hasher::new(),
            refusals: Mutex::default(),
            invention: crate::random::bytes::<32>()?,
            authority: CertificateAuthority::new(dir.join("ca"), clock.clone()),
            listeners: Mutex::default(),
            ledger,
            dir: dir.to_owned(),
            clock,
            options,
            _lock: lock,
        };
        for problem in &problems {
            tracing::error!(%problem, "a file of the access room cannot be used; what it holds is closed until it is put right");
        }
        Ok((Self(Arc::new(inner)), problems))
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The audit ledger.
    pub fn ledger(&self) -> &Arc<LedgerFile> {
        &self.0.ledger
    }

    /// The built-in certificate authority; it comes into being when a certificate is first asked for.
    pub fn certificate_authority(&self) -> &CertificateAuthority {
        &self.0.authority
    }

    /// The machine's owner, as reached through the owner-only socket or the command line; `uid` is for the ledger.
    pub fn owner(uid: u32) -> Principal {
        Principal { name: format!("local:{uid}"), role: Role::Administrator, prefix: None }
    }

    /// What is to be done from time to time (every 10 s to 60 s): forget what expired, save last uses, list refused
    /// sign-ins that were not listed singly, renew listener certificates. Blocks for disk syncs when there is
    /// something to save. Failures are logged and tried again the next time.
    pub fn housekeeping(&self) {
        self.flush_refusals(false);
        self.save_soft();
        let mut listeners = self.0.listeners.lock();
        listeners.retain(ListenerTls::is_in_use);
        let all = listeners.clone();
        drop(listeners);
        for listener in all {
            listener.renew(&self.0.authority);
        }
    }

    /// Saves everything that waits to be saved. The last handle dropped does this as well.
    pub fn close(&self) {
        self.flush_refusals(true);
        self.save_soft();
    }

    fn save_soft(&self) {
        let inner = &*self.0;
        let now = inner.clock.now();
        let saves = [
            ("sessions", inner.sessions.save(now, &inner.options)),
            ("token uses", inner.uses.save(&inner.tokens)),
            ("ledger head", inner.ledger.save_head()),
        ];
        for (what, saved) in saves {
            if let Err(error) = saved {
                tracing::warn!(what, %error, "could not be saved; tried again later");
            }
        }
    }

    /// Writes one line; a failure is logged and goes on. For reading and display, which never stop for the ledger.
    pub(crate) fn note(&self, entry: &Entry) {
        if let Err(error) = self.0.ledger.append(entry) {
            tracing::error!(%error, action = entry.action, "not recorded in the audit ledger");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let now = self.clock.now();
        let saved = self
            .sessions
            .save(now, &self.options)
            .and_then(|()| self.uses.save(&self.tokens))
            .and_then(|()| self.ledger.save_head());
        if let Err(error) = saved {
            tracing::warn!(%error, "last uses could not be saved at the end");
        }
    }
}

/// A line for the ledger.
pub(crate) fn entry(
    actor: &str,
    action: &str,
    object: &str,
    outcome: &str,
    detail: impl Into<String>,
) -> Entry {
    Entry {
        actor: actor.into(),
        action: action.into(),
        object: object.into(),
        outcome: outcome.into(),
        detail: detail.into(),
    }
}

/// Refuses an actor below `role`, and one who is confined to a part of the namespace.
pub(crate) fn require(actor: &Principal, role: Role) -> Result<(), AccessError> {
    if actor.role < role {
        return Err(AccessError::Forbidden(format!("this needs the role {role}; you are {}", actor.role)));
    }
    if actor.prefix.is_some() {
        return Err(AccessError::Forbidden(
            "a principal confined to a part of the plant cannot do this".into(),
        ));
    }
    Ok(())
}
