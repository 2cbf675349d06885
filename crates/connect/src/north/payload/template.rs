//! Topics and payloads with `{placeholders}`.

use crate::north::below;
use model::{Declaration, Path};

/// A word of the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointWord {
    /// The whole path.
    Path,
    /// The path below the site.
    Below,
    /// The path without its last segment.
    Parent,
    /// The last segment.
    Name,
    /// The connection's name.
    Connection,
    /// The device within it.
    Device,
    /// First segment of the site.
    Enterprise,
    /// The rest of the site.
    Site,
    /// The unit.
    Unit,
}

/// A word of the sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleWord {
    /// The value as a JSON literal.
    Value,
    /// The quality's name.
    Quality,
    /// The OPC UA status code, a number.
    Status,
    /// Milliseconds since 1970.
    Time,
    /// RFC 3339.
    TimeIso,
    /// The journal's position, a number.
    Seq,
    /// true or false.
    Historical,
    /// The name of the state, empty if there is none.
    State,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// Of the point: known before any sample.
    Point(PointWord),
    /// Of the sample.
    Sample(SampleWord),
}

const POINT_WORDS: &[(&str, PointWord)] = &[
    ("path", PointWord::Path),
    ("below", PointWord::Below),
    ("parent", PointWord::Parent),
    ("name", PointWord::Name),
    ("connection", PointWord::Connection),
    ("device", PointWord::Device),
    ("enterprise", PointWord::Enterprise),
    ("site", PointWord::Site),
    ("unit", PointWord::Unit),
];

const SAMPLE_WORDS: &[(&str, SampleWord)] = &[
    ("value", SampleWord::Value),
    ("quality", SampleWord::Quality),
    ("status", SampleWord::Status),
    ("time", SampleWord::Time),
    ("time_iso", SampleWord::TimeIso),
    ("seq", SampleWord::Seq),
    ("historical", SampleWord::Historical),
    ("state", SampleWord::State),
];

/// Splits a template. A brace that does not enclose a lower-case word stands for itself, so that JSON needs no
/// escapes.
///
/// # Errors
/// The word in braces that is not known.
pub fn parse(text: &str, with_sample: bool) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        let inner = from.get(1..).unwrap_or_default();
        let word = inner.split_once('}').map(|(word, _)| word);
        let word =
            word.filter(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
        let Some(word) = word else {
            plain.push('{');
            rest = inner;
            continue;
        };
        let point = POINT_WORDS.iter().find(|(name, _)| *name == word).map(|(_, word)| Part::Point(*word));
        let sample = SAMPLE_WORDS.iter().find(|(name, _)| *name == word).map(|(_, word)| Part::Sample(*word));
        let part = point.or(sample.filter(|_| with_sample)).ok_or_else(|| word.to_owned())?;
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(part);
        rest = inner.get(word.len() + 1..).unwrap_or_default();
    }
    plain.push_str(rest);
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

/// The words that may stand in braces, for help texts.
pub fn words(with_sample: bool) -> String {
    let points = POINT_WORDS.iter().map(|(name, _)| *name);
    let samples = SAMPLE_WORDS.iter().map(|(name, _)| *name).filter(|_| with_sample);
    points.chain(samples).map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ")
}

/// A word of a point.
pub fn point_word(word: PointWord, point: &Declaration, site: &Path) -> String {
    let path = point.path.as_str();
    match word {
        PointWord::Path => path.into(),
        PointWord::Below => below(path, site.as_str()).into(),
        PointWord::Parent => point.path.parent().map_or_else(String::new, |parent| parent.to_string()),
        PointWord::Name => point.path.last().into(),
        PointWord::Connection => point.connection.clone(),
        PointWord::Device => point.device.clone(),
        PointWord::Enterprise => site.segments().next().unwrap_or_default().into(),
        PointWord::Site => site.as_str().split_once('/').map_or("", |(_, rest)| rest).into(),
        PointWord::Unit => point.unit.clone(),
    }
}

/// A template as people write it.
pub fn source(parts: &[Part]) -> String {
    joined(parts, &|word| named(POINT_WORDS, word))
}

/// A topic or a key as far as it is known without a point: enterprise and site in their places, other words in braces.
pub fn shown(parts: &[Part], site: &Path) -> String {
    let (enterprise, rest) = site.as_str().split_once('/').unwrap_or((site.as_str(), ""));
    joined(parts, &|word| match word {
        PointWord::Enterprise => enterprise.into(),
        PointWord::Site => rest.into(),
        word => named(POINT_WORDS, word),
    })
}

fn joined(parts: &[Part], point: &dyn Fn(PointWord) -> String) -> String {
    let text = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Point(word) => point(*word),
        Part::Sample(word) => named(SAMPLE_WORDS, *word),
    };
    parts.iter().map(text).collect()
}

fn named<W: PartialEq>(words: &[(&str, W)], word: W) -> String {
    words.iter().find(|(_, known)| *known == word).map_or_else(String::new, |(name, _)| format!("{{{name}}}"))
}

/// A topic of a point; characters that a topic must not have become `_`, empty levels are left out.
pub fn topic(parts: &[Part], point: &Declaration, site: &Path) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Point(word) => {
                text.extend(
                    point_word(*word, point, site)
                        .chars()
                        .map(|c| if matches!(c, '+' | '#' | '\0') { '_' } else { c }),
                );
            }
            Part::Sample(_) => {}
        }
    }
    text.split('/').filter(|level| !level.is_empty()).collect::<Vec<_>>().join("/")
}

/// A subject of a point, as NATS has them: its folders are tokens joined by dots; characters that a token must not have
/// become `_`.
pub fn subject(parts: &[Part], point: &Declaration, site: &Path) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Point(word) => text.extend(point_word(*word, point, site).chars().map(|c| match c {
                '/' => '.',
                '.' | '*' | '>' => '_',
                c if c.is_whitespace() || c.is_control() => '_',
                c => c,
            })),
            Part::Sample(_) => {}
        }
    }
    text.split('.').filter(|token| !token.is_empty()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::ValueType;

    #[test]
    fn braces_of_json_stand_for_themselves() {
        let parts = parse("{\"v\":{value},\"q\":{\"name\":\"{quality}\"}}", true).unwrap();
        assert_eq!(
            parts,
            vec![
                Part::Text("{\"v\":".into()),
                Part::Sample(SampleWord::Value),
                Part::Text(",\"q\":{\"name\":\"".into()),
                Part::Sample(SampleWord::Quality),
                Part::Text("\"}}".into()),
            ]
        );
        assert_eq!(parse("{vaule}", true), Err("vaule".into()));
        assert_eq!(parse("{value}", false), Err("value".into()));
        assert_eq!(parse("{", true), Ok(vec![Part::Text("{".into())]));
    }

    #[test]
    fn topics() {
        let site = Path::new("acme/leeds").unwrap();
        let mut point =
            Declaration::new(Path::new("acme/leeds/line-1/filler/speed").unwrap(), ValueType::F64);
        point.connection = "plc".into();
        point.device = "fil+ler".into();
        for (template, expected) in [
            ("{path}", "acme/leeds/line-1/filler/speed"),
            ("{enterprise}/{site}/x/{below}", "acme/leeds/x/line-1/filler/speed"),
            ("{parent}", "acme/leeds/line-1/filler"),
            ("/{connection}//{device}/{name}/", "plc/fil_ler/speed"),
        ] {
            assert_eq!(topic(&parse(template, false).unwrap(), &point, &site), expected);
        }
        point.device = "fil ler.1>".into();
        for (template, expected) in [
            ("{path}", "acme.leeds.line-1.filler.speed"),
            ("plant.{device}..{name}", "plant.fil_ler_1_.speed"),
        ] {
            assert_eq!(subject(&parse(template, false).unwrap(), &point, &site), expected);
        }
    }
}
