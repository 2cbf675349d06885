//! Text that came from outside: nobody vouches for it.

/// Makes text safe to show: control characters, direction marks and other invisible ones become `·`, ends are trimmed, text
/// longer than `most` characters is cut and ends in `…`.
#[must_use]
pub fn clean(text: &str, most: usize) -> String {
    let text = text.trim();
    let mut out: String = text.chars().take(most).map(|c| if is_harmless(c) { c } else { '·' }).collect();
    if text.chars().nth(most).is_some() {
        out.push('…');
    }
    out
}

/// Bytes as text: UTF-8, else Latin-1.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().into(),
    }
}

fn is_harmless(c: char) -> bool {
    let invisible = matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_is_left() {
        assert_eq!(clean(" \x1b[2JPLC\x07 1\n", 120), "·[2JPLC· 1");
        assert_eq!(clean("a\u{202E}b", 120), "a·b");
        assert_eq!(clean("abcd", 3), "abc…");
        assert_eq!(from_bytes(b"M\xFCller"), "Müller");
        assert_eq!(from_bytes("Müller".as_bytes()), "Müller");
    }
}
