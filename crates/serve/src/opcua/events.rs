//! What happened, as events of OPC UA (OPC 10000-5, 6.4): findings, faults, changes, intervals and alarms as they come, and
//! from history.
//!
//! ```text
//!  journal ─ event ─▶ pump ─▶ Told ─ the client's filter ─▶ items on the Server object, on the site's object
//!  history ─ events begun or ended in the time asked for ─▶ Told ─ the client's filter ─▶ page
//! ```
//! Rationale: each revision of an event is told as an event of its own: that is what a list of events shows. Conditions that
//! are acknowledged over OPC UA come with the alarms themselves.

use super::history;
use super::names::{Field, INDEX, Name};
use super::value;
use model::{Event as Happened, EventState, Position, Time};
use namespace::Namespace;
use opcua::nodes::{DefaultTypeTree, Event, EventField, ParsedEventFilter, TypeTree};
use opcua::types::{
    AttributeId, ByteString, DateTime, EventFilter, FilterOperator, HistoryEvent, HistoryEventFieldList,
    LocalizedText, NodeClass, NodeId, NumericRange, ObjectId, ObjectTypeId, Operand, QualifiedName,
    ReadEventDetails, StatusCode, Variant,
};
use std::sync::Arc;
use std::time::Duration;
use store::{Order, Store};

/// Most events of one answer.
pub(super) const MOST: usize = 1_000;
/// Most events that are looked at for one question.
const MOST_LOOKED_AT: usize = 200_000;
/// An event that ended in the time asked for is found if it began at most this long before.
const BEGAN: Duration = Duration::from_secs(31 * 24 * 3_600);

/// One revision of an event on its way to clients.
#[derive(Clone, Debug)]
pub(super) struct Told {
    position: Position,
    event: Arc<Happened>,
    /// The node that it is about.
    source: NodeId,
    kind: NodeId,
    time: DateTime,
}

impl Told {
    pub(super) fn new(namespace: &Namespace, position: Position, event: Arc<Happened>) -> Self {
        let source = source(namespace, &event);
        let time = value::stamp(at(&event));
        Self { position, event, source, kind: Name::Event.node(), time }
    }

    /// A field of BaseEventType (OPC 10000-5, 6.4.2).
    fn standard(&self, name: &str) -> Variant {
        match name {
            "EventId" => Variant::from(ByteString::from(self.position.0.to_be_bytes().to_vec())),
            "EventType" => Variant::from(self.kind.clone()),
            "SourceNode" => Variant::from(self.source.clone()),
            "SourceName" => Variant::from(self.event.source.as_str()),
            "Time" | "ReceiveTime" => Variant::from(self.time),
            "Message" => Variant::from(LocalizedText::from(self.event.title.as_str())),
            "Severity" => Variant::from(self.event.severity.clamp(1, 1_000)),
            _ => Variant::Empty,
        }
    }

    fn own(&self, field: Field) -> Variant {
        let event = &self.event;
        match field {
            Field::Occurrence => Variant::from(event.id.as_str()),
            Field::Revision => Variant::from(event.revision),
            Field::Kind => Variant::from(event.kind.word()),
            Field::State => Variant::from(event.state.word()),
            Field::Text => Variant::from(event.text.as_str()),
            Field::Next => Variant::from(event.next.as_str()),
            Field::Start => Variant::from(value::stamp(event.start)),
            Field::End => event.end.map_or(Variant::Empty, |end| Variant::from(value::stamp(end))),
            Field::Concerns => Variant::from(event.refs.clone()),
        }
    }

    fn key(&self) -> Key {
        (at(&self.event), self.position)
    }
}

impl EventField for Told {
    fn get_value(&self, what: AttributeId, _: &NumericRange, path: &[QualifiedName]) -> Variant {
        match path {
            [name] if what == AttributeId::Value => match name.namespace_index {
                0 => self.standard(name.name.as_ref()),
                INDEX => Field::named(name.name.as_ref()).map_or(Variant::Empty, |field| self.own(field)),
                _ => Variant::Empty,
            },
            _ => Variant::Empty,
        }
    }
}

impl Event for Told {
    fn get_field(
        &self,
        of: &NodeId,
        what: AttributeId,
        range: &NumericRange,
        path: &[QualifiedName],
    ) -> Variant {
        // A field asked for of another type is none of ours; BaseEventType stands for whatever the event is.
        if *of == ObjectTypeId::BaseEventType || *of == self.kind {
            self.get_value(what, range, path)
        } else {
            Variant::Empty
        }
    }

    fn time(&self) -> &DateTime {
        &self.time
    }

    fn event_type_id(&self) -> &NodeId {
        &self.kind
    }
}

/// When what is told happened: its end for an event that is over.
fn at(event: &Happened) -> Time {
    match event.state {
        EventState::Cleared => event.end.unwrap_or(event.start),
        EventState::Active | EventState::Acknowledged | EventState::Info => event.start,
    }
}

/// The point or the place that an event is about; the server itself where it is neither.
fn source(namespace: &Namespace, event: &Happened) -> NodeId {
    let path = event.source.as_str();
    let there = !path.is_empty() && !namespace.points().under(path).is_empty();
    if there { Name::Path(path.to_owned()).node() } else { ObjectId::Server.into() }
}

/// What every type of events inherits (OPC 10000-5, 6.4.2).
const INHERITED: [&str; 13] = [
    "EventId",
    "EventType",
    "SourceNode",
    "SourceName",
    "Time",
    "ReceiveTime",
    "LocalTime",
    "Message",
    "Severity",
    "ConditionClassId",
    "ConditionClassName",
    "ConditionSubClassId",
    "ConditionSubClassName",
];

/// Makes our type of events known, so that filters can name it and its fields.
pub(super) fn declare(types: &mut DefaultTypeTree) {
    let event = Name::Event.node();
    types.add_type_node(&event, &ObjectTypeId::BaseEventType.into(), NodeClass::ObjectType);
    for field in Field::ALL {
        let name = QualifiedName::new(INDEX, field.name());
        types.add_type_property(&Name::Field(field).node(), &event, &[&name], NodeClass::Variable);
    }
    // Clients ask for what is inherited as a field of our type, too; the library looks at the type alone.
    for inherited in INHERITED {
        let (id, name) =
            (NodeId::new(INDEX, format!("event::{inherited}")), QualifiedName::new(0, inherited));
        types.add_type_property(&id, &event, &[&name], NodeClass::Variable);
    }
}

/// A filter of a question as the library can judge it: it compares no node identifiers, so "the type is one of these" becomes
/// "it is of the type".
///
/// # Errors
/// Those of operands that cannot be read.
pub(super) fn filter(mut asked: EventFilter, types: &dyn TypeTree) -> Result<ParsedEventFilter, StatusCode> {
    for element in asked.where_clause.elements.iter_mut().flatten() {
        if !matches!(element.filter_operator, FilterOperator::Equals | FilterOperator::InList) {
            continue;
        }
        let operands = element.filter_operands.iter().flatten().cloned().map(Operand::try_from);
        let operands: Vec<Operand> = operands.collect::<Result<_, _>>()?;
        let [Operand::SimpleAttributeOperand(what), wanted @ ..] = operands.as_slice() else { continue };
        let path = what.browse_path.as_deref().unwrap_or_default();
        if !matches!(path, [name] if name.namespace_index == 0 && name.name.as_ref() == "EventType") {
            continue;
        }
        let own = Variant::from(Name::Event.node());
        let there = wanted.iter().any(|one| matches!(one, Operand::LiteralOperand(it) if it.value == own));
        // Nothing is of no type.
        let of = if there { Name::Event.node() } else { NodeId::null() };
        *element = (FilterOperator::OfType, vec![Operand::literal(of)]).into();
    }
    ParsedEventFilter::new(asked, types).1
}

/// Order of events.
type Key = (Time, Position);

/// Where the next page begins: after this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    after: Key,
    /// Events that the client still wants; nothing for all.
    left: Option<usize>,
}

/// Events of the past, in the order asked for.
///
/// # Errors
/// BadHistoryOperationInvalid as for raw values; BadTooManyOperations for a time with too many events.
pub(super) async fn past(
    store: Store,
    namespace: &Namespace,
    details: &ReadEventDetails,
) -> Result<(Vec<Told>, Order), StatusCode> {
    let (from, until, order) =
        history::span(&details.start_time, &details.end_time, details.num_values_per_node)?;
    let began = from.before(BEGAN);
    let read = tokio::task::spawn_blocking(move || store.told(began, until, MOST_LOOKED_AT));
    let Ok(Ok(found)) = read.await else { return Err(StatusCode::BadUnexpectedError) };
    if found.len() > MOST_LOOKED_AT {
        return Err(StatusCode::BadTooManyOperations);
    }
    let inside = |event: &Happened| (from..until).contains(&at(event));
    let mut told: Vec<Told> = found
        .into_iter()
        .filter(|(_, event)| inside(event))
        .map(|(position, event)| Told::new(namespace, position, event))
        .collect();
    told.sort_by_key(Told::key);
    if order == Order::Descending {
        told.reverse();
    }
    Ok((told, order))
}

/// One page of those that pass the client's filter, and where the next begins.
pub(super) fn page(
    told: &[Told],
    order: Order,
    filter: &ParsedEventFilter,
    types: &dyn TypeTree,
    (going_on, wanted): (Option<Mark>, u32),
) -> (HistoryEvent, Option<Mark>) {
    let behind = |one: &Told, mark: &Mark| match order {
        Order::Ascending => one.key() > mark.after,
        Order::Descending => one.key() < mark.after,
    };
    let left = match going_on {
        Some(mark) => mark.left,
        None => (wanted > 0).then_some(wanted as usize),
    };
    let room = left.map_or(MOST, |left| left.min(MOST));
    let mut passing = told
        .iter()
        .filter(|one| going_on.as_ref().is_none_or(|mark| behind(one, mark)))
        .filter_map(|one| Some((one.key(), filter.evaluate(one, 0, types)?.event_fields)));
    let page: Vec<_> = passing.by_ref().take(room).collect();
    let left = left.map(|left| left - page.len());
    let more = left != Some(0) && passing.next().is_some();
    let mark = page.last().filter(|_| more).map(|(after, _)| Mark { after: *after, left });
    let events = page.into_iter().map(|(_, event_fields)| HistoryEventFieldList { event_fields });
    (HistoryEvent { events: Some(events.collect()) }, mark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::EventKind;

    fn told(seq: u64, event: Happened) -> Told {
        let time = value::stamp(at(&event));
        Told {
            position: Position::new(1, seq),
            event: Arc::new(event),
            source: ObjectId::Server.into(),
            kind: Name::Event.node(),
            time,
        }
    }

    fn lost(seconds: i64) -> Happened {
        let at = Time(seconds * 1_000_000_000);
        Happened::active(
            EventKind::Fault,
            "connection/line-1/lost",
            "connection/line-1",
            at,
            500,
            "Line 1 is lost",
        )
    }

    fn field(told: &Told, of: impl Into<NodeId>, namespace: u16, name: &str) -> Variant {
        let path = [QualifiedName::new(namespace, name)];
        told.get_field(&of.into(), AttributeId::Value, &NumericRange::None, &path)
    }

    #[test]
    fn fields_are_those_of_the_standard_and_our_own() {
        let event = lost(10).explained("No answer.", "Look at the cable.");
        let told = told(7, Happened { severity: 0, ..event });
        let base = || NodeId::from(ObjectTypeId::BaseEventType);
        assert_eq!(field(&told, base(), 0, "Message"), Variant::from(LocalizedText::from("Line 1 is lost")));
        assert_eq!(field(&told, base(), 0, "Severity"), Variant::from(1u16), "the standard begins at 1");
        assert_eq!(field(&told, base(), 0, "SourceName"), Variant::from("connection/line-1"));
        assert_eq!(field(&told, base(), INDEX, "Next"), Variant::from("Look at the cable."));
        assert_eq!(field(&told, Name::Event.node(), INDEX, "State"), Variant::from("active"));
        assert_eq!(field(&told, base(), 0, "State"), Variant::Empty, "not the standard's");
        assert_eq!(field(&told, ObjectTypeId::SystemEventType, 0, "Message"), Variant::Empty);
    }

    #[test]
    fn a_type_is_chosen_by_its_node() {
        let mut types = DefaultTypeTree::new();
        types.add_type_node(
            &ObjectTypeId::BaseEventType.into(),
            &ObjectTypeId::BaseObjectType.into(),
            NodeClass::ObjectType,
        );
        declare(&mut types);
        let told = told(1, lost(10));
        let of = |operator, wanted: &[NodeId]| {
            let value = AttributeId::Value;
            let what = Operand::simple_attribute(
                ObjectTypeId::BaseEventType,
                "EventType",
                value,
                NumericRange::None,
            );
            let wanted = wanted.iter().cloned().map(Operand::literal);
            let element = (operator, std::iter::once(what).chain(wanted).collect::<Vec<_>>()).into();
            let mut asked = EventFilter::default();
            asked.where_clause.elements = Some(vec![element]);
            filter(asked, &types).unwrap().evaluate(&told, 0, &types).is_some()
        };
        let base = || NodeId::from(ObjectTypeId::BaseEventType);
        assert!(of(FilterOperator::InList, &[base(), Name::Event.node()]));
        assert!(of(FilterOperator::Equals, &[Name::Event.node()]));
        assert!(!of(FilterOperator::Equals, &[base()]), "it is more than that");
        assert!(!of(FilterOperator::InList, &[ObjectTypeId::AuditEventType.into()]));
    }

    #[test]
    fn an_end_is_told_when_it_was() {
        let begun = lost(10);
        let over = begun.cleared(Time(25_000_000_000));
        assert_eq!((at(&begun), at(&over)), (Time(10_000_000_000), Time(25_000_000_000)));
    }

    #[test]
    fn pages_follow_each_other_both_ways() {
        let mut types = DefaultTypeTree::new();
        declare(&mut types);
        let filter = filter(EventFilter::default(), &types).unwrap();
        let mut all: Vec<Told> = (0..2_500).map(|number| told(number, lost(number as i64 / 10))).collect();
        for order in [Order::Ascending, Order::Descending] {
            let (mut mark, mut sizes) = (None, Vec::new());
            loop {
                let (events, next) = page(&all, order, &filter, &types, (mark, 0));
                sizes.push(events.events.unwrap().len());
                mark = next;
                if mark.is_none() {
                    break;
                }
            }
            assert_eq!(sizes, [1_000, 1_000, 500], "{order:?}");
            all.reverse();
        }
        all.reverse();
        all.reverse();
        let (events, next) = page(&all, Order::Ascending, &filter, &types, (None, 3));
        assert_eq!((events.events.unwrap().len(), next), (3, None));
    }
}
