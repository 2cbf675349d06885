//! Telnet, to look at (RFC 854): text with negotiation between, and where names and passwords are asked for.

/// The port.
pub const PORT: u16 = 23;

/// The text of some bytes, without negotiation; at most `limit` bytes.
#[must_use]
pub fn text(bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        if out.len() >= limit {
            break;
        }
        rest = match (first, tail) {
            (255, [255, tail @ ..]) => {
                out.push(255);
                tail
            }
            (255, [250, tail @ ..]) => {
                // A sub-negotiation, up to its end.
                let end = tail.windows(2).position(|pair| pair == [255, 240]);
                end.and_then(|end| tail.get(end + 2..)).unwrap_or_default()
            }
            (255, [251..=254, _, tail @ ..] | [_, tail @ ..]) => tail,
            (255, []) => &[],
            (byte, tail) => {
                out.push(*byte);
                tail
            }
        };
    }
    out
}

/// What a server's text asks for at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prompt {
    /// A name.
    Name,
    /// A password.
    Password,
}

/// What a server asks for with this text.
#[must_use]
pub fn prompt(text: &[u8]) -> Option<Prompt> {
    let text = text.trim_ascii_end().to_ascii_lowercase();
    let ends = |word: &[u8]| text.ends_with(word);
    if ends(b"password:") || ends(b"passwd:") || ends(b"passcode:") {
        Some(Prompt::Password)
    } else if ends(b"login:") || ends(b"username:") || ends(b"user:") || ends(b"user name:") {
        Some(Prompt::Name)
    } else {
        None
    }
}

/// Whether a server's text says that somebody was not let in.
#[must_use]
pub fn is_refusal(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    [
        &b"login incorrect"[..],
        b"login failed",
        b"authentication failed",
        b"access denied",
        b"invalid password",
    ]
    .iter()
    .any(|words| text.windows(words.len()).any(|window| window == *words))
}
