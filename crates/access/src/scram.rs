//! SCRAM-SHA-256 (RFC 5802, RFC 7677) for listeners whose clients bring their own sign-in, such as the PostgreSQL wire:
//! the password never travels, and neither side believes the other without a proof.
//!
//! ```text
//! client                                   server
//!   n,,n=,r=NONCE                ─▶
//!                                ◀─  r=NONCE+OURS,s=SALT,i=ITERATIONS
//!   c=BINDING,r=..,p=PROOF       ─▶  H(proof ^ HMAC(stored, all)) is the stored key?
//!                                ◀─  v=SIGNATURE
//! ```
//! What is kept of a password is the verifier of RFC 5802 section 3: it lets nobody sign in. An unknown name gets a salt
//! of its own, the same each time, so that names cannot be tried out.

use crate::{Access, AccessError, random};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Principal;
use ring::{digest, hmac, pbkdf2};
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Rounds for a password that a person chose. Clients refuse more than 100,000 (pgjdbc).
pub(crate) const PASSWORD_ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(65_535);
/// Rounds for a token: 256 random bits cannot be guessed; RFC 7677 section 4 asks for 4,096.
pub(crate) const TOKEN_ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(4_095);
/// Longest message of a client, bytes.
const MOST: usize = 2_048;
/// The mechanism.
const PLAIN: &str = "SCRAM-SHA-256";
/// The mechanism bound to the server's certificate (RFC 5929 section 4).
const BOUND: &str = "SCRAM-SHA-256-PLUS";
const BINDING: &str = "p=tls-server-end-point";

/// What is kept of a password.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Verifier {
    rounds: u32,
    salt: String,
    stored: String,
    server: String,
}

fn mac(key: &[u8], text: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text)
}

/// Makes the verifier of a password. Takes some 30 ms for a person's password.
pub(crate) fn verifier(password: &str, rounds: NonZeroU32) -> Result<Verifier, AccessError> {
    let salt = random::bytes::<16>()?;
    // RFC 4013; what it forbids is taken as it is, as clients do.
    let prepared = Zeroizing::new(
        stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |text| text.into_owned()),
    );
    let mut salted = Zeroizing::new([0_u8; 32]);
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA256,
        rounds,
        salt.as_slice(),
        prepared.as_bytes(),
        salted.as_mut_slice(),
    );
    let client = mac(salted.as_slice(), b"Client Key");
    Ok(Verifier {
        rounds: rounds.get(),
        salt: STANDARD.encode(salt.as_slice()),
        stored: STANDARD.encode(digest::digest(&digest::SHA256, client.as_ref())),
        server: STANDARD.encode(mac(salted.as_slice(), b"Server Key")),
    })
}

/// One sign-in, from the client's first message to the server's proof.
pub struct Scram {
    access: Access,
    name: String,
    source: String,
    binding: Option<Vec<u8>>,
    verifier: Verifier,
    who: Result<Principal, &'static str>,
    asked: Option<Asked>,
}

/// The challenge that was given.
struct Asked {
    /// Header and binding, as the client must repeat them.
    channel: Vec<u8>,
    nonce: String,
    /// Both messages so far.
    said: String,
}

fn wrong() -> AccessError {
    AccessError::Invalid("the sign-in does not follow RFC 5802; use a client with SCRAM-SHA-256".into())
}

impl Access {
    /// Begins a sign-in of `name`: a user, or a token by its name (`token:NAME` where a user has the same name).
    /// `source` is the caller's address; `binding` the hash of our certificate, if the stream is encrypted with one.
    pub fn scram(&self, name: &str, source: &str, binding: Option<Vec<u8>>) -> Scram {
        let (who, verifier) = self.scram_of(name);
        Scram {
            access: self.clone(),
            name: name.chars().take(64).collect(),
            source: source.to_owned(),
            binding,
            verifier: verifier.unwrap_or_else(|| self.invented(name)),
            who,
            asked: None,
        }
    }

    fn scram_of(&self, name: &str) -> (Result<Principal, &'static str>, Option<Verifier>) {
        let users = self.0.users.get();
        if let Some(row) = users.find(name) {
            let who = match &row.scram {
                _ if row.disabled => Err("disabled"),
                None => Err("no password for SQL: it must be set once more, or used once on the page"),
                Some(_) => Ok(row.principal()),
            };
            return (who, row.scram.clone());
        }
        let token = name.strip_prefix("token:").unwrap_or(name);
        match self.0.tokens.get().scram_of(token, self.0.clock.now()) {
            Some((who, verifier)) => (verifier.as_ref().map(|_| who).ok_or("an old token"), verifier),
            None => (Err("no such user or token"), None),
        }
    }

    /// A challenge for a name that has none, the same whenever it is asked for.
    fn invented(&self, name: &str) -> Verifier {
        let salt = mac(self.0.invention.as_slice(), name.to_lowercase().as_bytes());
        let salt = STANDARD.encode(salt.as_ref().get(..16).unwrap_or_default());
        let rounds = if name.starts_with("token:") { TOKEN_ROUNDS } else { PASSWORD_ROUNDS };
        Verifier { rounds: rounds.get(), salt, stored: String::new(), server: String::new() }
    }

    /// Whether the rights that `who` signed in with still hold: a connection that stays open asks before each query.
    pub fn still(&self, who: &Principal) -> bool {
        let now = self.0.clock.now();
        match who.name.split_once(':') {
            Some(("user", name)) => {
                self.0.users.get().find(name).is_some_and(|row| !row.disabled && row.role == who.role)
            }
            Some(("token", name)) => self.0.tokens.get().principal_of(name, now).as_ref() == Some(who),
            _ => true,
        }
    }
}

impl Scram {
    /// What the client may choose from, the best first.
    pub const fn mechanisms(&self) -> &'static [&'static str] {
        if self.binding.is_some() { &[BOUND, PLAIN] } else { &[PLAIN] }
    }

    /// Answers the client's first message with the challenge.
    ///
    /// # Errors
    /// [`AccessError::Invalid`] for a message that does not follow RFC 5802 section 7.
    pub fn first(&mut self, mechanism: &str, message: &[u8]) -> Result<Vec<u8>, AccessError> {
        let text = std::str::from_utf8(message).ok().filter(|t| t.len() <= MOST).ok_or_else(wrong)?;
        let (flag, rest) = text.split_once(',').ok_or_else(wrong)?;
        let (authzid, bare) = rest.split_once(',').ok_or_else(wrong)?;
        let bound = match (mechanism, flag) {
            (BOUND, BINDING) => true,
            (PLAIN, "n") => false,
            // The client can bind and believes that we cannot: somebody took the better mechanism out of our list.
            (PLAIN, "y") if self.binding.is_none() => false,
            _ => return Err(wrong()),
        };
        let theirs = bare.split(',').find_map(|part| part.strip_prefix("r=")).filter(|r| r.len() >= 8);
        let nonce =
            format!("{}{}", theirs.ok_or_else(wrong)?, STANDARD.encode(random::bytes::<18>()?.as_slice()));
        let mut channel = format!("{flag},{authzid},").into_bytes();
        if bound {
            channel.extend(self.binding.as_deref().unwrap_or_default());
        }
        let answer = format!("r={nonce},s={},i={}", self.verifier.salt, self.verifier.rounds);
        self.asked = Some(Asked { channel, nonce, said: format!("{bare},{answer}") });
        Ok(answer.into_bytes())
    }

    /// Checks the client's proof and gives ours, and who it is. A refusal is recorded and slows down the next try.
    ///
    /// # Errors
    /// [`AccessError::Wrong`] whatever was wrong with name or password, [`AccessError::Limited`], [`AccessError::Invalid`].
    pub async fn last(mut self, message: &[u8]) -> Result<(Vec<u8>, Principal), AccessError> {
        let asked = self.asked.take().ok_or_else(wrong)?;
        let text = std::str::from_utf8(message).ok().filter(|t| t.len() <= MOST).ok_or_else(wrong)?;
        let (without, proof) = text.rsplit_once(",p=").ok_or_else(wrong)?;
        let proof = STANDARD.decode(proof).map_err(|_| wrong())?;
        let part = |name: &str| without.split(',').find_map(|part| part.strip_prefix(name));
        let channel = part("c=").and_then(|c| STANDARD.decode(c).ok()).ok_or_else(wrong)?;
        if part("r=") != Some(asked.nonce.as_str()) || channel != asked.channel {
            return Err(wrong());
        }
        let said = format!("{},{without}", asked.said);
        let signature = self.check(&said, &proof);
        let (access, name, source) = (self.access.clone(), self.name.clone(), self.source.clone());
        let work = move || match (self.who, signature) {
            (Ok(who), Some(signature)) => {
                access.welcomed(&who, &source);
                Ok((format!("v={}", STANDARD.encode(signature)).into_bytes(), who))
            }
            (who, _) => {
                access.refused(&name, &source, who.err().unwrap_or("wrong password"));
                Err(AccessError::Wrong)
            }
        };
        self.access.throttled(&self.name, &self.source, work).await
    }

    /// Our signature over the same words, if the proof is right. The work is the same for every answer.
    fn check(&self, said: &str, proof: &[u8]) -> Option<hmac::Tag> {
        let stored = STANDARD.decode(&self.verifier.stored).unwrap_or_default();
        let server = STANDARD.decode(&self.verifier.server).unwrap_or_default();
        let signature = mac(&stored, said.as_bytes());
        let key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(p, s)| p ^ s).collect();
        let found = digest::digest(&digest::SHA256, &key);
        let same: bool = found.as_ref().ct_eq(&stored).into();
        let ours = mac(&server, said.as_bytes());
        (same && proof.len() == 32).then_some(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677 section 3: user `user`, password `pencil`.
    #[test]
    fn the_example_of_the_standard() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let mut salted = [0; 32];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, TOKEN_ROUNDS, &salt, b"pencil", &mut salted);
        let client = mac(&salted, b"Client Key");
        let verifier = Verifier {
            rounds: 4_096,
            salt: STANDARD.encode(salt),
            stored: STANDARD.encode(digest::digest(&digest::SHA256, client.as_ref())),
            server: STANDARD.encode(mac(&salted, b"Server Key")),
        };
        let dir = tempfile::tempdir().unwrap();
        let clock = model::ManualClock::new(model::Time::from_millis(1_767_225_600_000));
        let access = Access::open(dir.path(), clock).unwrap();
        let mut scram = access.scram("user", "10.0.0.1", None);
        scram.verifier = verifier;
        let said = "n=user,r=rOprNGfwEbeRWgbNEkqO,\
                    r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,\
                    c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let signature = scram.check(said, &proof).unwrap();
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let mut changed = proof.clone();
        changed[5] ^= 1;
        assert!(scram.check(said, &changed).is_none() && scram.check(said, &proof[..31]).is_none());
        assert!(scram.check(&said.replace("4096", "4097"), &proof).is_none());
    }

    #[test]
    fn unknown_names_look_like_known_ones() {
        let dir = tempfile::tempdir().unwrap();
        let clock = model::ManualClock::new(model::Time::from_millis(1_767_225_600_000));
        let access = Access::open(dir.path(), clock).unwrap();
        let salt = |name: &str| {
            let mut scram = access.scram(name, "10.0.0.1", None);
            let answer = scram.first(PLAIN, b"n,,n=,r=abcdefghijkl").unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("r=abcdefghijkl") && answer.ends_with(",i=65536"), "{answer}");
            answer.split(',').find_map(|p| p.strip_prefix("s=").map(str::to_owned)).unwrap()
        };
        assert_eq!(salt("nobody"), salt("NOBODY"));
        assert_ne!(salt("nobody"), salt("somebody"));
    }

    #[test]
    fn nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let clock = model::ManualClock::new(model::Time::from_millis(1_767_225_600_000));
        let access = Access::open(dir.path(), clock).unwrap();
        let long = vec![b'x'; MOST + 1];
        for (mechanism, binding, message) in [
            (PLAIN, None, &b""[..]),
            (PLAIN, None, b"n"),
            (PLAIN, None, b"n,,n=x"),
            (PLAIN, None, b"n,,n=x,r=short"),
            (PLAIN, None, b"\xff\xfe,,n=,r=abcdefghijkl"),
            (PLAIN, None, &long),
            (PLAIN, None, b"p=tls-server-end-point,,n=,r=abcdefghijkl"),
            (BOUND, Some(vec![1]), b"n,,n=,r=abcdefghijkl"),
            (PLAIN, Some(vec![1]), b"y,,n=,r=abcdefghijkl"),
            ("PLAIN", None, b"n,,n=,r=abcdefghijkl"),
        ] {
            assert!(access.scram("x", "10.0.0.1", binding).first(mechanism, message).is_err(), "{message:?}");
        }
    }
}
