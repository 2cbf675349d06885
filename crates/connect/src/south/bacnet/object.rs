//! Addresses: which property of which object, as people write it. Pure.

use crate::south::tags::Wrong;
use wire::bacnet::table::{self, property};
use wire::bacnet::{MAX_INSTANCE, ObjectId, PropertyRef};

/// What a tag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A property, or an element of it.
    Property(PropertyRef),
    /// Whether our own priority of the object's value holds something.
    Held(ObjectId),
}

impl Address {
    pub(super) const fn object(self) -> ObjectId {
        match self {
            Self::Property(target) => target.object,
            Self::Held(object) => object,
        }
    }
}

const EXAMPLE: &str =
    "write e.g. \"analog-input 1\", \"AI1\", \"AV3 high-limit\", \"device system-status\" or \"AV3 held\"";

/// `analog-input 1`, `AI1`, `ai:1`, with an optional property. `device` alone is the one that the tag stands in.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(text: &str, device: u32) -> Result<Address, Wrong> {
    let wrong = |message: String| Wrong::new(message, EXAMPLE);
    let plain = text.replace([':', ','], " ").replace('_', "-");
    let mut words = plain.split_whitespace().peekable();
    let first = words.next().ok_or_else(|| wrong("an address names an object".into()))?;
    let (name, glued) = first.split_at(first.find(|c: char| c.is_ascii_digit()).unwrap_or(first.len()));
    let (name, number) = match (name, glued) {
        // A type that has no name: 128 5.
        ("", kind) => (kind, words.next()),
        (_, "") => {
            let number = words.next_if(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
            (name, number)
        }
        (name, number) => (name, Some(number)),
    };
    let kind = table::object_type_number(name)
        .or_else(|| name.parse().ok().filter(|kind| *kind < 1_024))
        .ok_or_else(|| wrong(format!("`{name}` is no type of object")))?;
    let own = kind == ObjectId::device(0).kind;
    let instance: u32 = match number {
        Some(number) => number.parse().map_err(|_| wrong(format!("`{number}` is no instance")))?,
        None if own => device,
        None => return Err(wrong(format!("`{text}` lacks the instance of the object"))),
    };
    if instance > MAX_INSTANCE {
        return Err(wrong(format!("instances go up to {MAX_INSTANCE}")));
    }
    let object = ObjectId::new(kind, instance);
    let rest = words.next();
    if words.next().is_some() {
        return Err(wrong(format!("`{text}` has too many words")));
    }
    match rest {
        None if own => Err(wrong("a device has no value of its own: name a property".into())),
        None => Ok(Address::Property(PropertyRef { object, property: property::PRESENT_VALUE, index: None })),
        Some("held") => Ok(Address::Held(object)),
        Some(word) => {
            let (property, index) = self::property(word).map_err(wrong)?;
            Ok(Address::Property(PropertyRef { object, property, index }))
        }
    }
}

/// `high-limit`, `512`, `state-text[2]`.
fn property(word: &str) -> Result<(u32, Option<u32>), String> {
    let (name, index) = match word.strip_suffix(']').and_then(|word| word.split_once('[')) {
        Some((name, index)) => {
            (name, Some(index.parse().map_err(|_| format!("`{index}` is no element of an array"))?))
        }
        None => (word, None),
    };
    let number =
        table::property_number(name).or_else(|| name.parse().ok().filter(|number| *number < 1 << 22));
    Ok((number.ok_or_else(|| format!("`{name}` is no property known by name; its number will do"))?, index))
}

/// `analog-input 1`, `AV3 high-limit` in full.
pub(super) fn words(target: PropertyRef) -> String {
    let mut text = object_words(target.object);
    if target.property != property::PRESENT_VALUE {
        match table::property_name(target.property) {
            Some(name) => text.push_str(&format!(" {name}")),
            None => text.push_str(&format!(" {}", target.property)),
        }
    }
    if let Some(index) = target.index {
        text.push_str(&format!("[{index}]"));
    }
    text
}

/// `analog-input 1`.
pub(super) fn object_words(object: ObjectId) -> String {
    match table::object_type(object.kind) {
        Some(name) => format!("{name} {}", object.instance),
        None => format!("{} {}", object.kind, object.instance),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_them_in_many_ways() {
        for (text, kind, instance, property, index) in [
            ("analog-input 1", 0, 1, 85, None),
            ("AI1", 0, 1, 85, None),
            ("ai:1", 0, 1, 85, None),
            ("ANALOG_INPUT:1", 0, 1, 85, None),
            ("analog-value,3 high-limit", 2, 3, 45, None),
            ("MSV7 state-text[2]", 19, 7, 110, Some(2)),
            ("AV3 priority-array[8]", 2, 3, 87, Some(8)),
            ("device system-status", 8, 42, 112, None),
            ("device 7 object-name", 8, 7, 77, None),
            ("300 5", 300, 5, 85, None),
            ("300:5 9998", 300, 5, 9_998, None),
        ] {
            let expected = PropertyRef { object: ObjectId::new(kind, instance), property, index };
            assert_eq!(parse(text, 42), Ok(Address::Property(expected)), "{text}");
            assert_eq!(parse(&words(expected), 42), Ok(Address::Property(expected)), "{text}");
        }
        assert_eq!(parse("AO2 held", 42), Ok(Address::Held(ObjectId::new(1, 2))));
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, part) in [
            ("", "names an object"),
            ("analog-input", "lacks the instance"),
            ("analog-inptu 1", "no type of object"),
            ("AI4194304", "go up to"),
            ("AI1 high-limt", "no property known"),
            ("AI1 state-text[x]", "no element"),
            ("AI1 high-limit 3", "too many words"),
            ("device", "name a property"),
            ("2000 1", "no type of object"),
        ] {
            let wrong = parse(text, 1).unwrap_err();
            assert!(wrong.message.contains(part), "{text}: {wrong:?}");
        }
    }
}
