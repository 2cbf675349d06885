//! API tokens: 256 random bits, looked up by their SHA-256.

use crate::open::{entry, require};
use crate::scram::{TOKEN_ROUNDS, Verifier, verifier};
use crate::table::Table;
use crate::{Access, AccessError, random};
use model::{Path, Principal, Role, Time, path::check_segment};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::time::Duration;
use zeroize::Zeroizing;

/// Tokens kept.
const MAX_TOKENS: usize = 1_000;
/// What every token begins with: secret scanners can find it.
const PREFIX: &str = "ib_";

/// The tokens file.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Tokens {
    tokens: Vec<TokenRow>,
}

#[derive(Clone, Serialize, Deserialize)]
struct TokenRow {
    hash: String,
    id: String,
    name: String,
    role: Role,
    prefix: Option<String>,
    created: Time,
    created_by: String,
    expires: Option<Time>,
    last_used: Option<Time>,
    #[serde(default)]
    scram: Option<Verifier>,
}

/// Last uses, in memory until [`Access::housekeeping`]: a lookup never waits for the disk.
#[derive(Default)]
pub(crate) struct Uses(Mutex<HashMap<String, Time>>);

/// A token as others see it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenInfo {
    /// To remove it by.
    pub id: String,
    /// The principal is `token:NAME`.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The part of the namespace it is confined to.
    pub prefix: Option<String>,
    /// When.
    pub created: Time,
    /// By whom.
    pub created_by: String,
    /// Until when.
    pub expires: Option<Time>,
    /// Last use, to about a minute.
    pub last_used: Option<Time>,
}

/// The wish for a token.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// One path segment, unique ignoring case.
    pub name: String,
    /// At most the role of whoever creates it.
    pub role: Role,
    /// Confine it to this part of the namespace.
    pub prefix: Option<String>,
    /// How long it is valid; `None`: until it is removed.
    pub valid: Option<Duration>,
}

impl TokenRow {
    fn is_valid(&self, now: Time) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }

    fn principal(&self) -> Principal {
        Principal { name: format!("token:{}", self.name), role: self.role, prefix: self.prefix.clone() }
    }
}

impl Tokens {
    /// The valid token of that name.
    pub(crate) fn principal_of(&self, name: &str, now: Time) -> Option<Principal> {
        self.tokens.iter().find(|token| token.name == name && token.is_valid(now)).map(TokenRow::principal)
    }

    /// The valid token of that name, and what proves its text.
    pub(crate) fn scram_of(&self, name: &str, now: Time) -> Option<(Principal, Option<Verifier>)> {
        let row = self.tokens.iter().find(|row| row.name.eq_ignore_ascii_case(name) && row.is_valid(now))?;
        Some((row.principal(), row.scram.clone()))
    }
}

impl Uses {
    /// Moves the uses into the table.
    pub(crate) fn save(&self, table: &Table<Tokens>) -> Result<(), AccessError> {
        let uses = std::mem::take(&mut *self.0.lock());
        if uses.is_empty() {
            return Ok(());
        }
        table.note(|tokens| {
            for row in &mut tokens.tokens {
                if let Some(used) = uses.get(&row.id) {
                    row.last_used = Some(*used);
                }
            }
            true
        })
    }
}

impl Access {
    /// Who stands behind `authorization: Bearer TOKEN`. One hash; no disk access.
    pub fn token(&self, bearer: &str) -> Option<Principal> {
        if !bearer.starts_with(PREFIX) || bearer.len() > 128 {
            return None;
        }
        let hash = random::digest_hex(bearer);
        let now = self.0.clock.now();
        let tokens = self.0.tokens.get();
        let row = tokens.tokens.iter().find(|row| row.hash == hash).filter(|row| row.is_valid(now))?;
        self.used(row, now);
        Some(row.principal())
    }

    /// Remembers that the token of that name was used.
    pub(crate) fn token_used(&self, name: &str) {
        let tokens = self.0.tokens.get();
        if let Some(row) = tokens.tokens.iter().find(|row| row.name == name) {
            self.used(row, self.0.clock.now());
        }
    }

    fn used(&self, row: &TokenRow, now: Time) {
        let coarse = |time: Time| time.millis() / 60_000;
        if row.last_used.map(coarse) != Some(coarse(now)) {
            // At most one entry per token; tokens are bounded.
            self.0.uses.0.lock().insert(row.id.clone(), now);
        }
    }

    /// All tokens by name.
    pub fn tokens(&self) -> Vec<TokenInfo> {
        let uses = self.0.uses.0.lock().clone();
        let tokens = self.0.tokens.get();
        let mut all: Vec<TokenInfo> = tokens
            .tokens
            .iter()
            .map(|row| TokenInfo {
                id: row.id.clone(),
                name: row.name.clone(),
                role: row.role,
                prefix: row.prefix.clone(),
                created: row.created,
                created_by: row.created_by.clone(),
                expires: row.expires,
                last_used: uses.get(&row.id).copied().or(row.last_used),
            })
            .collect();
        all.sort_by_key(|token| token.name.to_ascii_lowercase());
        all
    }

    /// Creates a token. Its text is given out here and kept nowhere.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below engineer and for more rights than the creator has; [`AccessError::Invalid`],
    /// [`AccessError::Exists`], storage.
    pub fn create_token(
        &self,
        actor: &Principal,
        wish: &NewToken,
    ) -> Result<(TokenInfo, Zeroizing<String>), AccessError> {
        require(actor, Role::Engineer)?;
        if wish.role > actor.role {
            return Err(AccessError::Forbidden(format!(
                "a token cannot have more rights than you: you are {}",
                actor.role
            )));
        }
        check_segment(&wish.name).map_err(|error| AccessError::Invalid(error.to_string()))?;
        let prefix = wish.prefix.as_deref().filter(|prefix| !prefix.is_empty());
        if let Some(prefix) = prefix {
            Path::new(prefix).map_err(|error| AccessError::Invalid(error.to_string()))?;
        }
        let (text, id, now) = (random::token(PREFIX)?, random::id()?, self.0.clock.now());
        let row = TokenRow {
            hash: random::digest_hex(&text),
            id: id.clone(),
            name: wish.name.clone(),
            role: wish.role,
            prefix: prefix.map(str::to_owned),
            created: now,
            created_by: actor.name.clone(),
            expires: wish.valid.map(|valid| now.after(valid)),
            last_used: None,
            scram: Some(verifier(&text, TOKEN_ROUNDS)?),
        };
        self.0.tokens.change(&self.0.ledger, |tokens| {
            if tokens.tokens.iter().any(|other| other.name.eq_ignore_ascii_case(&row.name)) {
                return Err(AccessError::Exists { kind: "token", name: row.name.clone() });
            }
            if tokens.tokens.len() >= MAX_TOKENS {
                return Err(AccessError::Invalid(format!(
                    "there are {MAX_TOKENS} tokens already; remove one first"
                )));
            }
            let until = row.expires.map_or_else(|| "no end".to_owned(), |expires| format!("until {expires}"));
            let detail =
                format!("id {}, role {}, prefix {}, {until}", row.id, row.role, prefix.unwrap_or("(all)"));
            let line = entry(&actor.name, "token-add", &row.name, "done", detail);
            tokens.tokens.push(row);
            Ok(((), line))
        })?;
        let info = self.tokens().into_iter().find(|token| token.id == id);
        let info = info.ok_or_else(|| AccessError::NotFound { kind: "token", name: wish.name.clone() })?;
        Ok((info, text))
    }

    /// Removes a token; it is refused from then on.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below engineer and for a token with more rights than the actor,
    /// [`AccessError::NotFound`], storage.
    pub fn delete_token(&self, actor: &Principal, id: &str) -> Result<(), AccessError> {
        require(actor, Role::Engineer)?;
        self.0.tokens.change(&self.0.ledger, |tokens| {
            let missing = || AccessError::NotFound { kind: "token", name: id.chars().take(64).collect() };
            let at = tokens.tokens.iter().position(|row| row.id == id).ok_or_else(missing)?;
            if tokens.tokens.get(at).is_some_and(|row| row.role > actor.role) {
                return Err(AccessError::Forbidden("this token has more rights than you".into()));
            }
            let row = tokens.tokens.remove(at);
            Ok(((), entry(&actor.name, "token-remove", &row.name, "done", format!("id {}", row.id))))
        })
    }
}
