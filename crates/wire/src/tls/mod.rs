//! TLS from the outside, to look at: who asks for whom, with which program, and which certificate answers
//! (RFC 8446 and RFC 5246; server names RFC 6066, section 3).
//!
//! ```text
//!   record:    type 1 │ version 2 │ length 2 │ ...            16 handshake, 15 alert, 17 data
//!   handshake: type 1 │ length 3 │ ...                        1 client hello, 2 server hello, 0B certificate
//! ```

mod certificate;
mod hello;
mod ja4;
mod sha256;

pub use certificate::{Certificate, Moment};
pub use hello::{ClientHello, ServerHello};

/// Bytes before the content of a record.
pub const HEADER: usize = 5;
/// Longest content of a record with what encryption adds (RFC 5246, 6.2.3).
const MAX_RECORD: usize = 16_384 + 2_048;
/// Longest handshake message that is put together.
pub const MAX_HANDSHAKE: usize = 32 * 1024;

/// Record of handshake messages.
pub const HANDSHAKE: u8 = 22;
/// Record that says what went wrong, or that it is over.
pub const ALERT: u8 = 21;

/// Length of the record that begins here, with its header; `None` as long as that is not there.
///
/// # Errors
/// What begins here is no record.
pub fn frame_length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    match bytes {
        [20..=24, 3, 0..=4, high, low, ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            if length <= MAX_RECORD {
                Ok(Some(HEADER + length))
            } else {
                Err("a record that is longer than any may be")
            }
        }
        [20..=24, 3, 0..=4, ..] | [20..=24, 3] | [20..=24] | [] => Ok(None),
        _ => Err("bytes that begin no record of TLS"),
    }
}

/// The first handshake message of some bytes, its type and content, and what follows; `None` if it is not whole.
#[must_use]
pub fn handshake(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let ([kind, a, b, c], rest) = bytes.split_first_chunk::<4>()?;
    let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

/// Name of a version: 0x0303 is TLS 1.2.
#[must_use]
pub const fn version_name(version: u16) -> &'static str {
    match version {
        0x0300 => "SSL 3.0",
        0x0301 => "TLS 1.0",
        0x0302 => "TLS 1.1",
        0x0303 => "TLS 1.2",
        0x0304 => "TLS 1.3",
        _ => "TLS",
    }
}

/// The first certificate of a certificate message (RFC 5246, 7.4.2): that of the server itself.
#[must_use]
pub fn first_certificate(content: &[u8]) -> Option<&[u8]> {
    let ([_, _, _, a, b, c], rest) = content.split_first_chunk::<6>()?;
    rest.get(..usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c))
}
