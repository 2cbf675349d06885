//! Signing in: by password, by link, for the first time.

use crate::open::entry;
use crate::scram::{PASSWORD_ROUNDS, Verifier, verifier};
use crate::user::{LinkPurpose, UserRow, check_name, not_found};
use crate::{Access, AccessError, SignedIn, password};
use model::{Principal, Role};
use std::time::Duration;
use zeroize::Zeroizing;

/// Refusals listed one by one within [`WINDOW`]; the rest is counted.
const LISTED: u64 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// Refusals of the present window.
#[derive(Default)]
pub(crate) struct Refusals {
    since: Duration,
    listed: u64,
    unlisted: u64,
}

/// What is kept of a password.
struct Kept {
    hash: password::PasswordHash,
    scram: Verifier,
}

impl Kept {
    fn of(password: &str) -> Result<Self, AccessError> {
        Ok(Self { hash: password::hash(password)?, scram: verifier(password, PASSWORD_ROUNDS)? })
    }

    fn keep(self, user: &mut UserRow) {
        user.password = Some(self.hash);
        user.scram = Some(self.scram);
    }
}

impl Access {
    /// Signs in with a password. `source` is the caller's address, for the rate limit and the ledger.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] whatever was wrong, with the same work for each; [`AccessError::Limited`],
    /// [`AccessError::Busy`].
    pub async fn sign_in(
        &self,
        name: &str,
        password: Zeroizing<String>,
        source: &str,
    ) -> Result<SignedIn, AccessError> {
        let (name, source) = (name.to_owned(), source.to_owned());
        let this = self.clone();
        self.throttled(&name.clone(), &source.clone(), move || this.check_password(&name, &password, &source))
            .await
    }

    /// Creates the first administrator with the token of [`Access::setup_token`], signed in.
    ///
    /// # Errors
    /// [`AccessError::SetUpAlready`] when there is an administrator, [`AccessError::SetUpLink`] for a wrong or old token;
    /// [`AccessError::Invalid`] for name or password, [`AccessError::Exists`] for a name that is taken;
    /// [`AccessError::Limited`].
    pub async fn setup(
        &self,
        token: &str,
        name: &str,
        password: Zeroizing<String>,
        source: &str,
    ) -> Result<SignedIn, AccessError> {
        let (token, name, from) = (Zeroizing::new(token.to_owned()), name.to_owned(), source.to_owned());
        let this = self.clone();
        self.throttled("", source, move || this.setup_now(&token, &name, &password, &from)).await
    }

    /// Signs in with a one-time link.
    ///
    /// # Errors
    /// [`AccessError::Link`] for a wrong, used or old one; [`AccessError::Limited`].
    pub async fn sign_in_with_link(&self, token: &str, source: &str) -> Result<SignedIn, AccessError> {
        let (token, from) = (Zeroizing::new(token.to_owned()), source.to_owned());
        let this = self.clone();
        self.throttled("", source, move || this.use_link(&token, &from)).await
    }

    /// Sets the password of the session's user. `current` may be empty right after a link, and must be right else. All
    /// other sessions of the user end.
    ///
    /// # Errors
    /// [`AccessError::SignedOut`], [`AccessError::Wrong`] for `current`, [`AccessError::Invalid`] for `new`,
    /// [`AccessError::Limited`].
    pub async fn change_password(
        &self,
        cookie: &str,
        current: Zeroizing<String>,
        new: Zeroizing<String>,
        source: &str,
    ) -> Result<(), AccessError> {
        let session = self.session(cookie).ok_or(AccessError::SignedOut)?;
        password::check_new(&new, &session.user)?;
        let (cookie, user, from) =
            (Zeroizing::new(cookie.to_owned()), session.user.clone(), source.to_owned());
        let this = self.clone();
        let needs_current = !session.may_set_password;
        self.throttled(&session.user, source, move || {
            this.set_password(&user, needs_current.then_some(&*current), &new, &from)?;
            this.end_other_sessions(&user, &cookie);
            Ok(())
        })
        .await
    }

    /// Runs `work` under rate limit and concurrency limit. Only a refusal counts against name and source.
    pub(crate) async fn throttled<R: Send + 'static>(
        &self,
        name: &str,
        source: &str,
        work: impl FnOnce() -> Result<R, AccessError> + Send + 'static,
    ) -> Result<R, AccessError> {
        if let Err(retry_after) = self.0.throttle.begin(name, source) {
            let (this, name, source) = (self.clone(), name.to_owned(), source.to_owned());
            // Recording syncs the disk: not on a thread that serves others.
            if let Err(error) =
                tokio::task::spawn_blocking(move || this.refused(&name, &source, "limited")).await
            {
                tracing::error!(%error, "a refused sign-in was not recorded");
            }
            return Err(AccessError::Limited { retry_after });
        }
        let done = self.0.hasher.run(work).await;
        match &done {
            Err(
                AccessError::Wrong | AccessError::Link | AccessError::SetUpAlready | AccessError::SetUpLink,
            ) => {}
            Ok(_) => self.0.throttle.forgive(name, source, true),
            Err(_) => self.0.throttle.forgive(name, source, false),
        }
        done
    }

    fn check_password(&self, name: &str, password: &str, source: &str) -> Result<SignedIn, AccessError> {
        let users = self.0.users.get();
        let row = users.find(name);
        let fits = password::verify(row.and_then(|row| row.password.as_ref()), password);
        let Some(row) = row.filter(|row| fits && !row.disabled) else {
            let why = match row {
                None => "no such user",
                Some(row) if row.disabled => "disabled",
                Some(row) if row.password.is_none() => "no password set",
                Some(_) => "wrong password",
            };
            self.refused(name, source, why);
            return Err(AccessError::Wrong);
        };
        let better = row
            .password
            .as_ref()
            .filter(|kept| kept.is_outdated() || row.scram.is_none())
            .and_then(|_| Kept::of(password).ok());
        self.signed_in(&row.name, source, "password", better)
    }

    /// Records a sign-in by SCRAM.
    pub(crate) fn welcomed(&self, who: &Principal, source: &str) {
        match who.name.split_once(':') {
            Some(("token", name)) => self.token_used(name),
            Some((_, name)) => {
                self.note(&entry(&who.name, "sign-in", name, "ok", format!("by SCRAM from {source}")));
            }
            None => {}
        }
    }

    fn signed_in(
        &self,
        name: &str,
        source: &str,
        how: &str,
        better: Option<Kept>,
    ) -> Result<SignedIn, AccessError> {
        let now = self.0.clock.now();
        let signed_in = self.begin_session(name, source, how == "link")?;
        let noted = self.0.users.note(|users| {
            let Ok(user) = users.find_mut(name) else { return false };
            user.last_sign_in = Some(now);
            if let Some(better) = better {
                better.keep(user);
            }
            true
        });
        if let Err(error) = noted {
            tracing::warn!(%error, "the time of the sign-in could not be saved");
        }
        // Not being able to record does not keep people from looking; writes stop in the command path.
        self.note(&entry(&format!("user:{name}"), "sign-in", name, "ok", format!("by {how} from {source}")));
        Ok(signed_in)
    }

    fn setup_now(
        &self,
        token: &str,
        name: &str,
        password: &str,
        source: &str,
    ) -> Result<SignedIn, AccessError> {
        let now = self.0.clock.now();
        if !self.0.users.get().setup_fits(token, now) {
            self.refused("", source, "set-up token not valid");
            return Err(self.0.users.get().setup_refusal());
        }
        check_name(name)?;
        password::check_new(password, name)?;
        let kept = Kept::of(password)?;
        self.0.users.change(&self.0.ledger, |users| {
            if !users.setup_fits(token, now) {
                return Err(users.setup_refusal());
            }
            if users.find(name).is_some() {
                return Err(AccessError::Exists { kind: "user", name: name.into() });
            }
            users.setup = None;
            users.users.push(UserRow {
                name: name.into(),
                role: Role::Administrator,
                disabled: false,
                created: now,
                last_sign_in: Some(now),
                password: Some(kept.hash),
                scram: Some(kept.scram),
            });
            Ok(((), entry("setup", "user-add", name, "done", format!("role administrator, from {source}"))))
        })?;
        self.signed_in(name, source, "set-up", None)
    }

    fn use_link(&self, token: &str, source: &str) -> Result<SignedIn, AccessError> {
        let now = self.0.clock.now();
        let used = self.0.users.change(&self.0.ledger, |users| {
            let link = users.take_link(token, now).ok_or(AccessError::Link)?;
            let user = users.find(&link.user).filter(|user| !user.disabled).ok_or(AccessError::Link)?;
            let what =
                if link.purpose == LinkPurpose::SetPassword { "to set a password" } else { "to sign in" };
            let line = entry(
                &format!("user:{}", user.name),
                "link-use",
                &user.name,
                "ok",
                format!("{what}, from {source}"),
            );
            Ok(((user.name.clone(), link.purpose), line))
        });
        let (name, purpose) = used.inspect_err(|error| {
            if matches!(error, AccessError::Link) {
                self.refused("", source, "link not valid");
            }
        })?;
        let how = if purpose == LinkPurpose::SetPassword { "link" } else { "sign-in link" };
        self.signed_in(&name, source, how, None)
    }

    fn set_password(
        &self,
        user: &str,
        current: Option<&str>,
        new: &str,
        source: &str,
    ) -> Result<(), AccessError> {
        if let Some(current) = current {
            let users = self.0.users.get();
            let row = users.find(user).ok_or_else(|| not_found(user))?;
            if !password::verify(row.password.as_ref(), current) {
                self.refused(user, source, "wrong current password");
                return Err(AccessError::Wrong);
            }
        }
        let kept = Kept::of(new)?;
        self.0.users.change(&self.0.ledger, |users| {
            let row = users.find_mut(user)?;
            kept.keep(row);
            Ok(((), entry(&format!("user:{user}"), "password", user, "done", format!("from {source}"))))
        })
    }

    /// Lists a refusal, or counts it when there are many: guessing must not fill the disk or wear it out.
    pub(crate) fn refused(&self, name: &str, source: &str, why: &str) {
        if !self.lists_refusal() {
            return;
        }
        // What is typed as an unknown name may be a password in the wrong field: it is not written down.
        let known = self.0.users.get().find(name).map(|row| row.name.clone());
        let object = known.unwrap_or_else(|| "(unknown)".into());
        self.note(&entry("anonymous", "sign-in", &object, "refused", format!("{why}, from {source}")));
    }

    /// Lists that somebody who is signed in asked for what their role does not allow, or counts it when there are many.
    /// Blocks for a disk sync.
    pub fn denied(&self, who: &Principal, what: &str, why: &str) {
        if self.lists_refusal() {
            self.note(&entry(&who.name, "access", what, "refused", why));
        }
    }

    /// Whether one more refusal is listed by itself; if not, it is counted.
    fn lists_refusal(&self) -> bool {
        self.flush_refusals(false);
        let mut refusals = self.0.refusals.lock();
        let room = refusals.listed < LISTED;
        if room {
            refusals.listed += 1;
        } else {
            refusals.unlisted += 1;
        }
        room
    }

    /// Begins a new window if the present one is over (or `now_too`), and records what was only counted in it.
    pub(crate) fn flush_refusals(&self, now_too: bool) {
        let now = self.0.clock.monotonic();
        let unlisted = {
            let mut refusals = self.0.refusals.lock();
            if !now_too && now.saturating_sub(refusals.since) < WINDOW {
                return;
            }
            let unlisted = refusals.unlisted;
            *refusals = Refusals { since: now, ..Refusals::default() };
            unlisted
        };
        if unlisted > 0 {
            let detail = format!("{unlisted} more refusals within a minute were not listed one by one");
            self.note(&entry("anonymous", "sign-in", "(several)", "refused", detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::WORK;
    use crate::user::LinkPurpose;
    use model::{ManualClock, Time};

    fn work_of(access: &Access, name: &str, password: &str) -> u64 {
        let before = WORK.get();
        assert!(
            matches!(access.check_password(name, password, "10.0.0.1"), Err(AccessError::Wrong)),
            "{name}"
        );
        WORK.get() - before
    }

    #[test]
    fn every_refusal_costs_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let access =
            Access::open(dir.path(), ManualClock::new(Time::from_millis(1_767_225_600_000))).unwrap();
        let token = access.setup_token().unwrap().unwrap();
        access.setup_now(&token, "anna", "four unrelated words", "10.0.0.1").unwrap();
        let owner = Access::owner(0);
        access.create_user(&owner, "new", Role::Viewer).unwrap();
        for name in ["gone", "off"] {
            let (_, token) = access.create_user(&owner, name, Role::Viewer).unwrap();
            access.use_link(&token, "10.0.0.1").unwrap();
            access.set_password(name, None, "four unrelated words", "10.0.0.1").unwrap();
        }
        access.update_user(&owner, "off", None, Some(true)).unwrap();
        access.delete_user(&owner, "gone").unwrap();
        let wrong = work_of(&access, "anna", "four unrelated swords");
        assert_eq!(wrong, 19 * 1024 * 2);
        for (name, password) in [
            ("nobody", "four unrelated words"),
            ("", ""),
            ("new", "four unrelated words"),
            ("off", "four unrelated words"),
            ("off", "wrong"),
            ("gone", "four unrelated words"),
            ("anna", ""),
            (&"x".repeat(1_000), "y"),
            ("anna", &"y".repeat(100_000)),
        ] {
            assert_eq!(work_of(&access, name, password), wrong, "{name}");
        }
        assert!(access.check_password("ANNA", "four unrelated words", "10.0.0.1").is_ok());
        let link = access.create_link(&owner, "anna", LinkPurpose::SignIn).unwrap();
        let signed_in = access.use_link(&link, "10.0.0.1").unwrap();
        assert!(!signed_in.session.may_set_password, "a sign-in link does not change passwords");
    }

    #[test]
    fn floods_of_refusals_are_counted_not_listed() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Time::from_millis(1_767_225_600_000));
        let access = Access::open(dir.path(), clock.clone()).unwrap();
        for n in 0..500 {
            access.refused(&format!("my-password-{n}"), "10.0.0.66", "wrong password");
        }
        let listed = access.ledger().page(None, 1_000, None).unwrap().records;
        assert_eq!(listed.len() as u64, LISTED);
        assert!(listed.iter().all(|r| r.object == "(unknown)" && !r.detail.contains("my-password")));
        clock.advance(WINDOW);
        access.housekeeping();
        let newest = access.ledger().page(None, 1, None).unwrap().records.remove(0);
        assert!(newest.detail.starts_with("480 more refusals"), "{}", newest.detail);
        clock.advance(WINDOW);
        access.housekeeping();
        assert_eq!(access.ledger().head().0, LISTED + 1, "nothing more to say");
    }
}
