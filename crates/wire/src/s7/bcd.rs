//! Binary coded decimals: two digits a byte, as dates, timers and counters have them.

/// The number of two digits; `None` if a nibble is no digit.
#[must_use]
pub const fn from_byte(byte: u8) -> Option<u8> {
    let (tens, ones) = (byte >> 4, byte & 15);
    if tens > 9 || ones > 9 { None } else { Some(tens * 10 + ones) }
}

/// The number that big-endian bytes spell, the first digit first; `None` if a nibble is no digit.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Option<u64> {
    bytes
        .iter()
        .try_fold(0u64, |number, byte| number.checked_mul(100)?.checked_add(u64::from(from_byte(*byte)?)))
}

/// Two digits as a byte; numbers above 99 lose their hundreds.
#[must_use]
pub const fn to_byte(number: u8) -> u8 {
    ((number / 10 % 10) << 4) | (number % 10)
}

/// The last `bytes * 2` digits of a number, big-endian.
#[must_use]
pub fn to_bytes(mut number: u64, bytes: usize) -> Vec<u8> {
    let mut out = vec![0; bytes];
    for byte in out.iter_mut().rev() {
        *byte = to_byte((number % 100) as u8);
        number /= 100;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        assert_eq!(from_bytes(&[0x12, 0x34]), Some(1234));
        assert_eq!(from_bytes(&[0x1A]), None);
        assert_eq!(to_bytes(1234, 2), [0x12, 0x34]);
        assert_eq!(to_bytes(7, 4), [0, 0, 0, 7]);
        for number in 0..=99 {
            assert_eq!(from_byte(to_byte(number)), Some(number));
        }
    }
}
