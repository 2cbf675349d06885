//! Orders: what a message asks to be written to another point, and the id that makes it happen once.
//!
//! ```text
//!  {"order":"A-17","product":"COLA-050","quantity":600}      id = "/order", value = "/quantity", write = "line-1/filler/target"
//!     └▶ Wish { id, value, given } ─▶ the one command path ─▶ outcome ─▶ a text point beside the order's
//! ```
//! Rationale: an order is a message like others, so its fields are points like others. What it changes in the plant goes the
//! one command path: rule, role, second person, time-to-live, and an id that is made of the order's own, so that an order
//! that comes again, by whatever way, is never carried out again.

use super::book::Came;
use super::payload::{Mapping, Payload, from_json, from_text};
use super::pointer::{elements, find, word};
use model::{Path, Status, Time, Value, ValueType};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// An order given so far in the future was given by a clock that is wrong.
const AHEAD: Duration = Duration::from_secs(5);
/// Orders of one message.
const MOST_ORDERS: usize = 500;
/// Longest id of an order.
const LONGEST_ID: usize = 64;
/// Longest text of an order that is repeated in words.
const SHOWN: usize = 60;

/// One thing that messages ask for.
#[derive(Debug)]
pub struct AskSpec {
    /// Index of its device.
    pub device: usize,
    /// Index of the point that has its outcome into the declared points.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// The point that is written.
    pub target: Path,
    /// The point that has its outcome.
    pub outcome: Path,
    /// Where value and time stand.
    pub mapping: Mapping,
    /// What the value is.
    pub kind: ValueType,
    /// Numbers that stand for words; empty: the value is written as it is.
    pub words: BTreeMap<String, f64>,
    /// What must stand elsewhere in the message.
    pub when: BTreeMap<String, String>,
    /// Where the orders of a message stand, if one may hold several; everything else is then within each of them.
    pub each: Option<String>,
    /// Where the order's id stands.
    pub id: String,
    /// Never carried out later than this after it was given.
    pub ttl: Duration,
}

/// What an order wants.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// The value to be written.
    pub value: Value,
    /// Never later than this.
    pub expires: Time,
}

/// An order, or why it is none that can be carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Its id, as far as it can be shown.
    pub id: String,
    /// What it wants, or what is wrong with it.
    pub wish: Result<Wish, String>,
}

impl AskSpec {
    /// What a message asks for; nothing if it is about something else.
    pub fn read(&self, payload: &mut Payload<'_>, came: Came<'_>) -> Vec<Asked> {
        let Ok(document) = payload.document(self.mapping.format) else { return Vec::new() };
        let Some(each) = &self.each else { return self.one(document, came).into_iter().collect() };
        let Some(list) = find(document, each) else { return Vec::new() };
        let orders = elements(list);
        let mut asked: Vec<Asked> =
            orders.iter().take(MOST_ORDERS).filter_map(|one| self.one(one, came)).collect();
        if orders.len() > MOST_ORDERS {
            let more = orders.len() - MOST_ORDERS;
            let why = format!("a message may hold {MOST_ORDERS} orders; {more} more were not looked at");
            asked.push(Asked { id: String::new(), wish: Err(why) });
        }
        asked
    }

    /// What one order of a message asks for.
    fn one(&self, document: &Json, came: Came<'_>) -> Option<Asked> {
        let text = |pointer: &str| find(document, pointer).and_then(word);
        if self.when.iter().any(|(pointer, wanted)| text(pointer).as_ref() != Some(wanted)) {
            return None;
        }
        let (id, value) = (text(&self.id), find(document, self.mapping.pointer()));
        if id.is_none() && value.is_none() {
            return None;
        }
        let id = id.unwrap_or_default();
        let wish = check_id(&id, &self.id)
            .and_then(|()| self.value(value))
            .and_then(|value| self.given(document, came).map(|given| (value, given)))
            .map(|(value, given)| Wish { value, expires: given.after(self.ttl) });
        Some(Asked { id: shown(&id), wish })
    }

    fn value(&self, json: Option<&Json>) -> Result<Value, String> {
        let Some(json) = json else {
            return Err(format!("the message has nothing at `{}`", self.mapping.pointer()));
        };
        if !self.words.is_empty() {
            let said = word(json).unwrap_or_default();
            let number = self.words.get(&said).copied();
            let number = number.ok_or_else(|| format!("`{}` is none of the known values", shown(&said)))?;
            return Ok(Value::F64(number));
        }
        let (value, status) = match json {
            // Words of a message are no numbers, unless all of them are digits.
            Json::String(text) => from_text(text, self.kind),
            other => from_json(other, Some(self.kind)),
        };
        if status != Status::GOOD || value.as_f64().is_some_and(|number| !number.is_finite()) {
            return Err(format!("`{}` is no {} value", shown(&json.to_string()), self.kind.name()));
        }
        Ok(value)
    }

    /// When the order was given.
    fn given(&self, document: &Json, came: Came<'_>) -> Result<Time, String> {
        let given = match self.mapping.time_in(document) {
            None => came.stored.unwrap_or(came.now),
            Some(Some(time)) => time,
            Some(None) => {
                return Err(
                    "the message does not say when the order was given, or not in a way that can be read"
                        .into(),
                );
            }
        };
        if given > came.now.after(AHEAD) {
            let ahead = given.since(came.now).as_secs();
            return Err(format!("it was given {ahead} s in the future: compare the clocks"));
        }
        if given.after(self.ttl) <= came.now {
            let (age, ttl) = (came.now.since(given).as_secs(), self.ttl.as_secs_f64());
            return Err(format!(
                "it comes too late: given {age} s ago, and carried out within {ttl} s or never"
            ));
        }
        Ok(given)
    }
}

fn check_id(id: &str, pointer: &str) -> Result<(), String> {
    match id.len() {
        0 => Err(format!("the order has no id at `{pointer}`; without one it could be carried out twice")),
        1..=LONGEST_ID if id.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(()),
        _ => Err(format!("the order's id must have 1 to {LONGEST_ID} visible ASCII characters")),
    }
}

/// A text of somebody else in words of ours: short, and without characters that control anything.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    let mut short: String = text.chars().take(SHOWN).map(plain).collect();
    if text.chars().nth(SHOWN).is_some() {
        short.push('\u{2026}');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::super::payload::{Format, QualityCodes, TimeUnit, Where};
    use super::*;

    fn spec(words: &[(&str, f64)]) -> AskSpec {
        let pointer = |text: &str| Where::Pointer(text.into());
        AskSpec {
            device: 0,
            index: 0,
            name: "target".into(),
            topic: "orders".into(),
            target: Path::new("acme/leeds/line/target").unwrap(),
            outcome: Path::new("acme/leeds/line/order/target").unwrap(),
            mapping: Mapping {
                format: Format::Json,
                value: pointer(if words.is_empty() { "/quantity" } else { "/product" }),
                time: Some(pointer("/given")),
                time_unit: TimeUnit::S,
                quality: None,
                codes: QualityCodes::Opc,
                separator: b',',
            },
            kind: ValueType::F64,
            words: words.iter().map(|(word, number)| ((*word).into(), *number)).collect(),
            when: BTreeMap::from([("/state".into(), "released".into())]),
            each: None,
            id: "/order".into(),
            ttl: Duration::from_secs(60),
        }
    }

    fn read(spec: &AskSpec, payload: &str) -> Option<Asked> {
        let mut all = read_all(spec, payload);
        assert!(all.len() < 2, "{all:?}");
        all.pop()
    }

    fn read_all(spec: &AskSpec, payload: &str) -> Vec<Asked> {
        let now = Time(1_000_000_000_000);
        let came = Came {
            topic: "orders",
            payload: payload.as_bytes(),
            retained: false,
            stored: None,
            now,
            cut: None,
        };
        spec.read(&mut Payload::new(payload.as_bytes()), came)
    }

    #[test]
    fn an_order_is_a_wish_with_an_end() {
        let asked =
            read(&spec(&[]), r#"{"order":"A-17","state":"released","quantity":600,"given":990}"#).unwrap();
        let wish = Wish { value: Value::F64(600.0), expires: Time(1_050_000_000_000) };
        assert_eq!(asked, Asked { id: "A-17".into(), wish: Ok(wish) });
        let numbered =
            read(&spec(&[]), r#"{"order":17,"state":"released","quantity":"600","given":990}"#).unwrap();
        assert!(numbered.id == "17" && numbered.wish.is_ok());
        let asked = read(
            &spec(&[("COLA", 3.0)]),
            r#"{"order":"A-18","state":"released","product":"COLA","given":990}"#,
        );
        assert_eq!(asked.unwrap().wish.unwrap().value, Value::F64(3.0));
        for other in [
            r#"{"order":"A-17","state":"draft","quantity":600,"given":990}"#,
            "{\"state\":\"released\"}",
            "x",
        ] {
            assert_eq!(read(&spec(&[]), other), None, "{other}");
        }
    }

    #[test]
    fn what_is_wrong_with_an_order_is_said() {
        for (members, expected) in [
            (r#""quantity":600,"given":990"#, "no id"),
            (r#""order":"A B","quantity":600,"given":990"#, "visible ASCII"),
            (r#""order":"A\u0000","quantity":600,"given":990"#, "visible ASCII"),
            (r#""order":"A","given":990"#, "nothing at `/quantity`"),
            (r#""order":"A","quantity":"'; DROP TABLE orders; --","given":990"#, "no f64 value"),
            (r#""order":"A","quantity":"NaN","given":990"#, "no f64 value"),
            (r#""order":"A","quantity":null,"given":990"#, "no f64 value"),
            (r#""order":"A","quantity":600"#, "when the order was given"),
            (r#""order":"A","quantity":600,"given":"soon""#, "when the order was given"),
            (r#""order":"A","quantity":600,"given":940"#, "too late"),
            (r#""order":"A","quantity":600,"given":99999"#, "in the future"),
        ] {
            let asked = read(&spec(&[]), &format!("{{\"state\":\"released\",{members}}}")).unwrap();
            let why = asked.wish.unwrap_err();
            assert!(why.contains(expected), "{members}: {why}");
        }
        let asked = read(
            &spec(&[("COLA", 3.0)]),
            r#"{"order":"A","state":"released","product":"<b>\u0007","given":990}"#,
        );
        let why = asked.unwrap().wish.unwrap_err();
        assert!(why.contains("none of the known values") && !why.contains('\u{7}'), "{why}");
    }

    #[test]
    fn a_message_may_hold_several_orders() {
        let mut spec = spec(&[]);
        spec.each = Some("/list".into());
        let order = |number: usize| {
            format!(r#"{{"order":"A-{number}","state":"released","quantity":{number},"given":990}}"#)
        };
        let ids = |payload: &str| -> Vec<String> {
            read_all(&spec, payload).into_iter().map(|one| one.id).collect()
        };
        assert_eq!(ids(&format!(r#"{{"list":[{},{{}},{}]}}"#, order(1), order(2))), ["A-1", "A-2"]);
        assert_eq!(ids(&format!(r#"{{"list":{}}}"#, order(3))), ["A-3"], "a list of one, as XML writes it");
        assert_eq!(ids(&order(4)), [""; 0]);
        let many: Vec<String> = (0..MOST_ORDERS + 3).map(order).collect();
        let all = read_all(&spec, &format!(r#"{{"list":[{}]}}"#, many.join(",")));
        assert_eq!(all.len(), MOST_ORDERS + 1);
        assert!(all.last().unwrap().wish.as_ref().unwrap_err().contains("3 more"));
    }
}
