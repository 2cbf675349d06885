//! Text that came from the wire: nobody vouches for it.

/// Most characters that are kept.
const MAX: usize = 120;

/// Makes text from a packet safe to show ([`model::text::clean`]): up to the first zero byte, UTF-8 or else Latin-1.
pub fn clean(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    clean_text(&model::text::from_bytes(bytes.get(..end).unwrap_or_default()))
}

/// The same for text.
pub fn clean_text(text: &str) -> String {
    model::text::clean(text, MAX)
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
