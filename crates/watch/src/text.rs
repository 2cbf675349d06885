//! Text that came from the wire: nobody vouches for it.

/// Most characters that are kept.
const MAX: usize = 120;

/// Makes text from a packet safe to show: control characters, direction marks and other invisible ones become `·`, bytes that
/// are not UTF-8 are taken as Latin-1, ends are trimmed, long text is cut.
pub fn clean(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let bytes = bytes.get(..end).unwrap_or_default();
    let latin: String;
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => {
            latin = bytes.iter().map(|byte| char::from(*byte)).collect();
            &latin
        }
    };
    clean_text(text.trim())
}

/// The same for text.
pub fn clean_text(text: &str) -> String {
    let mut out: String = text.chars().take(MAX).map(|c| if is_harmless(c) { c } else { '·' }).collect();
    if text.chars().nth(MAX).is_some() {
        out.push('…');
    }
    out
}

fn is_harmless(c: char) -> bool {
    let invisible = matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}');
    !c.is_control() && !invisible
}

/// For HTML, in text and in quoted attributes.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_but_text() {
        assert_eq!(clean(b"\x1b[2JPLC\x07 1\0rest"), "·[2JPLC· 1");
        assert_eq!(clean("a\u{202E}b".as_bytes()), "a·b");
        assert_eq!(clean(b"M\xFCller"), "Müller");
        assert_eq!(clean(&[b'x'; 500]).chars().count(), MAX + 1);
        assert_eq!(html("<script>\"&'"), "&lt;script&gt;&quot;&amp;&#39;");
    }
}
