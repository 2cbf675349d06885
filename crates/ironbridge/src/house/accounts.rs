//! Who comes in, who is turned away, who changes accounts: what the ledger takes of it is also an event, so that it stands in
//! one line with what happens in the plant and leaves by the same destinations.

use super::House;
use model::event::severity;
use model::{Event, EventKind, Time};
use namespace::Entry;
use std::sync::Arc;

/// From now on. Commands, applies and leases tell of themselves.
pub(super) fn tell(house: &Arc<House>) {
    // The ledger lives as long as the house: it must not keep the house.
    let weak = Arc::downgrade(house);
    house.access.ledger().tell(move |seq, entry| {
        if let Some(house) = weak.upgrade()
            && let Some(event) = event_of(seq, entry, house.clock.now())
        {
            house.namespace.event(event);
        }
    });
}

/// The event of a record of the ledger, if it is one about accounts.
fn event_of(seq: u64, entry: &Entry, at: Time) -> Option<Event> {
    let Entry { actor, action, object, outcome, detail } = entry;
    let refused = outcome == "refused";
    let who = actor.strip_prefix("user:").unwrap_or(actor);
    let title = match action.as_str() {
        "sign-in" if refused && object == "(several)" => "Many sign-ins and requests were refused".to_owned(),
        "sign-in" if refused && object == "(unknown)" => {
            "A sign-in with an unknown name was refused".to_owned()
        }
        "sign-in" if refused => format!("A sign-in as {object} was refused"),
        "sign-in" => format!("{object} signed in"),
        "sign-out" => format!("{object} signed out"),
        "access" => format!("{who} was refused {object}"),
        "password" => format!("{object} set a new password"),
        "user-add" => format!("{who} added the user {object}"),
        "user-change" => format!("{who} changed the user {object}"),
        "user-remove" => format!("{who} removed the user {object}"),
        "token-add" => format!("{who} made the API token {object}"),
        "token-remove" => format!("{who} removed the API token {object}"),
        "secret-set" => format!("{who} set the secret {object}"),
        "secret-remove" => format!("{who} removed the secret {object}"),
        "trust certificate" => format!("{who} trusts a {object}"),
        "reject certificate" => format!("{who} rejects a {object}"),
        _ => return None,
    };
    let mut event = Event::info(EventKind::Change, format!("access/{seq}"), "access", at, title);
    if !detail.is_empty() {
        event.text = format!("{detail}.");
    }
    if refused {
        let many = object == "(several)";
        event.severity = if many { severity::MEDIUM } else { severity::LOW };
        event.next = "If nobody you know did this, look at the address it came from.".into();
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(actor: &str, action: &str, object: &str, outcome: &str, detail: &str) -> Option<Event> {
        let [actor, action, object, outcome, detail] =
            [actor, action, object, outcome, detail].map(str::to_owned);
        event_of(17, &Entry { actor, action, object, outcome, detail }, Time(5))
    }

    #[test]
    fn sign_ins_are_events_and_refusals_are_louder() {
        let came = told("user:anna", "sign-in", "anna", "ok", "by password from 10.1.7.20").unwrap();
        assert_eq!((came.id.as_str(), came.title.as_str()), ("access/17", "anna signed in"));
        assert_eq!((came.severity, came.text.as_str()), (severity::INFO, "by password from 10.1.7.20."));
        let wrong =
            told("anonymous", "sign-in", "anna", "refused", "wrong password, from 10.1.7.20").unwrap();
        assert_eq!((wrong.severity, wrong.title.as_str()), (severity::LOW, "A sign-in as anna was refused"));
        let many =
            told("anonymous", "sign-in", "(several)", "refused", "40 more refusals within a minute").unwrap();
        assert_eq!(many.severity, severity::MEDIUM);
        let denied = told("user:otto", "access", "GET /api/users", "refused", "").unwrap();
        assert_eq!(denied.title, "otto was refused GET /api/users");
    }

    #[test]
    fn what_tells_of_itself_is_not_told_twice() {
        for action in ["command", "apply", "writes", "lease", "pause"] {
            assert_eq!(told("user:anna", action, "x", "done", ""), None, "{action}");
        }
    }
}
