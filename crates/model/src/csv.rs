//! Comma-separated text by RFC 4180, safe to open in a spreadsheet.

/// Whether a spreadsheet would take a text for a formula: it starts with `=`, `+`, `-`, `@`, tab or carriage return.
pub fn is_formula(text: &[u8]) -> bool {
    text.first().is_some_and(|first| b"=+-@\t\r".contains(first))
}

/// Appends one text field. Text that a spreadsheet would take for a formula gets an apostrophe before it. Numbers are
/// written by the caller and stay numbers.
pub fn field(out: &mut String, text: &str) {
    let formula = is_formula(text.as_bytes());
    if !formula && !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_quotes_are_doubled() {
        let check = |text: &str, expected: &str| {
            let mut out = String::new();
            field(&mut out, text);
            assert_eq!(out, expected);
        };
        check("Idle", "Idle");
        check("a,b", "\"a,b\"");
        check("say \"hi\"", "\"say \"\"hi\"\"\"");
        check("=1+1", "\"'=1+1\"");
        check("+49", "\"'+49\"");
        check("-x", "\"'-x\"");
        check("@SUM(A1)", "\"'@SUM(A1)\"");
        check("two\nlines", "\"two\nlines\"");
    }
}
