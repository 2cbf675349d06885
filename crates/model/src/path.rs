//! The public identity of a point: segments joined by `/`, case kept, unique ignoring case.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Longest segment, in characters.
pub const MAX_SEGMENT: usize = 64;
/// Longest path, in characters: it must fit a topic, a column and a URL.
pub const MAX_PATH: usize = 512;

/// A validated path such as `acme/leeds/packaging/line-1/filler/speed`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Path(Arc<str>);

/// Why a text is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The text is empty, or has an empty segment (`a//b`, a leading or trailing `/`).
    #[error("a path needs at least one segment, and no segment may be empty")]
    Empty,
    /// A segment is longer than [`MAX_SEGMENT`] or the whole longer than [`MAX_PATH`].
    #[error("`{0}` is too long: a segment has at most 64 characters, a path at most 512")]
    TooLong(String),
    /// A character outside `A-Z a-z 0-9 _ -`.
    #[error("`{text}` has the character `{found}`; a segment may use A-Z, a-z, 0-9, `_` and `-`")]
    Character {
        /// The segment.
        text: String,
        /// The first character that is not allowed.
        found: char,
    },
}

impl Path {
    /// Checks and keeps `text`.
    ///
    /// # Errors
    /// [`PathError`] says which rule is broken.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if text.is_empty() {
            return Err(PathError::Empty);
        }
        if text.len() > MAX_PATH {
            return Err(PathError::TooLong(text.chars().take(MAX_SEGMENT).collect()));
        }
        text.split('/').try_for_each(check_segment)?;
        Ok(Self(text.into()))
    }

    /// This path with `below` appended; `below` may have several segments.
    ///
    /// # Errors
    /// As [`Path::new`], for the joined text.
    pub fn join(&self, below: &str) -> Result<Self, PathError> {
        Self::new(&format!("{}/{below}", self.0))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, first to last.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The path without its last segment; `None` at the top.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(above, _)| Self(above.into()))
    }

    /// The form under which paths must be unique.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// Whether this path is `prefix` or lies below it (whole segments, case ignored). The empty prefix holds all.
    pub fn is_under(&self, prefix: &str) -> bool {
        let Some(head) = self.0.as_bytes().get(..prefix.len()) else { return false };
        prefix.is_empty()
            || (head.eq_ignore_ascii_case(prefix.as_bytes())
                && matches!(self.0.as_bytes().get(prefix.len()), None | Some(b'/')))
    }

    /// Whether this path matches a selection pattern: `*` is one segment, a final `**` any number (also none).
    pub fn matches(&self, pattern: &str) -> bool {
        let mut have = self.0.split('/');
        for want in pattern.split('/') {
            if want == "**" {
                return true;
            }
            match have.next() {
                Some(segment) if want == "*" || want.eq_ignore_ascii_case(segment) => {}
                _ => return false,
            }
        }
        have.next().is_none()
    }
}

/// Checks one segment by the rules of [`Path`].
///
/// # Errors
/// [`PathError`] says which rule is broken.
pub fn check_segment(text: &str) -> Result<(), PathError> {
    if text.is_empty() {
        return Err(PathError::Empty);
    }
    if text.len() > MAX_SEGMENT {
        return Err(PathError::TooLong(text.chars().take(MAX_SEGMENT).collect()));
    }
    match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
        Some(found) => Err(PathError::Character { text: text.into(), found }),
        None => Ok(()),
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Path {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl AsRef<str> for Path {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_and_refuses() {
        for good in ["a", "acme/leeds/line-1/Filler_2/speed", "_ironbridge/journal"] {
            assert_eq!(Path::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "/a", "a/", "a//b", "a b", "a/ü", "a.b", "a/#", &"x".repeat(65)] {
            assert!(Path::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn prefixes_are_whole_segments() {
        let path = Path::new("Acme/leeds/filler").unwrap();
        for (prefix, expected) in [
            ("", true),
            ("acme", true),
            ("acme/leeds", true),
            ("acme/lee", false),
            ("acme/leeds/filler/x", false),
        ] {
            assert_eq!(path.is_under(prefix), expected, "{prefix}");
        }
    }

    #[test]
    fn patterns() {
        let path = Path::new("acme/leeds/filler").unwrap();
        for (pattern, expected) in [
            ("**", true),
            ("acme/**", true),
            ("acme/*/filler", true),
            ("acme/*", false),
            ("*/*/*", true),
            ("x/**", false),
        ] {
            assert_eq!(path.matches(pattern), expected, "{pattern}");
        }
    }
}
