//! NKeys: Ed25519 keys as NATS writes them (docs.nats.io, "NKeys"): base32 of a prefix, 32 bytes and a CRC-16.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{Ed25519KeyPair, KeyPair};

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Prefix of a seed (`S`), and of a user (`U`).
const SEED: u8 = 18 << 3;
const USER: u8 = 20 << 3;

/// A user's key, with its JWT where it came as credentials.
pub(super) struct Nkey {
    pair: Ed25519KeyPair,
    jwt: Option<String>,
}

impl Nkey {
    /// Reads a seed (`SU...`), or a `.creds` file with a JWT and a seed between lines of dashes.
    ///
    /// # Errors
    /// What is wrong, to stand behind "the secret NAME".
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('-'));
        let seed = lines().find(|line| line.starts_with("SU")).ok_or("holds no seed of a user (SU...)")?;
        let jwt = lines().find(|line| line.starts_with("eyJ")).map(str::to_owned);
        let bytes = decode(seed).ok_or("is no base32 text")?;
        let (body, sum) = bytes.split_last_chunk::<2>().ok_or("is too short")?;
        if crc16(body) != u16::from_le_bytes(*sum) {
            return Err("is mistyped: its checksum is wrong");
        }
        let [first, second, seed @ ..] = body else { return Err("is too short") };
        let (kind, role) = (first & 0xF8, (first & 7) << 5 | (second & 0xF8) >> 3);
        if kind != SEED || role != USER {
            return Err("is not the seed of a user");
        }
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| "is no key")?;
        Ok(Self { pair, jwt })
    }

    /// The signature of the server's nonce, base64url.
    pub(super) fn sign(&self, nonce: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.pair.sign(nonce.as_bytes()))
    }

    /// The public key, `U...`.
    pub(super) fn public(&self) -> String {
        let mut bytes = vec![USER];
        bytes.extend_from_slice(self.pair.public_key().as_ref());
        let sum = crc16(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        encode(&bytes)
    }

    /// The JWT, if it came with one.
    pub(super) fn jwt(&self) -> Option<&str> {
        self.jwt.as_deref()
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut have, mut out) = (0_u32, 0, Vec::new());
    for byte in text.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte)?;
        bits = (bits << 5) | u32::try_from(value).ok()?;
        have += 5;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    Some(out)
}

fn encode(bytes: &[u8]) -> String {
    let (mut bits, mut have, mut out) = (0_u32, 0, String::new());
    let mut put =
        |value: u32| out.extend(ALPHABET.get((value & 31) as usize).map(|letter| char::from(*letter)));
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        have += 8;
        while have >= 5 {
            have -= 5;
            put(bits >> have);
        }
    }
    if have > 0 {
        put(bits << (5 - have));
    }
    out
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A seed as `nk -gen user` writes it.
    fn seed(secret: [u8; 32]) -> String {
        let mut bytes = vec![SEED | (USER >> 5), (USER & 31) << 3];
        bytes.extend(secret);
        let sum = crc16(&bytes);
        bytes.extend(sum.to_le_bytes());
        encode(&bytes)
    }

    #[test]
    fn crc_and_base32_as_published() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(encode(b"foobar"), "MZXW6YTBOI");
        assert_eq!(decode("MZXW6YTBOI").unwrap(), b"foobar");
    }

    #[test]
    fn seeds_and_credentials() {
        let seed = seed([7; 32]);
        assert!(seed.starts_with("SU"), "{seed}");
        let key = Nkey::read(&seed).unwrap();
        assert!(key.public().starts_with('U') && key.public().len() == 56 && key.jwt().is_none());
        assert_eq!(key.sign("nonce").len(), 86);
        let creds = format!(
            "-----BEGIN NATS USER JWT-----\neyJx.y.z\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        assert_eq!(Nkey::read(&creds).unwrap().jwt(), Some("eyJx.y.z"));
        let mut wrong = seed.clone().into_bytes();
        wrong[20] = if wrong[20] == b'A' { b'B' } else { b'A' };
        assert_eq!(
            Nkey::read(std::str::from_utf8(&wrong).unwrap()).err(),
            Some("is mistyped: its checksum is wrong")
        );
        assert!(Nkey::read("hunter2").is_err() && Nkey::read("SU").is_err());
    }
}
