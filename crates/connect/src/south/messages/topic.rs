//! Topics to listen on, and patterns of topics whose placeholders name points.
//!
//! `plant/{machine}/{tag}` listens on `plant/+/+`; `plant/{rest...}` on everything below `plant`.

use crate::south::names;
use std::collections::BTreeMap;

/// Longest topic taken, in bytes (MQTT 5, 1.5.4 allows 65,535).
pub const MAX_TOPIC: usize = 1_024;
/// Most levels of a pattern.
const MAX_LEVELS: usize = 32;

/// What the placeholders of a topic or a pointer stand for, by name.
pub type Names = BTreeMap<String, String>;

/// How levels are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Levels {
    /// `plant/oven/temperature`, with `+` and `#` for any (MQTT 5, 4.7); paths of posts.
    Slashes,
    /// `plant.oven.temperature`, with `*` and `>` for any: subjects of NATS.
    Dots,
}

impl Levels {
    const fn between(self) -> char {
        match self {
            Self::Slashes => '/',
            Self::Dots => '.',
        }
    }

    /// What stands for one level and for all that follow.
    const fn any(self) -> (&'static str, &'static str) {
        match self {
            Self::Slashes => ("+", "#"),
            Self::Dots => ("*", ">"),
        }
    }

    /// Whether a text can be one level.
    fn takes(self, level: &str) -> bool {
        match self {
            Self::Slashes => true,
            Self::Dots => !level.is_empty() && !level.contains(|c: char| c.is_whitespace() || c.is_control()),
        }
    }
}

/// One level of a pattern.
#[derive(Clone, Debug, PartialEq)]
enum Level {
    /// Exactly this.
    Is(String),
    /// Any, and it has a name.
    Named(String),
    /// All that follow, at least one.
    Rest(String),
}

/// A topic or a pattern of topics.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(Vec<Level>, Levels);

/// The name in `{name}`; `None` if it is no placeholder, an error if it is a wrong one.
fn placeholder(level: &str) -> Result<Option<&str>, String> {
    let inner = level.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(name) if is_word(name.strip_suffix("...").unwrap_or(name)) => Ok(Some(name)),
        Some(name) => Err(format!("`{{{name}}}` is no placeholder")),
        None if level.contains(['{', '}']) => {
            Err(format!("in `{level}` the placeholder is not the whole level"))
        }
        None => Ok(None),
    }
}

/// Whether the text can name something: letters, digits, `_` and `-`.
pub fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}

impl Pattern {
    /// Reads a topic with or without placeholders.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub fn parse(text: &str, written: Levels) -> Result<Self, String> {
        if text.is_empty() || text.len() > MAX_TOPIC || text.contains('\0') {
            return Err(format!("a topic has 1 to {MAX_TOPIC} bytes"));
        }
        let (one, rest) = written.any();
        if text.contains(one) || text.contains(rest) {
            return Err(format!(
                "`{one}` and `{rest}` name nothing: write {{name}} for one level, {{name...}} for all that follow"
            ));
        }
        let mut levels = Vec::new();
        // The dots of a placeholder for all that follow are none between levels.
        let mut inside = false;
        let ends = |c: char| {
            inside = c == '{' || (inside && c != '}');
            !inside && c == written.between()
        };
        for part in text.split(ends) {
            if !written.takes(part) {
                return Err(format!("`{part}` is no level: it is empty or has a space in it"));
            }
            if let Some(Level::Rest(name)) = levels.last() {
                return Err(format!("`{{{name}...}}` stands for all that follows, so nothing can follow it"));
            }
            levels.push(match placeholder(part)? {
                None => Level::Is(part.into()),
                Some(name) => match name.strip_suffix("...") {
                    Some(name) => Level::Rest(name.into()),
                    None => Level::Named(name.into()),
                },
            });
        }
        let pattern = Self(levels, written);
        let names = pattern.names();
        if let Some(twice) =
            names.iter().enumerate().find(|(at, name)| names.iter().skip(at + 1).any(|n| n == *name))
        {
            return Err(format!("the placeholder {{{}}} stands twice", twice.1));
        }
        if pattern.0.len() > MAX_LEVELS {
            return Err(format!("a pattern has at most {MAX_LEVELS} levels"));
        }
        Ok(pattern)
    }

    /// Names of its placeholders, in order.
    pub fn names(&self) -> Vec<&str> {
        self.0
            .iter()
            .filter_map(|level| match level {
                Level::Is(_) => None,
                Level::Named(name) | Level::Rest(name) => Some(name.as_str()),
            })
            .collect()
    }

    /// The one topic, if it has no placeholder.
    pub fn topic(&self) -> Option<String> {
        self.names().is_empty().then(|| self.filter())
    }

    /// What to subscribe to.
    pub fn filter(&self) -> String {
        let (one, rest) = self.1.any();
        let level = |level: &Level| match level {
            Level::Is(text) => text.clone(),
            Level::Named(_) => one.into(),
            Level::Rest(_) => rest.into(),
        };
        self.0.iter().map(level).collect::<Vec<String>>().join(&self.1.between().to_string())
    }

    /// What the placeholders stand for in `topic`; `None` if it does not fit. Levels that follow are joined by `/`.
    pub fn fit(&self, topic: &str) -> Option<Names> {
        let mut names = Names::new();
        let mut parts = topic.split(self.1.between());
        for level in &self.0 {
            let part = parts.next()?;
            match level {
                Level::Is(text) if text == part => {}
                Level::Is(_) => return None,
                Level::Named(name) => {
                    names.insert(name.clone(), part.into());
                }
                Level::Rest(name) => {
                    let rest = std::iter::once(part).chain(parts.by_ref()).collect::<Vec<_>>().join("/");
                    names.insert(name.clone(), rest);
                }
            }
        }
        parts.next().is_none().then_some(names)
    }
}

/// Whether everything that `filter` brings comes with `wider`, too.
pub fn covers(wider: &str, filter: &str, written: Levels) -> bool {
    let (one, rest) = written.any();
    let mut have = filter.split(written.between());
    for want in wider.split(written.between()) {
        match (want, have.next()) {
            (want, _) if want == rest => return true,
            (_, None) => return false,
            (want, Some(level)) if want == one => {
                if level == rest {
                    return false;
                }
            }
            (want, Some(level)) if want == level => {}
            _ => return false,
        }
    }
    have.next().is_none()
}

/// A path with placeholders, such as `{machine}/{tag}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Place(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Is(String),
    Name(String),
    /// As it stands: a path already, made by a gateway.
    Path(String),
}

impl Place {
    /// Reads the text; every name of `known` has to stand in it, and no other.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn parse(text: &str, known: &[&str]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        for part in text.split('/') {
            match placeholder(part)? {
                Some(name) if known.contains(&name) => pieces.push(Piece::Name(name.into())),
                Some(name) => return Err(format!("{{{name}}} is no placeholder of this pattern")),
                None => match model::path::check_segment(part) {
                    Ok(()) => pieces.push(Piece::Is(part.into())),
                    Err(why) => return Err(why.to_string()),
                },
            }
        }
        let place = Self(pieces);
        match known.iter().find(|name| !place.has(name)) {
            Some(name) => Err(format!("{{{name}}} is missing: two topics would be one point")),
            None => Ok(place),
        }
    }

    /// All placeholders one after the other.
    pub fn of(names: &[&str]) -> Self {
        Self(names.iter().map(|name| Piece::Name((*name).into())).collect())
    }

    /// What a placeholder stands for is a path already.
    pub fn whole(name: &str) -> Self {
        Self(vec![Piece::Path(name.into())])
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Name(known) if known == name))
    }

    /// The path below the device's home.
    pub fn path(&self, names: &Names) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Is(text) => text.clone(),
            Piece::Name(name) => names::segments(names.get(name).map_or("", String::as_str)),
            Piece::Path(name) => names.get(name).cloned().unwrap_or_default(),
        };
        self.0.iter().map(piece).collect::<Vec<String>>().join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_topics() {
        for (pattern, filter, topic, expected) in [
            ("plant/{machine}/{tag}", "plant/+/+", "plant/filler/speed", Some("machine=filler tag=speed")),
            ("plant/{machine}/{tag}", "plant/+/+", "plant/filler", None),
            ("plant/{machine}/{tag}", "plant/+/+", "plant/filler/speed/x", None),
            ("plant/{machine}/{tag}", "plant/+/+", "plant//", Some("machine= tag=")),
            ("plant/{rest...}", "plant/#", "plant/a/b/c", Some("rest=a/b/c")),
            ("plant/{rest...}", "plant/#", "plant", None),
            ("plant/a", "plant/a", "plant/a", Some("")),
            ("/plant/a", "/plant/a", "plant/a", None),
            ("plant.{machine}.{tag}", "plant.*.*", "plant.filler.speed", Some("machine=filler tag=speed")),
            ("plant.{machine}.{tag}", "plant.*.*", "plant.filler", None),
            ("acme.leeds.{rest...}", "acme.leeds.>", "acme.leeds.a.b.c", Some("rest=a/b/c")),
            ("acme.leeds.{rest...}", "acme.leeds.>", "acme.leeds", None),
        ] {
            let written =
                if pattern.contains('.') && !pattern.contains('/') { Levels::Dots } else { Levels::Slashes };
            let parsed = Pattern::parse(pattern, written).unwrap();
            assert_eq!(parsed.filter(), filter);
            let fit = parsed.fit(topic).map(|names| {
                names.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            });
            assert_eq!(fit.as_deref(), expected, "{pattern} {topic}");
        }
        for bad in ["", "a/+", "#", "a{b}", "{a}/{a}", "{a...}/b", "{a b}", "{}", "a\0"] {
            assert!(Pattern::parse(bad, Levels::Slashes).is_err(), "{bad}");
        }
        for bad in ["a.*", ">", "a..b", "a.", "a b.c", "a.{x...}.b"] {
            assert!(Pattern::parse(bad, Levels::Dots).is_err(), "{bad}");
        }
    }

    #[test]
    fn wider_filters_cover() {
        for (wider, filter, expected) in [
            ("#", "a/b", true),
            ("a/#", "a", true),
            ("a/#", "a/+/c", true),
            ("a/+", "a/b", true),
            ("a/+", "a/#", false),
            ("a/+", "a/+", true),
            ("a/b", "a/+", false),
            ("a/+/c", "a/b", false),
        ] {
            assert_eq!(covers(wider, filter, Levels::Slashes), expected, "{wider} {filter}");
            let dots = |text: &str| text.replace('/', ".").replace('+', "*").replace('#', ">");
            assert_eq!(covers(&dots(wider), &dots(filter), Levels::Dots), expected, "{wider} {filter}");
        }
    }

    #[test]
    fn places_hold_every_name() {
        let names = Names::from([("machine".into(), "Oven 1".into()), ("rest".into(), "a/b c".into())]);
        let known = ["machine", "rest"];
        assert_eq!(
            Place::parse("x/{machine}/{rest}", &known).unwrap().path(&names),
            "x/Oven_x20_1/a/b_x20_c"
        );
        assert_eq!(Place::of(&known).path(&names), "Oven_x20_1/a/b_x20_c");
        for bad in ["{machine}", "{machine}/{rest}/{other}", "a b/{machine}/{rest}", "/{machine}/{rest}"] {
            assert!(Place::parse(bad, &known).is_err(), "{bad}");
        }
    }
}
