//! The way to a place in a document: a JSON pointer (RFC 6901) that may choose an element by what stands in it. Pure.
//!
//! ```text
//!  /JobOrder/JobOrderParameter[ID=speed]/Value/ValueString     of {"JobOrder":{"JobOrderParameter":[{"ID":"speed","Value":{…}},…]}}
//!  /JobList/JobOrder[1]/ID                                     the first, also where it is the only one
//! ```
//! Rationale: B2MML and many others write parameters as a list of names and values in any order; a position would be guessed.

use serde_json::Value as Json;

/// What stands there. A list of one, which XML cannot tell from an element, is chosen from like any other.
pub fn find<'a>(document: &'a Json, pointer: &str) -> Option<&'a Json> {
    // A member may have brackets in its name.
    document.pointer(pointer).or_else(|| {
        if !pointer.contains('[') {
            return None;
        }
        pointer.strip_prefix('/')?.split('/').try_fold(document, step)
    })
}

fn step<'a>(at: &'a Json, level: &str) -> Option<&'a Json> {
    let chosen = level.strip_suffix(']').and_then(|level| level.split_once('['));
    let Some((name, choice)) = chosen else { return at.pointer(&format!("/{level}")) };
    let list = at.pointer(&format!("/{name}"))?;
    let Some((member, wanted)) = choice.split_once('=') else {
        return elements(list).get(choice.parse::<usize>().ok()?.checked_sub(1)?);
    };
    elements(list).iter().find(|one| one.get(member).and_then(word).as_deref() == Some(wanted))
}

/// The elements of a list; what is no list is the only one.
pub fn elements(list: &Json) -> &[Json] {
    list.as_array().map_or_else(|| std::slice::from_ref(list), Vec::as_slice)
}

/// A word of a document: texts, numbers and truths as they are written.
pub fn word(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.trim().to_owned()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_element_is_chosen_by_what_stands_in_it() {
        let document = json!({
            "list": [{"ID": "speed", "v": 250}, {"ID": "recipe", "v": 3}, {"ID": 7, "v": 1}, {"ID": "speed", "v": 9}],
            "one": {"ID": "speed", "v": 5, "in": [{"n": "x/y", "v": 6}]},
            "odd[ID=speed]": 8,
        });
        for (pointer, expected) in [
            ("/list[ID=speed]/v", Some(json!(250))),
            ("/list[ID=recipe]/v", Some(json!(3))),
            ("/list[ID=7]/v", Some(json!(1))),
            ("/one[ID=speed]/v", Some(json!(5))),
            ("/one[ID=other]/v", None),
            ("/list[ID=]/v", None),
            ("/list[ID]/v", None),
            ("/nothing[ID=speed]/v", None),
            ("/list[v=250]/ID", Some(json!("speed"))),
            ("/odd[ID=speed]", Some(json!(8))),
            ("/list/1/v", Some(json!(3))),
            ("/list[1]/v", Some(json!(250))),
            ("/list[4]/v", Some(json!(9))),
            ("/list[5]/v", None),
            ("/list[0]/v", None),
            ("/one[1]/v", Some(json!(5))),
            ("/one[2]/v", None),
            ("list[ID=speed]/v", None),
        ] {
            assert_eq!(find(&document, pointer).cloned(), expected, "{pointer}");
        }
    }
}
