//! Users and the one-time links that let them in.

use crate::open::{entry, require};
use crate::password::PasswordHash;
use crate::scram::Verifier;
use crate::{Access, AccessError, random};
use model::{Principal, Role, Time};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Users kept.
const MAX_USERS: usize = 1_000;
/// Unused links per user; a new one replaces the oldest.
const MAX_LINKS: usize = 3;

/// The users file.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Users {
    pub(crate) users: Vec<UserRow>,
    #[serde(default)]
    pub(crate) links: Vec<LinkRow>,
    #[serde(default)]
    pub(crate) setup: Option<SetupRow>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct UserRow {
    pub(crate) name: String,
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) disabled: bool,
    pub(crate) created: Time,
    #[serde(default)]
    pub(crate) last_sign_in: Option<Time>,
    #[serde(default)]
    pub(crate) password: Option<PasswordHash>,
    /// The same password, for clients with SCRAM.
    #[serde(default)]
    pub(crate) scram: Option<Verifier>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LinkRow {
    hash: String,
    pub(crate) user: String,
    pub(crate) purpose: LinkPurpose,
    expires: Time,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct SetupRow {
    hash: String,
    expires: Time,
}

/// What a one-time link is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkPurpose {
    /// Signs in, once.
    SignIn,
    /// Signs in once and lets the user set a password without the old one.
    SetPassword,
}

/// A user as others see them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct User {
    /// Unique, case ignored.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// May not sign in.
    pub disabled: bool,
    /// When.
    pub created: Time,
    /// When, if ever.
    pub last_sign_in: Option<Time>,
    /// Whether a password is set; if not, only a link lets them in.
    pub has_password: bool,
}

impl UserRow {
    pub(crate) fn shown(&self) -> User {
        User {
            name: self.name.clone(),
            role: self.role,
            disabled: self.disabled,
            created: self.created,
            last_sign_in: self.last_sign_in,
            has_password: self.password.is_some(),
        }
    }

    pub(crate) fn principal(&self) -> Principal {
        Principal { name: format!("user:{}", self.name), role: self.role, prefix: None }
    }
}

impl Users {
    pub(crate) fn find(&self, name: &str) -> Option<&UserRow> {
        self.users.iter().find(|user| user.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn find_mut(&mut self, name: &str) -> Result<&mut UserRow, AccessError> {
        self.users.iter_mut().find(|user| user.name.eq_ignore_ascii_case(name)).ok_or_else(|| not_found(name))
    }

    /// What serde cannot see.
    pub(crate) fn check(&self, path: &Path) -> Result<(), AccessError> {
        let corrupt = |why: String| Err(AccessError::Corrupt { path: path.to_owned(), why });
        for (at, user) in self.users.iter().enumerate() {
            if check_name(&user.name).is_err() {
                return corrupt(format!("user {} has no valid name; restore the file from a backup", at + 1));
            }
            if self.users.iter().take(at).any(|before| before.name.eq_ignore_ascii_case(&user.name)) {
                return corrupt(format!(
                    "the user `{}` is there twice; restore the file from a backup",
                    user.name
                ));
            }
            if user.password.as_ref().is_some_and(|password| !password.is_sane()) {
                return corrupt(format!(
                    "the password of `{}` is damaged; restore the file from a backup",
                    user.name
                ));
            }
        }
        Ok(())
    }

    /// The set-up link is for who comes first; people without the role do not stand in its way.
    fn withdraw_setup(&mut self) {
        if self.administrators() > 0 {
            self.setup = None;
        }
    }

    fn administrators(&self) -> usize {
        self.users.iter().filter(|user| user.role == Role::Administrator && !user.disabled).count()
    }

    /// Refuses a change after which nobody could manage users.
    fn keeps_an_administrator(&self, before: usize) -> Result<(), AccessError> {
        // Where there was none (the owner added people before the set-up), nothing is taken away.
        if before == 0 || self.administrators() > 0 {
            return Ok(());
        }
        Err(AccessError::Forbidden("this is the last administrator; make another one first".into()))
    }

    pub(crate) fn add_link(
        &mut self,
        token: &str,
        user: &str,
        purpose: LinkPurpose,
        now: Time,
        valid: Duration,
    ) {
        self.links.retain(|link| link.expires > now);
        while self.links.iter().filter(|link| link.user.eq_ignore_ascii_case(user)).count() >= MAX_LINKS {
            let Some(oldest) = self.links.iter().position(|link| link.user.eq_ignore_ascii_case(user)) else {
                break;
            };
            self.links.remove(oldest);
        }
        let hash = random::digest_hex(token);
        self.links.push(LinkRow { hash, user: user.to_owned(), purpose, expires: now.after(valid) });
    }

    /// Takes the link out: a second use finds nothing.
    pub(crate) fn take_link(&mut self, token: &str, now: Time) -> Option<LinkRow> {
        let hash = random::digest_hex(token);
        let at = self.links.iter().position(|link| link.hash == hash)?;
        Some(self.links.remove(at)).filter(|link| link.expires > now)
    }

    /// Why a set-up token is refused.
    pub(crate) fn setup_refusal(&self) -> AccessError {
        if self.administrators() > 0 { AccessError::SetUpAlready } else { AccessError::SetUpLink }
    }

    pub(crate) fn setup_fits(&self, token: &str, now: Time) -> bool {
        let hash = random::digest_hex(token);
        self.administrators() == 0
            && self.setup.as_ref().is_some_and(|setup| setup.hash == hash && setup.expires > now)
    }
}

pub(crate) fn not_found(name: &str) -> AccessError {
    AccessError::NotFound { kind: "user", name: name.chars().take(64).collect() }
}

/// Letters, digits and `. _ - @`, 1 to 64 of them, beginning with a letter or digit.
pub(crate) fn check_name(name: &str) -> Result<(), AccessError> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'))
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if fits {
        return Ok(());
    }
    Err(AccessError::Invalid(
        "a name has 1 to 64 letters, digits, `.`, `_`, `-` or `@` and begins with a letter or digit".into(),
    ))
}

impl Access {
    /// Whether any user exists; if not, the first administrator has to be set up. A users file that cannot be read
    /// counts as having some.
    pub fn has_users(&self) -> bool {
        self.0.users.locked().is_some() || !self.0.users.get().users.is_empty()
    }

    /// Whether somebody can manage users. A users file that cannot be read counts as having one.
    fn has_administrator(&self) -> bool {
        self.0.users.locked().is_some() || self.0.users.get().administrators() > 0
    }

    /// A fresh set-up token as long as there is no administrator, else `None`. Each call makes the one before useless.
    ///
    /// # Errors
    /// When it cannot be recorded or saved.
    pub fn setup_token(&self) -> Result<Option<Zeroizing<String>>, AccessError> {
        if self.has_administrator() {
            return Ok(None);
        }
        let token = random::token("")?;
        let expires = self.0.clock.now().after(self.0.options.link_valid);
        self.0.users.change(&self.0.ledger, |users| {
            users.setup = Some(SetupRow { hash: random::digest_hex(&token), expires });
            Ok(((), entry("system", "setup-token", "", "issued", format!("valid until {expires}"))))
        })?;
        Ok(Some(token))
    }

    /// All users by name.
    pub fn users(&self) -> Vec<User> {
        let mut all: Vec<_> = self.0.users.get().users.iter().map(UserRow::shown).collect();
        all.sort_by_key(|user| user.name.to_ascii_lowercase());
        all
    }

    /// One user.
    pub fn user(&self, name: &str) -> Option<User> {
        self.0.users.get().find(name).map(UserRow::shown)
    }

    /// Adds a user without a password, and the token of a one-time link with which they set one.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below administrator, [`AccessError::Invalid`], [`AccessError::Exists`], or storage.
    pub fn create_user(
        &self,
        actor: &Principal,
        name: &str,
        role: Role,
    ) -> Result<(User, Zeroizing<String>), AccessError> {
        require(actor, Role::Administrator)?;
        check_name(name)?;
        let token = random::token("")?;
        let (now, valid) = (self.0.clock.now(), self.0.options.link_valid);
        let user = self.0.users.change(&self.0.ledger, |users| {
            if users.find(name).is_some() {
                return Err(AccessError::Exists { kind: "user", name: name.into() });
            }
            if users.users.len() >= MAX_USERS {
                return Err(AccessError::Invalid(format!(
                    "there are {MAX_USERS} users already; remove one first"
                )));
            }
            let row = UserRow {
                name: name.into(),
                role,
                disabled: false,
                created: now,
                last_sign_in: None,
                password: None,
                scram: None,
            };
            let shown = row.shown();
            users.users.push(row);
            users.withdraw_setup();
            users.add_link(&token, name, LinkPurpose::SetPassword, now, valid);
            Ok((shown, entry(&actor.name, "user-add", name, "done", format!("role {role}"))))
        })?;
        Ok((user, token))
    }

    /// Changes role or disables; what is `None` stays. Sessions of a disabled user end.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below administrator and for the last administrator, [`AccessError::NotFound`],
    /// storage.
    pub fn update_user(
        &self,
        actor: &Principal,
        name: &str,
        role: Option<Role>,
        disabled: Option<bool>,
    ) -> Result<User, AccessError> {
        require(actor, Role::Administrator)?;
        let user = self.0.users.change(&self.0.ledger, |users| {
            let administrators = users.administrators();
            let user = users.find_mut(name)?;
            let before = user.shown();
            user.role = role.unwrap_or(user.role);
            user.disabled = disabled.unwrap_or(user.disabled);
            let after = user.shown();
            if after.disabled {
                users.links.retain(|link| !link.user.eq_ignore_ascii_case(name));
            }
            users.keeps_an_administrator(administrators)?;
            users.withdraw_setup();
            let words =
                |user: &User| format!("{}{}", user.role, if user.disabled { ", disabled" } else { "" });
            let detail = format!("{} -> {}", words(&before), words(&after));
            let line = entry(&actor.name, "user-change", &after.name, "done", detail);
            Ok((after, line))
        })?;
        if user.disabled {
            self.end_sessions_of(&user.name);
        }
        Ok(user)
    }

    /// Removes a user, their sessions and links.
    ///
    /// # Errors
    /// As [`Access::update_user`].
    pub fn delete_user(&self, actor: &Principal, name: &str) -> Result<(), AccessError> {
        require(actor, Role::Administrator)?;
        self.0.users.change(&self.0.ledger, |users| {
            let administrators = users.administrators();
            let known = users.find(name).ok_or_else(|| not_found(name))?.name.clone();
            users.users.retain(|user| user.name != known);
            users.links.retain(|link| !link.user.eq_ignore_ascii_case(name));
            users.keeps_an_administrator(administrators)?;
            Ok(((), entry(&actor.name, "user-remove", &known, "done", "")))
        })?;
        self.end_sessions_of(name);
        Ok(())
    }

    /// The token of a one-time link for a user (`/link#TOKEN`), for recovery, first sign-in or a new password.
    ///
    /// # Errors
    /// As [`Access::update_user`]; a disabled user gets none.
    pub fn create_link(
        &self,
        actor: &Principal,
        name: &str,
        purpose: LinkPurpose,
    ) -> Result<Zeroizing<String>, AccessError> {
        require(actor, Role::Administrator)?;
        let token = random::token("")?;
        let (now, valid) = (self.0.clock.now(), self.0.options.link_valid);
        self.0.users.change(&self.0.ledger, |users| {
            let user = users.find(name).ok_or_else(|| not_found(name))?;
            if user.disabled {
                return Err(AccessError::Forbidden(format!(
                    "`{}` is disabled; enable the user first",
                    user.name
                )));
            }
            let known = user.name.clone();
            users.add_link(&token, &known, purpose, now, valid);
            let what = if purpose == LinkPurpose::SignIn { "to sign in" } else { "to set a password" };
            Ok((
                (),
                entry(
                    &actor.name,
                    "user-link",
                    &known,
                    "issued",
                    format!("{what}, until {}", now.after(valid)),
                ),
            ))
        })?;
        Ok(token)
    }
}
