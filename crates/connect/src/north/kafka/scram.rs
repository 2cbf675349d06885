//! Signing in with SCRAM (RFC 5802, RFC 7677): the password never travels, and the broker proves that it knows it too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Fault;
use ring::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;

/// Rounds that are believed: fewer give the password away, more are an attack (RFC 5802, 5.1).
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=1_000_000;

/// Which hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    /// SCRAM-SHA-256.
    Sha256,
    /// SCRAM-SHA-512.
    Sha512,
}

impl Hash {
    /// The mechanism's name.
    pub(super) const fn mechanism(self) -> &'static str {
        match self {
            Self::Sha256 => "SCRAM-SHA-256",
            Self::Sha512 => "SCRAM-SHA-512",
        }
    }

    fn hmac(self, key: &[u8], text: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text)
    }

    fn digest(self, text: &[u8]) -> digest::Digest {
        digest::digest(if self == Self::Sha256 { &digest::SHA256 } else { &digest::SHA512 }, text)
    }

    fn salted(self, password: &str, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
        };
        let mut out = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut out);
        out
    }
}

/// A conversation under way.
pub(super) struct Scram {
    hash: Hash,
    password: String,
    nonce: String,
    first: String,
}

/// What proves the broker.
pub(super) struct Proof(String);

impl Scram {
    /// The beginning; `nonce` is random and printable.
    pub(super) fn new(hash: Hash, user: &str, password: &str, nonce: &str) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        let first = format!("n={user},r={nonce}");
        Self { hash, password: password.into(), nonce: nonce.into(), first }
    }

    /// The first message: no channel binding.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.first)
    }

    /// The answer to the broker's first message, and what its last must say.
    ///
    /// # Errors
    /// [`Fault::Security`] if the broker is not to be believed.
    pub(super) fn answer(&self, said: &str) -> Result<(String, Proof), Fault> {
        let wrong = |why: &str| Fault::Security(format!("the broker's sign-in is not sound: {why}").into());
        let field = |name: &str| said.split(',').find_map(|part| part.strip_prefix(name));
        let nonce =
            field("r=").filter(|nonce| nonce.len() > self.nonce.len() && nonce.starts_with(&self.nonce));
        let nonce = nonce.ok_or_else(|| wrong("it does not repeat our number"))?;
        let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or_else(|| wrong("no salt"))?;
        let rounds = field("i=").and_then(|rounds| rounds.parse::<u32>().ok());
        let rounds = rounds.filter(|rounds| ROUNDS.contains(rounds)).and_then(NonZeroU32::new);
        let rounds = rounds.ok_or_else(|| wrong("fewer than 4,096 rounds, or far too many"))?;
        let salted = self.hash.salted(&self.password, &salt, rounds);
        let client = self.hash.hmac(&salted, b"Client Key");
        let stored = self.hash.digest(client.as_ref());
        let without = format!("c=biws,r={nonce}");
        let all = format!("{},{said},{without}", self.first);
        let signature = self.hash.hmac(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> =
            client.as_ref().iter().zip(signature.as_ref()).map(|(key, sign)| key ^ sign).collect();
        let server = self.hash.hmac(&salted, b"Server Key");
        let expected = self.hash.hmac(server.as_ref(), all.as_bytes());
        let answer = format!("{without},p={}", STANDARD.encode(proof));
        Ok((answer, Proof(format!("v={}", STANDARD.encode(expected)))))
    }
}

impl Proof {
    /// Whether the broker's last message shows that it knows the password.
    pub(super) fn fits(&self, said: &str) -> bool {
        said.split(',').any(|part| part == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The conversation of RFC 7677, 3.
    #[test]
    fn as_in_the_standard() {
        let scram = Scram::new(Hash::Sha256, "user", "pencil", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let said = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (answer, proof) = scram.answer(said).unwrap();
        assert_eq!(
            answer,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proof.fits("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!proof.fits("v=AAAA") && !proof.fits("e=other-error"));
    }

    #[test]
    fn a_broker_that_is_not_sound_is_left() {
        let scram = Scram::new(Hash::Sha512, "a=b,c", "p", "abc");
        assert_eq!(scram.first(), "n,,n=a=3Db=2Cc,r=abc");
        for said in
            ["r=xyz1,s=AAAA,i=4096", "r=abc,s=AAAA,i=4096", "r=abcd,s=AAAA,i=1", "r=abcd,s=A,i=4096", ""]
        {
            assert!(scram.answer(said).is_err(), "{said}");
        }
        assert!(scram.answer("r=abcd,s=AAAA,i=4096").is_ok());
    }
}
