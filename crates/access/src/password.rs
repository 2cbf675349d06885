//! Passwords: argon2id, the same work whoever asks.

use crate::{AccessError, random};
use argon2::{Algorithm, Argon2, Params, Version};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

/// Memory in KiB, passes, lanes: OWASP's first choice for argon2id (19 MiB, 2, 1).
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Fewest characters of a new password.
pub(crate) const MIN_CHARACTERS: usize = 10;
/// Most bytes of a password.
pub(crate) const MAX_BYTES: usize = 512;
/// Passwords that long lists of guesses begin with, ten characters and longer.
const COMMON: [&str; 16] = [
    "1234567890",
    "0123456789",
    "12345678910",
    "123456789a",
    "qwertyuiop",
    "1q2w3e4r5t",
    "password12",
    "password123",
    "password1234",
    "passw0rd123",
    "administrator",
    "ironbridge",
    "ironbridge1",
    "changeme123",
    "letmein123",
    "qwerty12345",
];

/// A password as it is kept.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PasswordHash {
    /// KiB.
    m: u32,
    t: u32,
    p: u32,
    salt: String,
    hash: String,
}

#[cfg(test)]
thread_local! {
    /// Work done by this thread, in KiB times passes: tests compare the work of different refusals.
    pub(crate) static WORK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn compute(password: &str, salt: &[u8], (m, t, p): (u32, u32, u32)) -> Option<[u8; 32]> {
    #[cfg(test)]
    WORK.set(WORK.get() + u64::from(m) * u64::from(t));
    let params = Params::new(m, t, p, Some(32)).ok()?;
    let mut out = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(password.as_bytes(), salt, &mut out)
        .ok()?;
    Some(out)
}

/// Hashes a new password. Takes about 20 ms and 19 MiB.
pub(crate) fn hash(password: &str) -> Result<PasswordHash, AccessError> {
    let salt = random::bytes::<16>()?;
    let hash = compute(password, salt.as_slice(), COST)
        .ok_or_else(|| AccessError::Invalid("the password could not be hashed: not enough memory".into()))?;
    let (m, t, p) = COST;
    Ok(PasswordHash { m, t, p, salt: random::base64(salt.as_slice()), hash: random::base64(&hash) })
}

/// Whether `password` is the one that was hashed. Without a hash (no such user, no password set) the same work is
/// done and the answer is no.
pub(crate) fn verify(kept: Option<&PasswordHash>, password: &str) -> bool {
    let parts = kept.filter(|kept| kept.is_sane()).and_then(|kept| {
        Some(((kept.m, kept.t, kept.p), random::from_base64(&kept.salt)?, random::from_base64(&kept.hash)?))
    });
    let exists = parts.is_some();
    let (cost, salt, expected) = parts.unwrap_or_else(|| (COST, vec![0; 16], vec![0; 32]));
    let input = if password.len() <= MAX_BYTES { password } else { "" };
    let Some(found) = compute(input, &salt, cost) else { return false };
    let same: bool = found.as_slice().ct_eq(&expected).into();
    same && exists && password.len() <= MAX_BYTES
}

impl PasswordHash {
    /// Costs that this program would never write are damage, not a reason to take gigabytes.
    pub(crate) fn is_sane(&self) -> bool {
        (8..=256 * 1024).contains(&self.m) && (1..=16).contains(&self.t) && (1..=4).contains(&self.p)
    }

    /// Whether it was made with another cost than today's.
    pub(crate) fn is_outdated(&self) -> bool {
        (self.m, self.t, self.p) != COST
    }
}

/// Whether `password` may become the password of `user`.
///
/// # Errors
/// [`AccessError::Invalid`] says what is missing.
pub(crate) fn check_new(password: &str, user: &str) -> Result<(), AccessError> {
    let refuse = |why: &str| Err(AccessError::Invalid(why.to_owned()));
    if password.chars().count() < MIN_CHARACTERS {
        return refuse("a password needs at least 10 characters; four unrelated words are a good one");
    }
    if password.len() > MAX_BYTES {
        return refuse("a password has at most 512 bytes");
    }
    let lower = password.to_lowercase();
    let mut letters: Vec<char> = lower.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 4 || COMMON.contains(&lower.as_str()) {
        return refuse(
            "this password is among the first that are guessed; four unrelated words are a good one",
        );
    }
    if lower.contains(&user.to_lowercase())
        && password.chars().count() < user.chars().count() + MIN_CHARACTERS
    {
        return refuse("the password must not be made of the user name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_password_fits() {
        let kept = hash("correct horse battery").unwrap();
        assert!(verify(Some(&kept), "correct horse battery"));
        for wrong in ["", "correct horse batter", "Correct horse battery", "correct horse battery "] {
            assert!(!verify(Some(&kept), wrong), "{wrong}");
        }
        assert!(!verify(None, "correct horse battery"));
        assert!(!kept.is_outdated());
        assert_ne!(kept.salt, hash("correct horse battery").unwrap().salt);
    }

    #[test]
    fn damaged_hashes_never_fit_and_never_take_gigabytes() {
        let kept = hash("correct horse battery").unwrap();
        for broken in [
            PasswordHash { m: u32::MAX, ..kept.clone() },
            PasswordHash { t: 0, ..kept.clone() },
            PasswordHash { p: 5_000, ..kept.clone() },
            PasswordHash { salt: "?".into(), ..kept.clone() },
            PasswordHash { hash: String::new(), ..kept.clone() },
            PasswordHash { hash: random::base64(&[0; 31]), ..kept },
        ] {
            assert!(!verify(Some(&broken), "correct horse battery"));
        }
    }

    #[test]
    fn rules_for_new_passwords() {
        for (password, good) in [
            ("short", false),
            ("aaaaaaaaaaaa", false),
            ("Password123", false),
            ("1234567890", false),
            ("marianne2026", false),
            ("marianne rides a green tractor", true),
            ("four unrelated words", true),
            ("žluťoučký kůň", true),
        ] {
            assert_eq!(check_new(password, "marianne").is_ok(), good, "{password}");
        }
        assert!(check_new(&"ab3d".repeat(200), "x").is_err());
    }
}
