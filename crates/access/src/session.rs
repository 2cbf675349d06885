//! Sessions: 256 random bits in a cookie, their hash on disk.

use crate::open::{Options, entry};
use crate::{Access, AccessError, random, table};
use model::{Principal, Role, Time};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Sessions kept, over all users.
const MAX_SESSIONS: usize = 10_000;
/// Sessions per user; a new one ends the one that was idle longest.
const MAX_PER_USER: usize = 50;
/// How long after a link sign-in a password may be set without the old one.
const SET_PASSWORD: Duration = Duration::from_secs(1_800);

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SessionRow {
    pub(crate) user: String,
    created: Time,
    seen: Time,
    source: String,
    /// Until when a password may be set without the old one.
    #[serde(default)]
    set_password_until: Option<Time>,
}

impl SessionRow {
    fn expires(&self, options: &Options) -> Time {
        self.created.after(options.session_longest).min(self.seen.after(options.session_idle))
    }
}

#[derive(Default, Serialize, Deserialize)]
struct Rows {
    sessions: HashMap<String, SessionRow>,
}

/// All sessions.
pub(crate) struct Sessions {
    path: PathBuf,
    rows: Mutex<HashMap<String, SessionRow>>,
    unsaved: AtomicBool,
    saving: Mutex<()>,
}

/// A valid session, looked up anew for each request.
#[derive(Clone, PartialEq)]
pub struct Session {
    /// Who, with the role of this moment.
    pub principal: Principal,
    /// The user's name.
    pub user: String,
    /// The role of this moment.
    pub role: Role,
    /// Begun.
    pub created: Time,
    /// Ends then if nothing is asked meanwhile.
    pub expires: Time,
    /// Whether a password may be set without the old one (after a link).
    pub may_set_password: bool,
    /// Public name of the session, for rate limits: not the cookie, not its hash.
    pub key: String,
    csrf: String,
}

impl Session {
    /// The value that `x-csrf-token` must have.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }

    /// Whether `given` is that value; takes the same time whatever is given.
    pub fn csrf_matches(&self, given: &str) -> bool {
        self.csrf.as_bytes().ct_eq(given.as_bytes()).into()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("user", &self.user).field("role", &self.role).finish_non_exhaustive()
    }
}

/// A sign-in that succeeded.
pub struct SignedIn {
    /// For the cookie; shown to nobody else, kept nowhere.
    pub cookie: Zeroizing<String>,
    /// The session.
    pub session: Session,
}

impl fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedIn").field("session", &self.session).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Reads what is there. Sessions are no treasure: a damaged file is set aside and everybody signs in again.
    pub(crate) fn open(path: PathBuf, now: Time, options: &Options) -> Self {
        let rows = match table::load::<Rows>(&path) {
            Ok(rows) => rows.unwrap_or_default().sessions,
            Err(error) => {
                let aside = path.with_extension(format!("damaged-{}", now.millis()));
                tracing::warn!(%error, kept = %aside.display(), "sessions are lost, everybody signs in again");
                if let Err(error) = std::fs::rename(&path, &aside) {
                    tracing::warn!(%error, "the damaged sessions file could not be set aside");
                }
                HashMap::new()
            }
        };
        let mut rows = rows;
        rows.retain(|_, row| row.expires(options) > now);
        Self { path, rows: Mutex::new(rows), unsaved: AtomicBool::new(false), saving: Mutex::new(()) }
    }

    /// Saves if anything changed since the last time, without what expired.
    pub(crate) fn save(&self, now: Time, options: &Options) -> Result<(), AccessError> {
        let _one_at_a_time = self.saving.lock();
        let rows = {
            let mut rows = self.rows.lock();
            let before = rows.len();
            rows.retain(|_, row| row.expires(options) > now);
            if !self.unsaved.swap(false, Ordering::AcqRel) && rows.len() == before {
                return Ok(());
            }
            Rows { sessions: rows.clone() }
        };
        table::save(&self.path, &rows).inspect_err(|_| self.unsaved.store(true, Ordering::Release))
    }

    fn insert(&self, hash: String, row: SessionRow) {
        let mut rows = self.rows.lock();
        let own = rows.values().filter(|other| other.user.eq_ignore_ascii_case(&row.user)).count();
        let crowded = if own >= MAX_PER_USER { Some(row.user.clone()) } else { None };
        if crowded.is_some() || rows.len() >= MAX_SESSIONS {
            let oldest = rows
                .iter()
                .filter(|(_, other)| {
                    crowded.as_ref().is_none_or(|user| other.user.eq_ignore_ascii_case(user))
                })
                .min_by_key(|(_, other)| other.seen)
                .map(|(key, _)| key.clone());
            oldest.map(|key| rows.remove(&key));
        }
        rows.insert(hash, row);
        self.unsaved.store(true, Ordering::Release);
    }

    fn remove(&self, hash: &str) -> Option<SessionRow> {
        let removed = self.rows.lock().remove(hash);
        if removed.is_some() {
            self.unsaved.store(true, Ordering::Release);
        }
        removed
    }

    /// Ends sessions of `user`, except the one with hash `keep`. Returns how many.
    fn end_of(&self, user: &str, keep: Option<&str>) -> usize {
        let mut rows = self.rows.lock();
        let before = rows.len();
        rows.retain(|hash, row| !row.user.eq_ignore_ascii_case(user) || keep == Some(hash.as_str()));
        let ended = before - rows.len();
        if ended > 0 {
            self.unsaved.store(true, Ordering::Release);
        }
        ended
    }
}

impl Access {
    /// The session behind a cookie, if it is valid now; counts as use. Takes no disk access.
    pub fn session(&self, cookie: &str) -> Option<Session> {
        let hash = random::digest_hex(cookie);
        let now = self.0.clock.now();
        let row = {
            let mut rows = self.0.sessions.rows.lock();
            let row = rows.get_mut(&hash)?;
            if row.expires(&self.0.options) <= now {
                rows.remove(&hash);
                self.0.sessions.unsaved.store(true, Ordering::Release);
                return None;
            }
            if now.since(row.seen) >= Duration::from_secs(60) {
                self.0.sessions.unsaved.store(true, Ordering::Release);
            }
            row.seen = row.seen.max(now);
            row.clone()
        };
        self.session_of(&row, cookie, &hash, now)
    }

    fn session_of(&self, row: &SessionRow, cookie: &str, hash: &str, now: Time) -> Option<Session> {
        let users = self.0.users.get();
        let user = users.find(&row.user).filter(|user| !user.disabled)?;
        Some(Session {
            principal: user.principal(),
            user: user.name.clone(),
            role: user.role,
            created: row.created,
            expires: row.expires(&self.0.options),
            may_set_password: row.set_password_until.is_some_and(|until| until > now),
            key: random::digest_hex(&format!("key {hash}")),
            csrf: random::digest_hex(&format!("csrf {cookie}")),
        })
    }

    /// Begins a session for `user`. Saved before it is given out; if that fails it lives in memory alone.
    pub(crate) fn begin_session(
        &self,
        user: &str,
        source: &str,
        by_link: bool,
    ) -> Result<SignedIn, AccessError> {
        let cookie = random::token("")?;
        let hash = random::digest_hex(&cookie);
        let now = self.0.clock.now();
        let row = SessionRow {
            user: user.to_owned(),
            created: now,
            seen: now,
            source: source.chars().take(64).collect(),
            set_password_until: by_link.then(|| now.after(SET_PASSWORD)),
        };
        self.0.sessions.insert(hash.clone(), row.clone());
        if let Err(error) = self.0.sessions.save(now, &self.0.options) {
            tracing::warn!(%error, "the session will not survive a restart");
        }
        let session = self.session_of(&row, &cookie, &hash, now).ok_or(AccessError::SignedOut)?;
        Ok(SignedIn { cookie, session })
    }

    /// Ends the session behind a cookie. Blocks for a disk sync.
    pub fn sign_out(&self, cookie: &str) {
        let Some(row) = self.0.sessions.remove(&random::digest_hex(cookie)) else { return };
        self.note(&entry(&format!("user:{}", row.user), "sign-out", &row.user, "done", row.source));
        self.save_sessions();
    }

    /// Ends all sessions of a user.
    pub(crate) fn end_sessions_of(&self, user: &str) {
        self.0.sessions.end_of(user, None);
        self.save_sessions();
    }

    /// Ends all sessions of a user but the one behind `cookie`, which may no longer set a password without the old one.
    pub(crate) fn end_other_sessions(&self, user: &str, cookie: &str) -> usize {
        let keep = random::digest_hex(cookie);
        if let Some(row) = self.0.sessions.rows.lock().get_mut(&keep) {
            row.set_password_until = None;
        }
        self.0.sessions.unsaved.store(true, Ordering::Release);
        let ended = self.0.sessions.end_of(user, Some(&keep));
        self.save_sessions();
        ended
    }

    fn save_sessions(&self) {
        if let Err(error) = self.0.sessions.save(self.0.clock.now(), &self.0.options) {
            tracing::warn!(%error, "ended sessions are ended, but would be back after a restart; saved again soon");
        }
    }
}
