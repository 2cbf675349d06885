//! OCSF 1.3 (schema.ocsf.io): findings as Detection Finding (2004), everything else as Base Event (0).

use super::{PRODUCT, VERSION, kind, severity, signature};
use model::{Event, EventKind, EventState, Position};
use serde_json::{Value as Json, json};

/// Version of the schema that is kept.
pub const SCHEMA: &str = "1.3.0";
/// Class "Detection Finding" in category "Findings".
const DETECTION_FINDING: u32 = 2004;
const FINDINGS: u32 = 2;

/// An event as OCSF object.
pub fn ocsf(event: &Event, position: Position, site: &str) -> Json {
    let finding = event.kind == EventKind::Finding;
    let (class, category) = if finding { (DETECTION_FINDING, FINDINGS) } else { (0, 0) };
    let closed = event.state == EventState::Cleared;
    // Findings: created, updated, closed. A base event knows only "other", with a word.
    let (activity, activity_name) = match (finding, closed, event.revision) {
        (false, ..) => (99, kind(event.kind)),
        (true, true, _) => (3, "Close"),
        (true, false, 0 | 1) => (1, "Create"),
        (true, false, _) => (2, "Update"),
    };
    let (status, status_word) = match event.state {
        EventState::Active | EventState::Info => (1, "New"),
        EventState::Acknowledged => (2, "In Progress"),
        EventState::Cleared => (4, "Resolved"),
    };
    let severity = severity(event.severity);
    let mut object = json!({
        "class_uid": class, "category_uid": category,
        "activity_id": activity, "activity_name": activity_name, "type_uid": class * 100 + activity,
        "severity_id": severity.ocsf, "severity": severity.ocsf_word,
        "time": event.end.unwrap_or(event.start).millis(), "start_time": event.start.millis(),
        "message": event.title,
        "metadata": {
            "version": SCHEMA,
            "product": { "name": PRODUCT, "vendor_name": PRODUCT, "version": VERSION },
            "uid": format!("{site}:{}:{}", event.id, event.revision),
            "event_code": signature(event), "log_name": kind(event.kind), "log_provider": event.source,
            "sequence": position.as_i64(),
        },
        "unmapped": {
            "site": site, "source": event.source, "state": format!("{:?}", event.state).to_ascii_lowercase(),
            "refs": event.refs, "meaning": event.text, "next": event.next,
        },
    });
    let Some(map) = object.as_object_mut() else { return object };
    if let Some(end) = event.end {
        map.insert("end_time".into(), end.millis().into());
    }
    if finding {
        map.insert("class_name".into(), "Detection Finding".into());
        map.insert("category_name".into(), "Findings".into());
        map.insert("is_alert".into(), (!closed).into());
        map.insert("status_id".into(), status.into());
        map.insert("status".into(), status_word.into());
        let info = json!({
            "uid": event.id, "title": event.title, "desc": event.text, "created_time": event.start.millis(),
            "analytic": { "type_id": 1, "type": "Rule", "uid": signature(event) },
        });
        map.insert("finding_info".into(), info);
        if !event.next.is_empty() {
            map.insert("remediation".into(), json!({ "desc": event.next }));
        }
        let resources: Vec<Json> = event.refs.iter().map(|name| json!({ "name": name })).collect();
        map.insert("resources".into(), resources.into());
    }
    object
}

/// JSON schema of an object as [`ocsf`] makes it: the part of OCSF that is used.
pub fn ocsf_schema() -> Json {
    let (text, whole) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let object = |properties: Json, optional: &[&str]| {
        let keys = properties.as_object().into_iter().flat_map(|keys| keys.keys());
        let required: Vec<&String> = keys.filter(|key| !optional.contains(&key.as_str())).collect();
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
    };
    let product = object(json!({ "name": text, "vendor_name": text, "version": text }), &[]);
    let metadata = json!({
        "version": { "const": SCHEMA }, "product": product, "uid": text, "event_code": text, "log_name": text,
        "log_provider": text, "sequence": whole
    });
    let unmapped = json!({
        "site": text, "source": text, "state": text, "refs": { "type": "array", "items": text }, "meaning": text, "next": text
    });
    let analytic = object(json!({ "type_id": whole, "type": text, "uid": text }), &[]);
    let info =
        json!({ "uid": text, "title": text, "desc": text, "created_time": whole, "analytic": analytic });
    let base = json!({
        "class_uid": { "enum": [0, DETECTION_FINDING], "description": "2004 Detection Finding, 0 Base Event" },
        "category_uid": whole, "activity_id": whole, "activity_name": text, "type_uid": whole,
        "severity_id": whole, "severity": text, "time": whole, "start_time": whole,
        "end_time": { "type": "integer", "description": "only when it is over" }, "message": text,
        "metadata": object(metadata, &[]), "unmapped": object(unmapped, &[]),
        "class_name": text, "category_name": text, "is_alert": { "type": "boolean" }, "status_id": whole, "status": text,
        "finding_info": object(info, &[]), "remediation": object(json!({ "desc": text }), &[]),
        "resources": { "type": "array", "items": object(json!({ "name": text }), &[]) }
    });
    let of_findings =
        ["class_name", "category_name", "is_alert", "status_id", "status", "finding_info", "resources"];
    let mut schema = object(base, &[&of_findings[..], &["end_time", "remediation"]].concat());
    if let Some(map) = schema.as_object_mut() {
        map.insert("if".into(), json!({ "properties": { "class_uid": { "const": DETECTION_FINDING } } }));
        map.insert("then".into(), json!({ "required": of_findings }));
        let none: Vec<Json> = of_findings.iter().map(|key| json!({ "required": [key] })).collect();
        map.insert("else".into(), json!({ "not": { "anyOf": none } }));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::super::tests::nasty;
    use super::*;
    use model::Time;

    /// Facts of the schema: attribute, JSON type, whether it must be there. From schema.ocsf.io 1.3.0, classes
    /// `base_event` and `detection_finding`, objects `metadata`, `product`, `finding_info`, `analytic`, `remediation`.
    const BASE: &[(&str, char, bool)] = &[
        ("activity_id", 'i', true),
        ("activity_name", 's', false),
        ("category_name", 's', false),
        ("category_uid", 'i', true),
        ("class_name", 's', false),
        ("class_uid", 'i', true),
        ("end_time", 'i', false),
        ("message", 's', false),
        ("metadata", 'o', true),
        ("severity", 's', false),
        ("severity_id", 'i', true),
        ("start_time", 'i', false),
        ("status", 's', false),
        ("status_id", 'i', false),
        ("time", 'i', true),
        ("type_uid", 'i', true),
        ("unmapped", 'o', false),
    ];
    const FINDING: &[(&str, char, bool)] = &[
        ("finding_info", 'o', true),
        ("is_alert", 'b', false),
        ("remediation", 'o', false),
        ("resources", 'a', false),
    ];
    const METADATA: &[(&str, char, bool)] = &[
        ("event_code", 's', false),
        ("log_name", 's', false),
        ("log_provider", 's', false),
        ("product", 'o', true),
        ("sequence", 'i', false),
        ("uid", 's', false),
        ("version", 's', true),
    ];
    const PRODUCT_FACTS: &[(&str, char, bool)] =
        &[("name", 's', false), ("vendor_name", 's', true), ("version", 's', false)];
    const INFO: &[(&str, char, bool)] = &[
        ("analytic", 'o', false),
        ("created_time", 'i', false),
        ("desc", 's', false),
        ("title", 's', false),
        ("uid", 's', true),
    ];
    const ANALYTIC: &[(&str, char, bool)] =
        &[("type", 's', false), ("type_id", 'i', true), ("uid", 's', false)];
    const REMEDIATION: &[(&str, char, bool)] = &[("desc", 's', true)];
    const RESOURCE: &[(&str, char, bool)] = &[("name", 's', false)];

    fn holds(object: &Json, facts: &[&[(&str, char, bool)]]) {
        let map = object.as_object().unwrap();
        let all = || facts.iter().flat_map(|facts| facts.iter());
        for (name, value) in map {
            let (_, kind, _) =
                all().find(|fact| fact.0 == name).unwrap_or_else(|| panic!("`{name}` is not in the schema"));
            let fits = match kind {
                'i' => value.is_i64() || value.is_u64(),
                's' => value.is_string(),
                'b' => value.is_boolean(),
                'a' => value.is_array(),
                _ => value.is_object(),
            };
            assert!(fits, "{name}: {value}");
        }
        for (name, _, needed) in all() {
            assert!(!needed || map.contains_key(*name), "`{name}` is missing");
        }
    }

    #[test]
    fn events_keep_to_the_schema() {
        let mut closed = nasty().cleared(Time::from_millis(1_767_225_700_000));
        closed.revision = 3;
        for event in [nasty(), closed] {
            let object = ocsf(&event, Position::new(1, 5), "acme/leeds");
            holds(&object, &[BASE, FINDING]);
            holds(&object["metadata"], &[METADATA]);
            holds(&object["metadata"]["product"], &[PRODUCT_FACTS]);
            holds(&object["finding_info"], &[INFO]);
            holds(&object["finding_info"]["analytic"], &[ANALYTIC]);
            holds(&object["remediation"], &[REMEDIATION]);
            holds(&object["resources"][0], &[RESOURCE]);
            let number = |key: &str| object[key].as_u64().unwrap();
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"));
            assert!((1..=3).contains(&number("activity_id")) && (1..=5).contains(&number("severity_id")));
        }
        let fault = Event::info(EventKind::Fault, "x/1", "connection/line-1", Time(0), "t");
        let object = ocsf(&fault, Position::new(1, 6), "acme/leeds");
        holds(&object, &[BASE]);
        assert_eq!((object["class_uid"].as_u64(), object["type_uid"].as_u64()), (Some(0), Some(99)));
    }
}
