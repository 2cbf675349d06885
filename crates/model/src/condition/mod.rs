//! Conditions over named points, e.g. `guard && speed < 10`: what an interlock asks before a write.
//!
//! ```text
//! or      := and ("||" and)*            and   := compare ("&&" compare)*
//! compare := sum (("=="|"!="|"<"|"<="|">"|">=") sum)?
//! sum     := product (("+"|"-") product)*      product := unary (("*"|"/") unary)*
//! unary   := ("!"|"-") unary | "(" or ")" | NUMBER | 'TEXT' | true | false | NAME
//! ```
//! Rationale: the words are those of CEL, so that nobody learns a second notation, but length, depth and work are
//! bounded by construction, and nothing is converted in silence: a text is never a number, and a result that is not
//! true or false is a mistake, never "no".

use crate::Value;
use parse::Parser;
use std::collections::BTreeSet;

mod parse;

/// Longest text of a condition, in bytes.
pub const MAX_TEXT: usize = 500;
/// Largest whole number that a double holds exactly (2^53).
const EXACT: i64 = 9_007_199_254_740_992;

/// Why a condition cannot be understood or answered, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConditionError(String);

fn wrong<T>(why: impl Into<String>) -> Result<T, ConditionError> {
    Err(ConditionError(why.into()))
}

/// A condition that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    root: Node,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Literal(Operand),
    Name(String),
    Not(Box<Node>),
    Negative(Box<Node>),
    All(Vec<Node>),
    Any(Vec<Node>),
    Compare(Box<Node>, Comparison, Box<Node>),
    /// First term, then operator and term each.
    Chain(Box<Node>, Vec<(char, Node)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// True or false.
    Bool(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// A number that has a name, e.g. `2 = "Stopped"`: compares with either.
    State(f64, String),
}

impl Operand {
    /// Of a value, with the name of its state if it has one.
    ///
    /// # Errors
    /// Values that a condition cannot compare: nothing, bytes, whole numbers that a double cannot hold exactly, and
    /// what is no number.
    pub fn of(value: &Value, state: Option<&str>) -> Result<Self, ConditionError> {
        let number = match value {
            Value::Bool(v) => return Ok(Self::Bool(*v)),
            Value::Text(v) => return Ok(Self::Text(v.to_string())),
            Value::F64(v) if v.is_nan() => return wrong("it is not a number (NaN)"),
            Value::F64(v) => *v,
            Value::I64(_) | Value::U64(_) => match value.as_i64().filter(|v| (-EXACT..=EXACT).contains(v)) {
                Some(v) => v as f64,
                None => return wrong(format!("{value} is too large to be compared exactly")),
            },
            Value::None => return wrong("it has no value yet"),
            Value::Bytes(_) => return wrong("bytes cannot be compared"),
        };
        Ok(match state {
            Some(name) => Self::State(number, name.to_owned()),
            None => Self::Number(number),
        })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "true or false",
            Self::Number(_) | Self::State(..) => "a number",
            Self::Text(_) => "a text",
        }
    }

    fn number(&self) -> Result<f64, ConditionError> {
        match self {
            Self::Number(v) | Self::State(v, _) => Ok(*v),
            other => wrong(format!("{} is used as a number", other.kind())),
        }
    }

    fn truth(&self) -> Result<bool, ConditionError> {
        match self {
            Self::Bool(v) => Ok(*v),
            other => wrong(format!(
                "{} is used where true or false belongs; compare it with something",
                other.kind()
            )),
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(v) | Self::State(_, v) => Some(v),
            _ => None,
        }
    }
}

impl Condition {
    /// Understands `text`.
    ///
    /// # Errors
    /// Where it stops making sense, and what could stand there.
    pub fn parse(text: &str) -> Result<Self, ConditionError> {
        if text.len() > MAX_TEXT {
            return wrong(format!("a condition has at most {MAX_TEXT} characters"));
        }
        Ok(Self { root: Parser::read(text)? })
    }

    /// The names that it asks for.
    pub fn names(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        self.root.names(&mut found);
        found
    }

    /// Whether it holds; `value` says what a name stands for.
    ///
    /// # Errors
    /// What `value` says, or what does not fit together.
    pub fn holds(
        &self,
        value: &mut dyn FnMut(&str) -> Result<Operand, ConditionError>,
    ) -> Result<bool, ConditionError> {
        self.root.value(value)?.truth()
    }
}

impl ConditionError {
    /// In words.
    pub fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

type Lookup<'a> = &'a mut dyn FnMut(&str) -> Result<Operand, ConditionError>;

impl Node {
    fn names<'n>(&'n self, found: &mut BTreeSet<&'n str>) {
        match self {
            Self::Literal(_) => {}
            Self::Name(name) => drop(found.insert(name)),
            Self::Not(node) | Self::Negative(node) => node.names(found),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.names(found)),
            Self::Compare(left, _, right) => {
                left.names(found);
                right.names(found);
            }
            Self::Chain(first, rest) => {
                first.names(found);
                rest.iter().for_each(|(_, node)| node.names(found));
            }
        }
    }

    fn value(&self, look: Lookup<'_>) -> Result<Operand, ConditionError> {
        Ok(match self {
            Self::Literal(operand) => operand.clone(),
            Self::Name(name) => look(name)?,
            Self::Not(node) => Operand::Bool(!node.value(look)?.truth()?),
            Self::Negative(node) => Operand::Number(-node.value(look)?.number()?),
            // Every part is looked at, so that a mistake is found when it is written, not when it matters.
            Self::All(nodes) => Operand::Bool(truths(nodes, look)?.into_iter().all(|truth| truth)),
            Self::Any(nodes) => Operand::Bool(truths(nodes, look)?.into_iter().any(|truth| truth)),
            Self::Compare(left, how, right) => {
                Operand::Bool(compare(&left.value(look)?, *how, &right.value(look)?)?)
            }
            Self::Chain(first, rest) => {
                let mut sum = first.value(look)?.number()?;
                for (operator, node) in rest {
                    let term = node.value(look)?.number()?;
                    sum = match operator {
                        '+' => sum + term,
                        '-' => sum - term,
                        '*' => sum * term,
                        _ if term == 0.0 => return wrong("a division by zero"),
                        _ => sum / term,
                    };
                }
                Operand::Number(sum)
            }
        })
    }
}

fn truths(nodes: &[Node], look: Lookup<'_>) -> Result<Vec<bool>, ConditionError> {
    nodes.iter().map(|node| node.value(look)?.truth()).collect()
}

fn compare(left: &Operand, how: Comparison, right: &Operand) -> Result<bool, ConditionError> {
    use Comparison as C;
    let equal = match (left, right) {
        (Operand::Bool(a), Operand::Bool(b)) => a == b,
        (Operand::Text(_), _) | (_, Operand::Text(_)) => match (left.text(), right.text()) {
            (Some(a), Some(b)) => a == b,
            _ => return wrong(format!("{} and {} cannot be compared", left.kind(), right.kind())),
        },
        (Operand::Bool(_), _) | (_, Operand::Bool(_)) => {
            return wrong(format!("{} and {} cannot be compared", left.kind(), right.kind()));
        }
        _ => left.number()? == right.number()?,
    };
    match how {
        C::Equal => return Ok(equal),
        C::NotEqual => return Ok(!equal),
        _ => {}
    }
    let (a, b) = (left.number()?, right.number()?);
    Ok(match how {
        C::Less => a < b,
        C::LessOrEqual => a <= b,
        C::Greater => a > b,
        _ => a >= b,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn look(name: &str) -> Result<Operand, ConditionError> {
        Ok(match name {
            "guard" => Operand::Bool(true),
            "speed" => Operand::Number(5.0),
            "state" => Operand::State(2.0, "Idle".into()),
            "recipe" => Operand::Text("Lager".into()),
            other => return wrong(format!("no `{other}`")),
        })
    }

    #[test]
    fn what_holds_and_what_does_not() {
        for (text, expected) in [
            ("guard && speed < 10", Ok(true)),
            ("!guard || speed >= 5.5", Ok(false)),
            ("state == 'Idle' && state == 2", Ok(true)),
            ("state != \"Execute\"", Ok(true)),
            ("recipe == 'Lager'", Ok(true)),
            ("2 + 3 * 4 - 1 == 13 && (2 + 3) * 4 == 20", Ok(true)),
            ("10 - 2 - 3 == 5 && 8 / 2 / 2 == 2", Ok(true)),
            ("-speed < 0 && !!guard", Ok(true)),
            ("speed / 0 > 1", Err("division by zero")),
            ("speed", Err("true or false belongs")),
            ("guard > 1", Err("cannot be compared")),
            ("recipe < 'Z'", Err("used as a number")),
            ("recipe == 5", Err("cannot be compared")),
            ("guard || nowhere", Err("no `nowhere`")),
        ] {
            let condition = Condition::parse(text).unwrap();
            match (condition.holds(&mut look), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{text}: {why}"),
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        let names = Condition::parse("b && a < c + b").unwrap();
        assert_eq!(names.names().into_iter().collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, part) in [
            ("", "it ends"),
            ("guard &&", "it ends"),
            ("speed = 5", "equality is =="),
            ("guard & guard", "and is &&"),
            ("guard speed", "one too many"),
            ("(guard", "closing bracket"),
            ("1..2 < 3", "no number"),
            ("'open", "does not end"),
            ("a ? b : c", "means nothing"),
            ("1e999 > 0", "no number"),
        ] {
            let why = Condition::parse(text).unwrap_err().to_string();
            assert!(why.contains(part), "{text}: {why}");
        }
        assert!(Condition::parse(&"(".repeat(MAX_TEXT)).unwrap_err().to_string().contains("nested deeper"));
        assert!(Condition::parse(&"!".repeat(MAX_TEXT)).unwrap_err().to_string().contains("nested deeper"));
        assert!(Condition::parse(&"a".repeat(MAX_TEXT + 1)).unwrap_err().to_string().contains("at most"));
    }

    #[test]
    fn values_that_cannot_be_compared_are_refused() {
        assert_eq!(Operand::of(&Value::U64(3), Some("Held")), Ok(Operand::State(3.0, "Held".into())));
        for value in [Value::None, Value::F64(f64::NAN), Value::I64(i64::MAX), Value::U64(u64::MAX)] {
            assert!(Operand::of(&value, None).is_err(), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_understood_or_refused(text in "\\PC{0,60}") {
            let _ = Condition::parse(&text).map(|condition| condition.holds(&mut look));
        }

        #[test]
        fn any_words_are_understood_or_refused(words in prop::collection::vec(prop::sample::select(vec![
            "guard", "speed", "1", "2.5", "'x'", "&&", "||", "!", "(", ")", "<", "==", "+", "-", "*", "/",
        ]), 0..60)) {
            let _ = Condition::parse(&words.join(" ")).map(|condition| condition.holds(&mut look));
        }

        #[test]
        fn numbers_compare_as_numbers(a in -1e6..1e6_f64, b in -1e6..1e6_f64) {
            let text = format!("({a}) < ({b}) || ({a}) >= ({b})");
            prop_assert_eq!(Condition::parse(&text).unwrap().holds(&mut look), Ok(true));
            let text = format!("x < {}", b.abs());
            let less = Condition::parse(&text).unwrap().holds(&mut |_| Ok(Operand::Number(a)));
            prop_assert_eq!(less, Ok(a < b.abs()));
        }
    }
}
