//! Heads of HTTP/1 requests and answers, to look at (RFC 9112). Bodies are not read.

/// Longest head that is looked at, bytes.
pub const MAX_HEAD: usize = 16 * 1024;
/// Most header lines that are looked at.
const MAX_LINES: usize = 100;

/// Methods, in the order of their numbers.
pub const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// What a head begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start<'a> {
    /// A request: place of its method in [`METHODS`], and what it is for. Not checked to be text.
    Request(usize, &'a [u8]),
    /// An answer: its status.
    Answer(u16),
}

/// A look at a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Its first line.
    pub start: Start<'a>,
    /// Bytes up to the body.
    pub length: usize,
    /// Bytes of the body, if the head says it.
    pub body: Option<u64>,
    /// The body comes in pieces.
    pub is_chunked: bool,
    /// Goes on as another protocol.
    pub is_upgrade: bool,
    /// The host that is asked.
    pub host: Option<&'a [u8]>,
    /// The program that asks.
    pub agent: Option<&'a [u8]>,
    /// The program that answers.
    pub server: Option<&'a [u8]>,
    /// How the client signs in, one word, e.g. `Basic`. What comes behind it is not kept.
    pub sign_in: Option<&'a [u8]>,
}

/// One line without its end, and what follows; `None` before its end is there.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default()))
}

fn start(line: &[u8]) -> Option<Start<'_>> {
    if let Some(rest) = line.strip_prefix(b"HTTP/1.") {
        let status = rest.get(2..5)?.iter().try_fold(0u16, |sum, digit| {
            digit.is_ascii_digit().then(|| sum * 10 + u16::from(digit - b'0'))
        })?;
        return Some(Start::Answer(status));
    }
    let mut words = line.split(|byte| *byte == b' ');
    let method = words.next()?;
    let at = METHODS.iter().position(|known| known.as_bytes() == method)?;
    let target = words.next()?;
    words.next()?.starts_with(b"HTTP/1.").then_some(Start::Request(at, target))
}

/// Whether bytes can be the beginning of a head.
#[must_use]
pub fn looks_like_head(bytes: &[u8]) -> bool {
    let word = bytes.split(|byte| *byte == b' ').next().unwrap_or_default();
    bytes.starts_with(b"HTTP/1.") || METHODS.iter().any(|known| known.as_bytes() == word)
}

/// Looks at a head: `None` if its end is not there yet.
///
/// # Errors
/// What begins here is no head, or one that is too long.
pub fn head(bytes: &[u8]) -> Result<Option<Head<'_>>, &'static str> {
    let Some((first, mut rest)) = line(bytes) else {
        return if bytes.len() > MAX_HEAD { Err("a first line without an end") } else { Ok(None) };
    };
    let start = start(first).ok_or("a first line that is neither a request nor an answer")?;
    let mut head = Head {
        start,
        length: 0,
        body: None,
        is_chunked: false,
        is_upgrade: false,
        host: None,
        agent: None,
        server: None,
        sign_in: None,
    };
    for _ in 0..MAX_LINES {
        let Some((next, tail)) = line(rest) else {
            return if bytes.len() > MAX_HEAD { Err("a head without an end") } else { Ok(None) };
        };
        rest = tail;
        if next.is_empty() {
            head.length = bytes.len() - rest.len();
            return Ok(Some(head));
        }
        note(&mut head, next);
    }
    Err("more header lines than anybody sends")
}

fn note<'a>(head: &mut Head<'a>, line: &'a [u8]) {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else { return };
    let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
    let value = value.trim_ascii();
    let is = |wanted: &str| name.eq_ignore_ascii_case(wanted.as_bytes());
    if is("host") {
        head.host = Some(value);
    } else if is("user-agent") {
        head.agent = Some(value);
    } else if is("server") {
        head.server = Some(value);
    } else if is("authorization") {
        head.sign_in = value.split(|byte| *byte == b' ').next();
    } else if is("content-length") {
        head.body = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
    } else if is("transfer-encoding") {
        head.is_chunked = value.to_ascii_lowercase().ends_with(b"chunked");
    } else if is("upgrade") {
        head.is_upgrade = true;
    }
}
