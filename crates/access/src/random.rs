//! Unguessable texts, and the hashes under which they are kept.

use crate::AccessError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Fills `N` bytes from the operating system.
pub(crate) fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, AccessError> {
    let mut out = Zeroizing::new([0; N]);
    getrandom::fill(out.as_mut_slice())
        .map_err(|error| AccessError::Invalid(format!("the machine gives no random numbers: {error}")))?;
    Ok(out)
}

/// `prefix` and 256 random bits in URL-safe letters.
pub(crate) fn token(prefix: &str) -> Result<Zeroizing<String>, AccessError> {
    let random = bytes::<32>()?;
    Ok(Zeroizing::new(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random.as_slice()))))
}

/// A short public id.
pub(crate) fn id() -> Result<String, AccessError> {
    Ok(hex(bytes::<6>()?.as_slice()))
}

/// SHA-256 of `text`. Enough for 256-bit random texts: there is nothing to guess.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// As [`digest`], in hexadecimal.
pub(crate) fn digest_hex(text: &str) -> String {
    hex(&digest(text))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_long() {
        let (one, two) = (token("ib_").unwrap(), token("ib_").unwrap());
        assert_ne!(*one, *two);
        assert_eq!(one.len(), 3 + 43);
        assert!(one.starts_with("ib_"));
        assert_eq!(digest_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
