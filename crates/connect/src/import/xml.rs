//! XML of other programs: no entities of its own, bounded.
//!
//! Rationale: a file with a document type can name other files and grow without bound (entity expansion); none of the
//! formats that are read here needs one. The parser calls itself for each level, and a stack that is full ends the whole
//! program: depth is counted before anything is parsed.

use roxmltree::{Document, Node, ParsingOptions};

/// Most nodes of a document.
pub const MOST_NODES: u32 = 2_000_000;
/// Most elements within each other; models and tag lists have about twenty.
pub const DEEPEST: usize = 100;

/// Reads a document.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn parse(text: &str) -> Result<Document<'_>, String> {
    if is_deeper_than(text, DEEPEST) {
        return Err(format!("its elements are nested deeper than {DEEPEST}"));
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES };
    Document::parse_with_options(text, options).map_err(|why| why.to_string())
}

/// The first child of that name, whatever its namespace.
pub fn child<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// Whether elements are nested deeper than `most`. What is no XML is counted somehow: the parser refuses it.
fn is_deeper_than(text: &str, most: usize) -> bool {
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some((_, tag)) = rest.split_once('<') {
        let after = |end: &str| tag.split_once(end).map_or("", |(_, after)| after);
        rest = if tag.starts_with("!--") {
            after("-->")
        } else if tag.starts_with("![CDATA[") {
            after("]]>")
        } else if tag.starts_with(['?', '!']) {
            after(">")
        } else {
            let end = tag_end(tag);
            let inside = tag.get(..end).unwrap_or(tag);
            if inside.starts_with('/') {
                depth = depth.saturating_sub(1);
            } else if !inside.ends_with('/') {
                depth += 1;
            }
            tag.get(end..).unwrap_or("")
        };
        if depth > most {
            return true;
        }
    }
    false
}

/// Where a tag ends: at the first `>` that is in no attribute's value.
fn tag_end(tag: &str) -> usize {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return at,
            (b'"' | b'\'', None) => quote = Some(byte),
            (byte, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    tag.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_before_anything_is_parsed() {
        let nested = |depth: usize| format!("{}{}", "<a b='>'>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(DEEPEST)).is_ok());
        assert!(parse(&nested(DEEPEST + 1)).unwrap_err().contains("nested deeper than 100"));
        assert!(parse(&"<a>".repeat(1_000_000)).unwrap_err().contains("nested deeper"));
        let wide =
            format!("<r>{}{}</r>", "<a/><b x=\"/>\"></b>".repeat(1_000), "<!-- <x> --><![CDATA[<y>]]>");
        assert!(parse(&wide).is_ok(), "{:?}", parse(&wide).err());
    }
}
