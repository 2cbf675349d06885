//! What is kept of findings, assets, links and data touched beyond one run: what people decided, and what was seen before.
//!
//! A pure core: whoever owns the books gives them reports and the time, and puts them on disk.

mod assets;
mod findings;
mod traffic;

pub use assets::{AssetBook, Change, KnownAsset, KnownFact, LEVELS};
pub use findings::{Act, FindingBook, KeptFinding, Standing, Step};
pub use traffic::TrafficBook;

/// Version of what is written. A newer one is refused, not guessed at.
pub const VERSION: u32 = 1;
/// Longest note or reason, in characters.
const MAX_NOTE: usize = 2_000;

/// Why something cannot be done, and what to do instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("there is no such {0}")]
    Unknown(&'static str),
    /// What is asked contradicts itself: message and next step.
    #[error("{0}")]
    Invalid(String, &'static str),
    /// It does not stand so that this makes sense: message and next step.
    #[error("{0}")]
    Standing(&'static str, &'static str),
}

/// A note that is not too long, and there if it must be.
fn text(text: &str, what: &str, must: bool) -> Result<String, Refusal> {
    let text = text.trim().to_owned();
    if must && text.is_empty() {
        return Err(Refusal::Invalid(
            format!("the {what} is missing"),
            "say in a few words why, for those after you",
        ));
    }
    if text.chars().count() > MAX_NOTE {
        return Err(Refusal::Invalid(
            format!("the {what} is longer than {MAX_NOTE} characters"),
            "shorten it",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Time;

    /// Books as the first version wrote them are read, and written again as they were.
    #[test]
    fn books_of_version_1_are_read() {
        let text = include_str!("fixtures/findings-1.json");
        let book: FindingBook = serde_json::from_str(text).unwrap();
        let kept = &book.findings["IB-S7-001-3b1ef0155c"];
        assert_eq!((kept.count, kept.revision, kept.standing), (7, 4, Standing::Muted));
        let muted = kept.step(Standing::Muted).unwrap();
        assert_eq!((muted.by.as_str(), muted.until), ("anna", Some(Time(1_700_400_000_000_000_000))));
        assert_eq!(serde_json::to_string(&book).unwrap(), text.trim_end());
        let text = include_str!("fixtures/assets-1.json");
        let book: AssetBook = serde_json::from_str(text).unwrap();
        let asset = &book.assets["10.0.0.9"];
        assert_eq!((asset.called(), asset.level, asset.live), ("Press 4", Some(3.5), false));
        assert_eq!(serde_json::to_string(&book).unwrap(), text.trim_end());
    }
}
