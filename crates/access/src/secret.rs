//! Named secrets, encrypted at rest.
//!
//! XChaCha20-Poly1305 with a random nonce per value and the name as associated data, under a key in a file of its own
//! (`secret.key`, 0600). Rationale: a backup or a disk that leaves the machine without that file tells nothing. Whoever
//! can read the folder as its owner can decrypt: that is the limit of a program that has to start without a person.

use crate::open::{entry, require};
use crate::table::{Table, load};
use crate::{Access, AccessError, files, random};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::{Principal, Role, Time, path::check_segment};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Longest secret, in bytes; a private key fits.
const MAX_SECRET: usize = 64 * 1024;
/// Secrets kept.
const MAX_SECRETS: usize = 1_000;

/// The secrets file.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct SecretRows {
    secrets: Vec<SecretRow>,
}

#[derive(Clone, Serialize, Deserialize)]
struct SecretRow {
    name: String,
    set_at: Time,
    nonce: String,
    data: String,
}

/// A secret without its value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SecretInfo {
    /// As in `{ secret = "NAME" }`.
    pub name: String,
    /// When its value was last set.
    pub set_at: Time,
}

/// Names of the secrets that are set in the folder of an [`crate::Access`], without opening it; `None` if it keeps none that
/// can be read here.
pub fn names_of_secrets(dir: &Path) -> Option<BTreeSet<String>> {
    let rows = match load::<SecretRows>(&dir.join("secrets.json")) {
        Ok(Some(rows)) => rows,
        // Nobody has set one yet.
        Ok(None) if dir.is_dir() => SecretRows::default(),
        _ => return None,
    };
    Some(rows.secrets.into_iter().map(|secret| secret.name).collect())
}

/// The secret store.
pub(crate) struct Secrets {
    table: Table<SecretRows>,
    key_file: PathBuf,
    key: Mutex<Option<Zeroizing<[u8; 32]>>>,
}

impl Secrets {
    pub(crate) fn open(dir: &Path, problems: &mut Vec<AccessError>) -> Self {
        let table = Table::open(dir.join("secrets.json"), problems, |_, _| Ok(()));
        Self { table, key_file: dir.join("secret.key"), key: Mutex::new(None) }
    }

    /// The cipher. A key is made only while there is nothing that another key encrypted.
    fn cipher(&self) -> Result<XChaCha20Poly1305, AccessError> {
        let mut kept = self.key.lock();
        let key = match kept.take() {
            Some(key) => key,
            None => self.load_key()?,
        };
        let cipher = XChaCha20Poly1305::new_from_slice(key.as_slice());
        *kept = Some(key);
        cipher.map_err(|_| self.corrupt("has the wrong length"))
    }

    fn load_key(&self) -> Result<Zeroizing<[u8; 32]>, AccessError> {
        if let Some(bytes) = files::read(&self.key_file)?.map(Zeroizing::new) {
            let mut key = Zeroizing::new([0; 32]);
            if bytes.len() != key.len() {
                return Err(self.corrupt("is damaged: it must have 32 bytes"));
            }
            key.copy_from_slice(&bytes);
            return Ok(key);
        }
        if !self.table.get().secrets.is_empty() || self.table.locked().is_some() {
            return Err(self.corrupt("is missing"));
        }
        let key = random::bytes::<32>()?;
        files::replace(&self.key_file, key.as_slice())?;
        Ok(key)
    }

    fn corrupt(&self, what: &str) -> AccessError {
        let why = format!(
            "{what}: no secret can be read. Restore it from a backup, or remove the secrets and set them again"
        );
        AccessError::Corrupt { path: self.key_file.clone(), why }
    }

    fn encrypt(&self, name: &str, value: &str, now: Time) -> Result<SecretRow, AccessError> {
        let nonce = random::bytes::<24>()?;
        let payload = Payload { msg: value.as_bytes(), aad: name.as_bytes() };
        let data = self
            .cipher()?
            .encrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| AccessError::Invalid("the secret could not be encrypted".into()))?;
        let (nonce, data) = (random::base64(nonce.as_slice()), random::base64(&data));
        Ok(SecretRow { name: name.to_owned(), set_at: now, nonce, data })
    }

    fn decrypt(&self, row: &SecretRow) -> Result<Zeroizing<String>, AccessError> {
        let damaged = || AccessError::Invalid(format!("the secret `{}` is damaged; set it again", row.name));
        let nonce: [u8; 24] =
            random::from_base64(&row.nonce).and_then(|bytes| bytes.try_into().ok()).ok_or_else(damaged)?;
        let data = random::from_base64(&row.data).ok_or_else(damaged)?;
        let payload = Payload { msg: &data, aad: row.name.as_bytes() };
        let value = self.cipher()?.decrypt(&XNonce::from(nonce), payload).map_err(|_| damaged())?;
        String::from_utf8(value).map(Zeroizing::new).map_err(|error| {
            drop(Zeroizing::new(error.into_bytes()));
            damaged()
        })
    }
}

impl Access {
    /// The value of a secret; `None` if there is none or it cannot be read (which is logged, without the value).
    pub fn secret(&self, name: &str) -> Option<Zeroizing<String>> {
        self.read_secret(name)
            .inspect_err(|error| tracing::warn!(secret = name, %error, "secret not available"))
            .ok()
    }

    /// The value of a secret.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] names the command that sets it; [`AccessError::Corrupt`] for the key file,
    /// [`AccessError::Invalid`] for a damaged value.
    pub fn read_secret(&self, name: &str) -> Result<Zeroizing<String>, AccessError> {
        let rows = self.0.secrets.table.get();
        let row = rows.secrets.iter().find(|row| row.name == name);
        let missing = || match self.0.secrets.table.locked() {
            None => AccessError::NotFound { kind: "secret", name: name.chars().take(64).collect() },
            Some(why) => AccessError::Invalid(format!("the secret store cannot be read: {why}")),
        };
        self.0.secrets.decrypt(row.ok_or_else(missing)?)
    }

    /// All secrets by name, without their values.
    pub fn secrets(&self) -> Vec<SecretInfo> {
        let rows = self.0.secrets.table.get();
        let mut all: Vec<_> = rows
            .secrets
            .iter()
            .map(|row| SecretInfo { name: row.name.clone(), set_at: row.set_at })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// Sets a secret, new or again. The ledger gets the name alone.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below engineer, [`AccessError::Invalid`] for name or size, storage.
    pub fn set_secret(
        &self,
        actor: &Principal,
        name: &str,
        value: &Zeroizing<String>,
    ) -> Result<SecretInfo, AccessError> {
        require(actor, Role::Engineer)?;
        check_segment(name).map_err(|error| AccessError::Invalid(error.to_string()))?;
        if value.is_empty() || value.len() > MAX_SECRET {
            return Err(AccessError::Invalid(format!("a secret has 1 to {MAX_SECRET} bytes")));
        }
        let now = self.0.clock.now();
        let row = self.0.secrets.encrypt(name, value, now)?;
        self.0.secrets.table.change(&self.0.ledger, |rows| {
            let before = rows.secrets.len();
            rows.secrets.retain(|other| other.name != name);
            let is_new = rows.secrets.len() == before;
            if is_new && before >= MAX_SECRETS {
                return Err(AccessError::Invalid(format!(
                    "there are {MAX_SECRETS} secrets already; remove one first"
                )));
            }
            rows.secrets.push(row);
            Ok(((), entry(&actor.name, "secret-set", name, "done", if is_new { "new" } else { "replaced" })))
        })?;
        Ok(SecretInfo { name: name.to_owned(), set_at: now })
    }

    /// Removes a secret.
    ///
    /// # Errors
    /// [`AccessError::Forbidden`] below engineer, [`AccessError::NotFound`], storage.
    pub fn delete_secret(&self, actor: &Principal, name: &str) -> Result<(), AccessError> {
        require(actor, Role::Engineer)?;
        self.0.secrets.table.change(&self.0.ledger, |rows| {
            let before = rows.secrets.len();
            rows.secrets.retain(|row| row.name != name);
            if rows.secrets.len() == before {
                return Err(AccessError::NotFound { kind: "secret", name: name.chars().take(64).collect() });
            }
            Ok(((), entry(&actor.name, "secret-remove", name, "done", "")))
        })
    }
}
