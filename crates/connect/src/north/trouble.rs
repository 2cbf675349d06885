//! A fault of a destination: told once when it begins, and told again when it is over.

use model::{Event, EventKind};
use namespace::Namespace;

/// One kind of fault of one destination.
pub(super) struct Trouble {
    namespace: Namespace,
    destination: String,
    /// Its word in the event's id: `lost`, `late`, `gone`.
    kind: &'static str,
    severity: u16,
    /// Times it has begun, above the number of this start: ids of another start of the program are others.
    occurrence: u64,
    told: Option<Event>,
}

impl Trouble {
    pub fn new(namespace: &Namespace, destination: &str, kind: &'static str, severity: u16) -> Self {
        let occurrence = u64::from(namespace.journal().epoch()) << 32;
        let (namespace, destination) = (namespace.clone(), destination.to_owned());
        Self { namespace, destination, kind, severity, occurrence, told: None }
    }

    /// Whether it goes on.
    pub const fn goes_on(&self) -> bool {
        self.told.is_some()
    }

    /// It begins, unless it goes on already: what happened, what it means, what to do next.
    pub fn begin(&mut self, title: impl Into<String>, meaning: impl Into<String>, next: impl Into<String>) {
        if self.told.is_some() {
            return;
        }
        self.occurrence += 1;
        let source = format!("destination/{}", self.destination);
        let id = format!("{source}/{}/{:x}", self.kind, self.occurrence);
        let now = self.namespace.clock().now();
        let mut event =
            Event::active(EventKind::Fault, id, source, now, self.severity, title).explained(meaning, next);
        event.refs = vec![self.destination.clone()];
        self.namespace.event(event.clone());
        self.told = Some(event);
    }

    /// It is over, if it went on.
    pub fn end(&mut self) {
        if let Some(event) = self.told.take() {
            self.namespace.event(event.cleared(self.namespace.clock().now()));
        }
    }
}
