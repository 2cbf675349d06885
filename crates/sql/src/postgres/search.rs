//! The search path: in which schemas a name that stands without one is looked for.

use crate::lake;
use parking_lot::Mutex;
use std::sync::Arc;

/// Where everything of ours is found that has no schema before it, if nobody says otherwise.
const PUBLIC: &str = "public";
/// Schemas that there are.
const SCHEMAS: [&str; 4] = [PUBLIC, lake::NAME, "pg_catalog", "information_schema"];
/// Longest text, letters.
const LONGEST: usize = 1_000;

/// The search path of a session. All clones are one.
#[derive(Clone, Debug)]
pub struct SearchPath(Arc<Mutex<String>>);

impl Default for SearchPath {
    /// `public` alone.
    fn default() -> Self {
        Self(Arc::new(Mutex::new(PUBLIC.into())))
    }
}

impl SearchPath {
    /// As it was written.
    pub fn text(&self) -> String {
        self.0.lock().clone()
    }

    /// Names of schemas with commas between; `None`: back to `public`. What there is not is passed over.
    pub fn set(&self, text: Option<&str>) {
        *self.0.lock() = text.unwrap_or(PUBLIC).chars().take(LONGEST).collect();
    }

    /// Those of its schemas that there are.
    pub(crate) fn schemas(&self) -> Vec<&'static str> {
        let text = self.0.lock();
        let known = |word: &str| {
            let word = word.trim();
            let quoted = word.strip_prefix('"').and_then(|word| word.strip_suffix('"'));
            let name = quoted.map_or_else(|| word.to_lowercase(), str::to_owned);
            SCHEMAS.into_iter().find(|schema| *schema == name)
        };
        text.split(',').filter_map(known).collect()
    }

    /// The same with the catalogue, which is looked into first where nobody says otherwise (PostgreSQL 15, 5.9.5).
    pub(crate) fn searched(&self) -> Vec<&'static str> {
        let mut all = self.schemas();
        if !all.contains(&"pg_catalog") {
            all.insert(0, "pg_catalog");
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_there_are() {
        let path = SearchPath::default();
        for (text, want) in [
            (Some("lake"), &["lake"][..]),
            (Some("\"$user\", Lake, public"), &["lake", "public"]),
            (Some("\"Lake\", nowhere,\"public\" "), &["public"]),
            (Some(""), &[]),
            (None, &["public"]),
        ] {
            path.clone().set(text);
            assert_eq!(path.schemas(), want, "{text:?}");
        }
        assert_eq!(path.searched(), ["pg_catalog", "public"]);
        path.set(Some("lake, pg_catalog"));
        assert_eq!(path.searched(), ["lake", "pg_catalog"]);
        path.set(Some(&"x".repeat(10_000)));
        assert_eq!(path.text().len(), LONGEST);
    }
}
