//! NATS client protocol (docs.nats.io, "Client Protocol"): what a client sends, and what it reads of a server.
//!
//! ```text
//!  INFO {..}                                        ◀─ server   CONNECT {..}, PING          ─▶
//!  HPUB subject reply 33 45 | headers | payload      ─▶         HMSG / MSG / PING / -ERR    ◀─
//! ```
//! Text lines that end with CR LF; MSG and HMSG are followed by their bytes and one more CR LF.

use thiserror::Error;

/// Longest line of a server that is read; INFO of a large cluster is some kilobytes.
pub const MAX_LINE: usize = 64 * 1024;

/// What is wrong with what a server says.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NatsError {
    /// A line longer than [`MAX_LINE`].
    #[error("a line of more than {MAX_LINE} bytes")]
    LongLine,
    /// A message longer than was allowed.
    #[error("a message of {0} bytes, more than was allowed")]
    LongMessage(usize),
    /// A line that is none of the protocol.
    #[error("an unknown line `{0}`")]
    Unknown(String),
}

/// One thing that a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said<'a> {
    /// Facts about the server, JSON.
    Info(&'a str),
    /// A message for one of our subscriptions.
    Message(Message<'a>),
    /// Whether we are there: answer with [`PONG`].
    Ping,
    /// The answer to our PING.
    Pong,
    /// Taken, in verbose mode.
    Ok,
    /// An error; the server often closes behind it.
    Error(&'a str),
}

/// A message of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its subject.
    pub subject: &'a str,
    /// Where an answer goes; empty when none is wanted.
    pub reply: &'a str,
    /// Header lines, without `NATS/1.0`; empty when there are none.
    pub headers: &'a str,
    /// The status of a header without message, e.g. `503` when nobody listens; 0 when there is none.
    pub status: u16,
    /// Its bytes.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The value of a header, its name's case ignored.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// "Are you there?"
pub const PING: &[u8] = b"PING\r\n";
/// "I am here."
pub const PONG: &[u8] = b"PONG\r\n";

/// The first thing in `bytes` and how many bytes it takes; `None` when it is not complete yet.
///
/// # Errors
/// [`NatsError`]: the session cannot go on. Messages longer than `max_payload` bytes are refused.
pub fn parse(bytes: &[u8], max_payload: usize) -> Result<Option<(Said<'_>, usize)>, NatsError> {
    let Some(end) = bytes.windows(2).take(MAX_LINE).position(|pair| pair == b"\r\n") else {
        return if bytes.len() > MAX_LINE { Err(NatsError::LongLine) } else { Ok(None) };
    };
    let line = bytes.get(..end).unwrap_or_default();
    let unknown = || {
        let start = line.get(..line.len().min(60)).unwrap_or_default();
        NatsError::Unknown(String::from_utf8_lossy(start).into_owned())
    };
    let text = std::str::from_utf8(line).map_err(|_| unknown())?;
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim();
    let said = match word.to_ascii_uppercase().as_str() {
        "INFO" => Said::Info(rest),
        "PING" => Said::Ping,
        "PONG" => Said::Pong,
        "+OK" => Said::Ok,
        "-ERR" => Said::Error(rest.trim_matches('\'')),
        "MSG" => return message(bytes, end + 2, rest, false, max_payload).ok_or_else(unknown)?,
        "HMSG" => return message(bytes, end + 2, rest, true, max_payload).ok_or_else(unknown)?,
        _ => return Err(unknown()),
    };
    Ok(Some((said, end + 2)))
}

type Parsed<'a> = Result<Option<(Said<'a>, usize)>, NatsError>;

/// `subject sid [reply] [header-bytes] bytes`, then the bytes. `None`: the line is no such.
fn message<'a>(bytes: &'a [u8], from: usize, line: &'a str, headed: bool, most: usize) -> Option<Parsed<'a>> {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    let numbers = if headed { 2 } else { 1 };
    if !(2 + numbers..=3 + numbers).contains(&words.len()) {
        return None;
    }
    let subject = words.first()?;
    let reply = if words.len() == 3 + numbers { words.get(2).copied()? } else { "" };
    let total: usize = words.last()?.parse().ok()?;
    let head: usize = if headed { words.get(words.len() - 2)?.parse().ok()? } else { 0 };
    if total > most {
        return Some(Err(NatsError::LongMessage(total)));
    }
    if head > total {
        return None;
    }
    let Some(body) = bytes.get(from..from + total + 2) else { return Some(Ok(None)) };
    let payload = body.get(head..total)?;
    let header = std::str::from_utf8(body.get(..head)?).ok()?;
    let (first, headers) = header.split_once("\r\n").unwrap_or((header, ""));
    let status = first.strip_prefix("NATS/1.0").unwrap_or_default().split_ascii_whitespace().next();
    let status = status.and_then(|code| code.parse().ok()).unwrap_or(0);
    let message = Message { subject, reply, headers, status, payload };
    Some(Ok(Some((Said::Message(message), from + total + 2))))
}

/// Writes `CONNECT` with a JSON object.
pub fn connect(out: &mut Vec<u8>, json: &str) {
    out.extend_from_slice(b"CONNECT ");
    out.extend_from_slice(json.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Subscribes to `subject` under the number `sid`.
pub fn subscribe(out: &mut Vec<u8>, subject: &str, sid: u32) {
    out.extend_from_slice(format!("SUB {subject} {sid}\r\n").as_bytes());
}

/// Publishes without headers; `reply` may be empty.
pub fn publish(out: &mut Vec<u8>, subject: &str, reply: &str, payload: &[u8]) {
    let gap = if reply.is_empty() { "" } else { " " };
    out.extend_from_slice(format!("PUB {subject} {reply}{gap}{}\r\n", payload.len()).as_bytes());
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Publishes with headers. Names and values must be free of CR and LF.
pub fn publish_headed(
    out: &mut Vec<u8>,
    subject: &str,
    reply: &str,
    headers: &[(&str, &str)],
    payload: &[u8],
) {
    // "NATS/1.0" CRLF, each: name ": " value CRLF, CRLF
    let head: usize = 12 + headers.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    out.extend_from_slice(
        format!("HPUB {subject} {reply} {head} {}\r\nNATS/1.0\r\n", head + payload.len()).as_bytes(),
    );
    for (name, value) in headers {
        for part in [name.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(payload);
    out.extend_from_slice(b"\r\n");
}

/// Whether a subject may be published to: tokens without white space and wildcards, joined by dots.
pub fn is_subject(subject: &str) -> bool {
    !subject.is_empty()
        && subject.split('.').all(|token| {
            !token.is_empty()
                && !token.contains(|c: char| c.is_whitespace() || c.is_control() || "*>".contains(c))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_servers_say() {
        let text = b"INFO {\"a\":1}\r\nPING\r\n+OK\r\n-ERR 'Authorization Violation'\r\nMSG a.b 1 5\r\nhello\r\n\
            HMSG a.b 1 reply 19 21\r\nNATS/1.0\r\nA: bc\r\n\r\n{}\r\nHMSG x 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\nPO";
        let mut at = 0;
        let mut found = Vec::new();
        while let Some((said, used)) = parse(&text[at..], 1_000).unwrap() {
            found.push(said);
            at += used;
        }
        assert_eq!(&text[at..], b"PO");
        let plain = |subject, payload| Message { subject, reply: "", headers: "", status: 0, payload };
        assert_eq!(found.len(), 7, "{found:?}");
        assert_eq!(
            found[..5],
            [
                Said::Info("{\"a\":1}"),
                Said::Ping,
                Said::Ok,
                Said::Error("Authorization Violation"),
                Said::Message(plain("a.b", b"hello")),
            ]
        );
        let Said::Message(headed) = &found[5] else { panic!() };
        assert_eq!((headed.header("a"), headed.header("b"), headed.payload), (Some("bc"), None, &b"{}"[..]));
        assert_eq!(headed.reply, "reply");
        let Said::Message(nobody) = &found[6] else { panic!() };
        assert_eq!((nobody.status, nobody.payload), (503, &b""[..]));
    }

    #[test]
    fn what_breaks_the_rules_ends_the_session() {
        assert_eq!(parse(b"MSG a 1 2000\r\n", 1_000), Err(NatsError::LongMessage(2_000)));
        assert_eq!(parse(b"HELLO x\r\n", 10), Err(NatsError::Unknown("HELLO x".into())));
        assert!(parse(b"MSG a\r\n", 10).is_err() && parse(b"HMSG a 1 9 3\r\n", 10).is_err());
        assert_eq!(parse(&vec![b'x'; MAX_LINE + 1], 10), Err(NatsError::LongLine));
    }

    #[test]
    fn what_is_published_is_read_back() {
        let mut out = Vec::new();
        publish_headed(&mut out, "a.b", "_INBOX.1", &[("Nats-Msg-Id", "x#1"), ("A", "b")], b"{}");
        // A client's HPUB has the shape of a server's HMSG, but for the number of the subscription.
        let text = String::from_utf8(out).unwrap().replace("HPUB a.b", "HMSG a.b 1");
        let Some((Said::Message(message), used)) = parse(text.as_bytes(), 100).unwrap() else { panic!() };
        assert_eq!(
            (used, message.header("nats-msg-id"), message.payload),
            (text.len(), Some("x#1"), &b"{}"[..])
        );
        let (mut out, expected) =
            (Vec::new(), "PUB a r 2\r\nhi\r\nPUB a 0\r\n\r\nSUB b.* 7\r\nCONNECT {}\r\n");
        publish(&mut out, "a", "r", b"hi");
        publish(&mut out, "a", "", b"");
        subscribe(&mut out, "b.*", 7);
        connect(&mut out, "{}");
        assert_eq!(out, expected.as_bytes());
    }

    #[test]
    fn subjects() {
        for (subject, expected) in [
            ("a", true),
            ("a.b-c.D_1", true),
            ("", false),
            ("a..b", false),
            ("a.*", false),
            ("a b", false),
            ("a.>", false),
        ] {
            assert_eq!(is_subject(subject), expected, "{subject}");
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes, 100);
            let mut line = b"HMSG ".to_vec();
            line.extend(&bytes);
            line.extend(b"\r\n");
            let _ = parse(&line, 100);
        }
    }
}
