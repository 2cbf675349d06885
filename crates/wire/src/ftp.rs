//! Commands and answers of FTP, to look at (RFC 959, section 4). The argument of PASS is never given out.

/// The port.
pub const PORT: u16 = 21;
/// Longest line that is looked at, bytes.
pub const MAX_LINE: usize = 1_024;

/// Commands, in the order of their numbers.
pub const COMMANDS: [&str; 24] = [
    "USER", "PASS", "QUIT", "PORT", "PASV", "EPSV", "TYPE", "RETR", "STOR", "APPE", "DELE", "RMD", "MKD",
    "RNFR", "RNTO", "CWD", "PWD", "LIST", "NLST", "SIZE", "SYST", "AUTH", "FEAT", "NOOP",
];

/// One line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// A command: its place in [`COMMANDS`], and what it is for, empty for a password.
    Command(usize, &'a [u8]),
    /// The last line of an answer: its code.
    Answer(u16),
    /// Anything else.
    Other,
}

/// The first line of bytes without its end, and what follows; `None` before its end is there.
#[must_use]
pub fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), rest.get(1..).unwrap_or_default()))
}

/// Looks at a line.
#[must_use]
pub fn read(line: &[u8]) -> Line<'_> {
    if let [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]
    | [a @ b'1'..=b'5', b @ b'0'..=b'9', c @ b'0'..=b'9'] = line
    {
        let digit = |byte: &u8| u16::from(byte - b'0');
        return Line::Answer(digit(a) * 100 + digit(b) * 10 + digit(c));
    }
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, &[]));
    let known = COMMANDS.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(word));
    match known {
        Some(1) => Line::Command(1, &[]),
        Some(at) => Line::Command(at, rest.trim_ascii()),
        None => Line::Other,
    }
}
