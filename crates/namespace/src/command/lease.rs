//! Leases: a person holds the right to write a part of the plant for a time.

use super::{CommandError, entry, is_person};
use crate::Namespace;
use model::{Event, EventKind, Path, Principal, Role, Time};
use std::time::Duration;

/// Shortest and longest lease.
const SPAN: std::ops::RangeInclusive<Duration> = Duration::from_secs(60)..=Duration::from_secs(8 * 3_600);
/// Most leases at the same time.
const MOST: usize = 256;

/// The right of one person to write what is at and under a path; others see who holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// An asset, a folder or a point.
    pub path: Path,
    /// Who: [`Principal::name`].
    pub holder: String,
    /// Since when.
    pub since: Time,
    /// It ends by itself.
    pub until: Time,
    /// Why, in the holder's words.
    pub reason: String,
}

fn overlap(a: &Path, b: &Path) -> bool {
    a.is_under(b.as_str()) || b.is_under(a.as_str())
}

impl Namespace {
    /// The leases that last now, by path.
    pub fn leases(&self) -> Vec<Lease> {
        let now = self.0.clock.now();
        let mut leases = self.0.commands.leases.lock();
        leases.retain(|lease| lease.until > now);
        let mut all = leases.clone();
        all.sort_by(|a, b| a.path.as_str().cmp(b.path.as_str()));
        all
    }

    /// The lease that another person holds on this point, as a reason.
    pub(super) fn not_leased_to_another(&self, who: &Principal, path: &Path) -> Result<(), String> {
        let held = self
            .leases()
            .into_iter()
            .find(|lease| path.is_under(lease.path.as_str()) && lease.holder != who.name);
        match held {
            Some(lease) => {
                let (holder, until) = (&lease.holder, lease.until.rfc3339());
                Err(format!("{holder} holds the right to write {} until {until}", lease.path))
            }
            None => Ok(()),
        }
    }

    /// Gives `who` the right to write at and under `path` for `span` (1 min to 8 h); asked again, it lasts from now on.
    ///
    /// # Errors
    /// [`CommandError`]: nothing is there, another person holds it, or `who` may not write there.
    pub async fn take_lease(
        &self,
        who: &Principal,
        path: &Path,
        span: Duration,
        reason: &str,
    ) -> Result<Lease, CommandError> {
        let refused = |why: String| CommandError::Refused(why);
        if !who.sees(path) || self.points().under(path.as_str()).is_empty() {
            return Err(CommandError::NotFound(format!("nothing stands at {path}")));
        }
        if !is_person(who) {
            return Err(refused(format!("a lease is for people; `{}` is none", who.name)));
        }
        if !SPAN.contains(&span) {
            return Err(refused("a lease lasts 1 minute to 8 hours".into()));
        }
        self.0.commands.authority.may_write(who, path).map_err(refused)?;
        let since = self.0.clock.now();
        let lease = Lease {
            path: path.clone(),
            holder: who.name.clone(),
            since,
            until: since.after(span),
            reason: reason.to_owned(),
        };
        self.free_for(&lease)?;
        let detail = format!("for {} s; {reason}", span.as_secs());
        let written = self.0.commands.write_down(entry(who, "lease", path, "taken", detail)).await;
        written.map_err(|why| {
            refused(format!("the audit ledger cannot be written, so there is no lease: {why}"))
        })?;
        // Somebody may have been faster meanwhile: looked at again under the lock that puts it in.
        self.put_lease(lease.clone()).map_err(|why| CommandError::Refused(why.to_string()))?;
        self.tell_lease(
            who,
            path,
            format!("{} holds the right to write {path} until {}", who.name, lease.until.rfc3339()),
        );
        Ok(lease)
    }

    fn free_for(&self, lease: &Lease) -> Result<(), CommandError> {
        let leases = self.leases();
        if leases.len() >= MOST {
            return Err(CommandError::Refused(format!("there are {MOST} leases already; release some")));
        }
        match leases.iter().find(|other| other.holder != lease.holder && overlap(&other.path, &lease.path)) {
            Some(other) => Err(CommandError::Refused(format!(
                "{} holds the right to write {} until {}",
                other.holder,
                other.path,
                other.until.rfc3339()
            ))),
            None => Ok(()),
        }
    }

    pub(super) fn put_lease(&self, lease: Lease) -> Result<(), CommandError> {
        self.free_for(&lease)?;
        let mut leases = self.0.commands.leases.lock();
        if leases.iter().any(|other| other.holder != lease.holder && overlap(&other.path, &lease.path)) {
            return Err(CommandError::Refused("somebody else was faster".into()));
        }
        leases.retain(|other| other.path.folded() != lease.path.folded());
        leases.push(lease);
        Ok(())
    }

    /// Ends a lease: the holder's own, or anybody's for an engineer.
    ///
    /// # Errors
    /// [`CommandError`]: there is none, or it is not this person's to end.
    pub async fn release_lease(&self, who: &Principal, path: &Path) -> Result<(), CommandError> {
        let held = self
            .leases()
            .into_iter()
            .find(|lease| lease.path.folded() == path.folded() && who.sees(&lease.path));
        let lease = held.ok_or_else(|| CommandError::NotFound(format!("nobody holds a lease on {path}")))?;
        if lease.holder != who.name && who.role < Role::Engineer {
            return Err(CommandError::Refused(format!(
                "only {} or an engineer may end this lease",
                lease.holder
            )));
        }
        // Ending a lease gives others their right back: if it cannot be written down, it stays until its time is over.
        let written = self
            .0
            .commands
            .write_down(entry(who, "lease", &lease.path, "released", format!("of {}", lease.holder)))
            .await;
        written.map_err(|why| {
            CommandError::Refused(format!("the audit ledger cannot be written, so the lease stays: {why}"))
        })?;
        self.drop_lease(&lease.path);
        self.tell_lease(
            who,
            &lease.path,
            format!("{} ended the lease of {} on {}", who.name, lease.holder, lease.path),
        );
        Ok(())
    }

    pub(super) fn drop_lease(&self, path: &Path) {
        self.0.commands.leases.lock().retain(|lease| lease.path.folded() != path.folded());
    }

    fn tell_lease(&self, who: &Principal, path: &Path, title: String) {
        let at = self.0.clock.now();
        let id = format!("lease/{}/{:x}", path, at.0);
        let mut event = Event::info(EventKind::Change, id, path.as_str(), at, title);
        event.refs = vec![path.to_string(), who.name.clone()];
        self.event(event);
    }
}
