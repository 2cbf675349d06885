//! Names from outside become segments of a path.
//!
//! Rationale: a topic level or a metric may have any name; a segment has 64 characters of a small alphabet. The escape
//! is one to one (`Motor 1` is `Motor_x20_1` and nothing else is), so that two things outside never become one point,
//! and the same name becomes the same path after every restart. The display name keeps what was written.

use model::path::MAX_SEGMENT;

/// One segment for `name`, whatever it holds.
///
/// Characters outside `A-Z a-z 0-9 _ -` become `_xHEX_` (ISO/IEC 9075-14 escapes names in the same way), the empty name
/// becomes `_x_`. What is longer than a segment may be ends in `-` and eight digits of a hash of the whole.
pub fn segment(name: &str) -> String {
    if name.is_empty() {
        return "_x_".into();
    }
    let mut text = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let plain = c.is_ascii_alphanumeric() || c == '-' || c == '_';
        // What looks like the beginning of an escape is escaped itself, so that nothing else has its segment.
        if plain && !name.get(at..).unwrap_or_default().starts_with("_x") {
            text.push(c);
        } else {
            text.push_str(&format!("_x{:X}_", u32::from(c)));
        }
        if text.len() > MAX_SEGMENT {
            return shorten(&text, name);
        }
    }
    text
}

/// Segments for a name of several levels (`Line 1/Filler/Speed`), joined by `/`.
pub fn segments(name: &str) -> String {
    name.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn shorten(text: &str, name: &str) -> String {
    let head = text.get(..MAX_SEGMENT - 9).unwrap_or_default();
    format!("{head}-{:08x}", hash(name))
}

/// FNV-1a, folded to 32 bits: tells long names apart, nothing more.
fn hash(text: &str) -> u32 {
    let whole = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    ((whole >> 32) ^ (whole & 0xFFFF_FFFF)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::path::check_segment;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_stays_readable() {
        for (name, expected) in [
            ("speed", "speed"),
            ("Line-1_a", "Line-1_a"),
            ("Motor 1", "Motor_x20_1"),
            ("a.b", "a_x2E_b"),
            ("T\u{e4}nk", "T_xE4_nk"),
            ("", "_x_"),
            ("_x20_", "_x5F_x20_"),
            ("_x_", "_x5F_x_"),
            ("_xylophone", "_x5F_xylophone"),
        ] {
            assert_eq!(segment(name), expected);
        }
        assert_eq!(segments("Line 1/Filler//Speed"), "Line_x20_1/Filler/_x_/Speed");
    }

    proptest! {
        #[test]
        fn every_name_is_a_segment_and_no_two_share_one(a in ".{0,80}", b in ".{0,80}") {
            prop_assert!(check_segment(&segment(&a)).is_ok(), "{}", segment(&a));
            prop_assert_eq!(a == b, segment(&a) == segment(&b));
        }

        #[test]
        fn names_near_the_escape_stay_apart(a in "[_xA0 \u{a0}]{0,7}", b in "[_xA0 \u{a0}]{0,7}") {
            prop_assert_eq!(a == b, segment(&a) == segment(&b), "{} {}", segment(&a), segment(&b));
        }
    }
}
