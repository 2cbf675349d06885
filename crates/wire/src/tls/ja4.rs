//! The fingerprint of a client (JA4).
//!
//! ```text
//!   t 13 d 15 16 h2 _ hash of the sorted suites _ hash of the sorted extensions and the signature algorithms
//! ```

use super::hello::ClientHello;
use super::sha256;
use std::fmt::Write;

fn list(values: &[u16]) -> String {
    let mut out = String::new();
    for value in values {
        let comma = if out.is_empty() { "" } else { "," };
        let _ = write!(out, "{comma}{value:04x}");
    }
    out
}

/// The first twelve digits of the hash; twelve zeros for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "000000000000".into();
    }
    sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn application(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".into() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 15)
}

pub(super) fn fingerprint(hello: &ClientHello<'_>) -> String {
    let version = match hello.version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    let mut ciphers = hello.ciphers.clone();
    ciphers.sort_unstable();
    // The server's name and the application's protocol change from one connection to the next.
    let mut extensions: Vec<u16> =
        hello.extensions.iter().copied().filter(|kind| !matches!(kind, 0 | 16)).collect();
    extensions.sort_unstable();
    let mut second = list(&extensions);
    if !hello.signatures.is_empty() {
        second = format!("{second}_{}", list(&hello.signatures));
    }
    format!(
        "t{version}{}{:02}{:02}{}_{}_{}",
        if hello.extensions.contains(&0) { 'd' } else { 'i' },
        hello.ciphers.len().min(99),
        hello.extensions.len().min(99),
        application(hello.application.unwrap_or_default()),
        short_hash(&list(&ciphers)),
        short_hash(&second),
    )
}
