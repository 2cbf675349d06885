//! Tags as Logix programmers write them: `Line1.Speed`, `Program:Main.Count`, `Array[3]`, `Local:1:I.Data.5`.

use super::{Path, Segment};
use std::fmt;

/// Longest name of one step, in characters (a Logix identifier has 40; module names are longer).
const MAX_NAME: usize = 80;
/// Most steps of a tag.
const MAX_STEPS: usize = 16;

/// One step: a name and the elements chosen of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// Name of the tag or member; the first may be `Program:Name`.
    pub name: Box<str>,
    /// Element of each dimension, at most three.
    pub elements: Vec<u32>,
}

/// A tag, taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag {
    /// From the outside in.
    pub steps: Vec<Step>,
    /// Bit of an integer, 0 to 63: `Bits.5`.
    pub bit: Option<u8>,
}

/// Why a text is no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoTag(pub String);

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Self, NoTag> {
        let wrong = |why: String| NoTag(format!("`{text}` is no tag: {why}"));
        let mut steps = Vec::new();
        let mut bit = None;
        let mut rest = text;
        while !rest.is_empty() || steps.is_empty() {
            let end = end_of_step(rest);
            let (part, tail) = rest.split_at(end);
            rest = tail.strip_prefix('.').unwrap_or(tail);
            if tail.len() != rest.len() && rest.is_empty() {
                return Err(wrong("it ends with a dot".into()));
            }
            if bit.is_some() {
                return Err(wrong("nothing can follow a bit".into()));
            }
            if !steps.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
                bit = Some(
                    part.parse()
                        .ok()
                        .filter(|bit| *bit < 64)
                        .ok_or_else(|| wrong(format!("`{part}` is no bit, 0 to 63")))?,
                );
                continue;
            }
            steps.push(step(part).map_err(&wrong)?);
            if steps.len() > MAX_STEPS {
                return Err(wrong(format!("more than {MAX_STEPS} steps")));
            }
        }
        Ok(Self { steps, bit })
    }

    /// The path on the wire, without the bit.
    #[must_use]
    pub fn path(&self) -> Path {
        let mut segments = Vec::with_capacity(self.steps.len() + 1);
        for step in &self.steps {
            segments.push(Segment::Symbol(step.name.clone()));
            segments.extend(step.elements.iter().map(|element| Segment::Member(*element)));
        }
        Path(segments)
    }

    /// The program whose tag it is, if it is none of the controller's own.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.steps.first().map(|step| &*step.name).filter(|name| is_program(name))
    }
}

/// Whether a name is that of a program.
#[must_use]
pub fn is_program(name: &str) -> bool {
    name.get(..8).is_some_and(|head| head.eq_ignore_ascii_case("Program:"))
}

/// Where the first step ends: at a dot outside brackets.
fn end_of_step(text: &str) -> usize {
    let mut inside = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => inside = true,
            b']' => inside = false,
            b'.' if !inside => return at,
            _ => {}
        }
    }
    text.len()
}

fn step(part: &str) -> Result<Step, String> {
    let (name, elements) = match part.split_once('[') {
        None => (part, Vec::new()),
        Some((name, inside)) => {
            let inside =
                inside.strip_suffix(']').ok_or_else(|| format!("`{part}` has no closing bracket"))?;
            let elements: Result<Vec<u32>, _> = inside.split(',').map(|e| e.trim().parse::<u32>()).collect();
            let elements = elements.map_err(|_| format!("`[{inside}]` is no element; write [3] or [1,2]"))?;
            if elements.len() > 3 {
                return Err(format!("`[{inside}]` has more than three dimensions"));
            }
            (name, elements)
        }
    };
    if name.is_empty() {
        return Err("a name is empty".into());
    }
    if name.len() > MAX_NAME {
        return Err(format!("the name `{name}` has more than {MAX_NAME} characters"));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':');
    if let Some(wrong) = name.chars().find(|c| !u8::try_from(*c).is_ok_and(allowed)) {
        return Err(format!("a name has letters, digits and `_`; `{wrong}` is none of them"));
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("the name `{name}` begins with a digit"));
    }
    Ok(Step { name: name.into(), elements })
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { "." } else { "" }, step.name)?;
            if !step.elements.is_empty() {
                let elements: Vec<String> = step.elements.iter().map(u32::to_string).collect();
                write!(f, "[{}]", elements.join(","))?;
            }
        }
        self.bit.map_or(Ok(()), |bit| write!(f, ".{bit}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_programmers_write_them() {
        for text in [
            "Line1",
            "Line1.Speed",
            "Program:Main.Count",
            "Array[3]",
            "Grid[1,2,3].Sub.X",
            "Bits.5",
            "Local:1:I.Data.31",
            "A[2].B[0].7",
        ] {
            let tag = Tag::parse(text).unwrap();
            assert_eq!(tag.to_string(), text);
        }
        let tag = Tag::parse("Program:Main.Line[1,2].Speed.5").unwrap();
        assert_eq!((tag.bit, tag.program()), (Some(5), Some("Program:Main")));
        assert_eq!(tag.path().to_string(), "Program:Main.Line[1][2].Speed");
    }

    #[test]
    fn mistakes_in_words() {
        for (text, why) in [
            ("", "a name is empty"),
            ("A.", "ends with a dot"),
            ("A..B", "a name is empty"),
            ("A[", "no closing bracket"),
            ("A[x]", "is no element"),
            ("A[1,2,3,4]", "three dimensions"),
            ("A.64", "is no bit"),
            ("A.5.B", "nothing can follow a bit"),
            ("Füller", "`ü` is none of them"),
            ("5A", "begins with a digit"),
        ] {
            let error = Tag::parse(text).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
