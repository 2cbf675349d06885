//! Identity, certificates, secrets and the audit ledger.
//!
//! ```text
//!            ┌ users.json     argon2id hashes, SCRAM verifiers, links ─┐
//!  Access ───┤ sessions.json  sha256 of session ids                    ├─ every change: ledger first, then the file,
//!            ┤ tokens.json    sha256 and verifiers of API tokens       │  then memory
//!            ┤ secrets.json   XChaCha20-Poly1305 under secret.key     ─┘
//!            ├ ledger.jsonl   hash chain, synced record by record
//!            └ ca/            built-in authority, listener certificates
//! ```
//! Rationale: a change is visible only after it was recorded and is on disk, so the ledger never misses one. Reading
//! goes on when something here fails; writing to the plant does not ([`namespace::Authority`],
//! [`namespace::Ledger`]).
//!
//! State changing functions block for a disk sync (a few milliseconds): from async code call them on a blocking
//! thread. The functions that hash passwords are async and do that themselves.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod authority;
mod certificate;
mod error;
mod files;
mod hasher;
pub mod ledger;
mod listener;
mod open;
mod password;
mod random;
mod scram;
mod secret;
mod session;
mod signin;
mod table;
mod throttle;
mod token;
mod user;

pub use certificate::CertificateAuthority;
pub use error::AccessError;
pub use ledger::{Chain, LedgerFile, Page, Record, Verification};
pub use listener::{Certificate, ListenerTls, check_listener};
pub use open::{Access, LEDGER_FILE, Options};
pub use scram::Scram;
pub use secret::{SecretInfo, names_of_secrets};
pub use session::{Session, SignedIn};
pub use token::{NewToken, TokenInfo};
pub use user::{LinkPurpose, User};
pub use zeroize::Zeroizing;
