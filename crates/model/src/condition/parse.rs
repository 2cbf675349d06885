//! From text to a condition: words, then the grammar that the module above shows.

use super::{Comparison, ConditionError, Node, Operand, wrong};
use std::fmt;

/// Deepest nesting of brackets and signs.
const MAX_DEPTH: usize = 16;

#[derive(Clone, Debug, PartialEq)]
enum Word {
    Number(f64),
    Text(String),
    Name(String),
    Sign(&'static str),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(v) => write!(f, "`{v}`"),
            Self::Text(v) => write!(f, "`'{v}'`"),
            Self::Name(v) => write!(f, "`{v}`"),
            Self::Sign(v) => write!(f, "`{v}`"),
        }
    }
}

/// Longer ones first.
const SIGNS: [&str; 15] = ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "(", ")"];

fn words(text: &str) -> Result<Vec<Word>, ConditionError> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end_of = |part: fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
        let (word, length) = if first.is_ascii_digit() || first == '.' {
            let end = end_of(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
            let (number, _) = rest.split_at(end);
            match number.parse::<f64>().ok().filter(|v| v.is_finite()) {
                Some(v) => (Word::Number(v), end),
                None => return wrong(format!("`{number}` is no number")),
            }
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = end_of(|c| c.is_ascii_alphanumeric() || c == '_');
            (Word::Name(rest.split_at(end).0.to_owned()), end)
        } else if first == '\'' || first == '"' {
            let Some((inside, _)) = rest.get(1..).and_then(|rest| rest.split_once(first)) else {
                return wrong(format!("the text that begins with {first} does not end"));
            };
            (Word::Text(inside.to_owned()), inside.len() + 2)
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Word::Sign(sign), sign.len())
        } else {
            let hint = match first {
                '=' => "; equality is ==",
                '&' => "; and is &&",
                '|' => "; or is ||",
                _ => "",
            };
            return wrong(format!("`{first}` means nothing here{hint}"));
        };
        found.push(word);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(found)
}

pub(super) struct Parser {
    words: Vec<Word>,
    at: usize,
    depth: usize,
}

impl Parser {
    /// Understands the whole text.
    pub(super) fn read(text: &str) -> Result<Node, ConditionError> {
        let mut parser = Self { words: words(text)?, at: 0, depth: 0 };
        let root = parser.any()?;
        match parser.peek() {
            None => Ok(root),
            Some(word) => wrong(format!("{word} is one too many; join conditions with && or ||")),
        }
    }

    fn peek(&self) -> Option<&Word> {
        self.words.get(self.at)
    }

    /// Takes one of these signs, if it is next.
    fn take(&mut self, signs: &[&'static str]) -> Option<&'static str> {
        match self.peek() {
            Some(Word::Sign(sign)) if signs.contains(sign) => {
                let sign = *sign;
                self.at += 1;
                Some(sign)
            }
            _ => None,
        }
    }

    fn any(&mut self) -> Result<Node, ConditionError> {
        let mut nodes = vec![self.all()?];
        while self.take(&["||"]).is_some() {
            nodes.push(self.all()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, ConditionError> {
        let mut nodes = vec![self.compare()?];
        while self.take(&["&&"]).is_some() {
            nodes.push(self.compare()?);
        }
        Ok(single(nodes, Node::All))
    }

    fn compare(&mut self) -> Result<Node, ConditionError> {
        let left = self.chain(&["+", "-"])?;
        let how = match self.take(&["==", "!=", "<=", ">=", "<", ">"]) {
            None => return Ok(left),
            Some("==") => Comparison::Equal,
            Some("!=") => Comparison::NotEqual,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::LessOrEqual,
            Some(">") => Comparison::Greater,
            Some(_) => Comparison::GreaterOrEqual,
        };
        let right = self.chain(&["+", "-"])?;
        Ok(Node::Compare(Box::new(left), how, Box::new(right)))
    }

    /// Sums of products.
    fn chain(&mut self, signs: &[&'static str]) -> Result<Node, ConditionError> {
        let product = signs.contains(&"*");
        let term = |parser: &mut Self| if product { parser.unary() } else { parser.chain(&["*", "/"]) };
        let first = term(self)?;
        let mut rest = Vec::new();
        while let Some(sign) = self.take(signs) {
            rest.push((sign.chars().next().unwrap_or('+'), term(self)?));
        }
        Ok(if rest.is_empty() { first } else { Node::Chain(Box::new(first), rest) })
    }

    fn unary(&mut self) -> Result<Node, ConditionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return wrong(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        let node = match self.take(&["!", "-", "("]) {
            Some("!") => Node::Not(Box::new(self.unary()?)),
            Some("-") => Node::Negative(Box::new(self.unary()?)),
            Some(_) => {
                let inside = self.any()?;
                if self.take(&[")"]).is_none() {
                    return wrong("a closing bracket `)` is missing");
                }
                inside
            }
            None => self.leaf()?,
        };
        self.depth -= 1;
        Ok(node)
    }

    fn leaf(&mut self) -> Result<Node, ConditionError> {
        let node = match self.peek() {
            Some(Word::Number(v)) => Node::Literal(Operand::Number(*v)),
            Some(Word::Text(v)) => Node::Literal(Operand::Text(v.clone())),
            Some(Word::Name(name)) if name == "true" => Node::Literal(Operand::Bool(true)),
            Some(Word::Name(name)) if name == "false" => Node::Literal(Operand::Bool(false)),
            Some(Word::Name(name)) => Node::Name(name.clone()),
            Some(sign) => return wrong(format!("a name, a number or a text belongs where {sign} stands")),
            None => return wrong("it ends where a name, a number or a text belongs"),
        };
        self.at += 1;
        Ok(node)
    }
}

fn single(mut nodes: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match nodes.pop() {
        Some(only) if nodes.is_empty() => only,
        Some(last) => {
            nodes.push(last);
            join(nodes)
        }
        None => Node::Literal(Operand::Bool(false)),
    }
}
