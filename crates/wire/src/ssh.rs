//! How SSH begins, to look at (RFC 4253, section 4.2): each side says its version and its program.

/// The port.
pub const PORT: u16 = 22;
/// Longest first line (with its end).
pub const MAX_LINE: usize = 255;

/// Version and program, e.g. `2.0` and `OpenSSH_9.2p1 Debian-2`; `None` if this is no such line.
#[must_use]
pub fn banner(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = line.strip_prefix(b"SSH-").filter(|_| line.len() <= MAX_LINE)?;
    let dash = rest.iter().position(|byte| *byte == b'-')?;
    let (version, program) = rest.split_at_checked(dash)?;
    Some((version, program.get(1..)?.trim_ascii()))
}

/// Whether both sides can be of version 2: 1.99 can do both.
#[must_use]
pub fn is_current(version: &[u8]) -> bool {
    version.starts_with(b"2.") || version == b"1.99"
}
