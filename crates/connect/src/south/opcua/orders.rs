//! Writes of a session: taken from the link, sent once, read back, answered.

use super::address::Address;
use super::exchange::{Done, Exchange};
use super::method;
use super::services;
use super::types::Asking;
use super::write::{self, Sent, Target};
use crate::south::tags::Scaling;
use crate::south::{Arrival, Link, Origin, Writing};
use model::{Fault, Status, Value};
use opcua::types::{DataValue, NodeId, VariantScalarTypeId};

impl Exchange<'_> {
    pub(super) fn start_write(&mut self, order: namespace::Order, link: &mut Link) {
        let Some(writing) = link.admit(order) else { return };
        let (group, row) = (writing.group(), writing.row() as usize);
        let item = self.spec.groups.get(group).and_then(|group| group.items.get(row));
        let node = self.session.nodes.get(group).and_then(|nodes| nodes.get(row)).cloned().flatten();
        let (Some(item), Some(node)) = (item, node) else {
            return writing.unsent(link, "the server does not have the node's namespace; nothing was sent");
        };
        if let Some(method) = &item.call {
            return self.start_call(writing, (node, method), item.scaling.as_deref().copied(), link);
        }
        let kind = self.known.get(group).and_then(|known| known.get(row)).and_then(|known| known.kind);
        let target = Target { node, element: item.element, scaling: item.scaling.as_deref().copied(), kind };
        link.write_sent();
        link.spent(1, 0);
        let (channel, value, within) =
            (self.channel.clone(), writing.value().clone(), self.spec.timing.timeout);
        self.work.push(Box::pin(async move {
            let sent = write::write(&channel, target, value, within).await;
            Done::Written { writing, sent }
        }));
    }

    fn start_call(
        &mut self,
        writing: Writing,
        (object, method): (NodeId, &Address),
        scaling: Option<Scaling>,
        link: &Link,
    ) {
        let method = match method.resolve(&self.session.namespaces) {
            Ok(method) => method,
            Err(why) => return writing.unsent(link, &format!("{why}; nothing was sent")),
        };
        link.write_sent();
        link.spent(1, 0);
        let (channel, value, within) =
            (self.channel.clone(), writing.value().clone(), self.spec.timing.timeout);
        let limits = self.session.limits;
        self.work.push(Box::pin(async move {
            let asking = Asking { channel: &channel, limits, within };
            let sent = method::call(asking, object, method, scaling, value).await;
            Done::Written { writing, sent }
        }));
    }

    /// The server did it: the point shows what was called last.
    fn called(&mut self, writing: Writing, link: &mut Link) {
        let (group, row, value) = (writing.group(), writing.row(), writing.value().clone());
        link.arrived(group, Origin::LIVE, vec![Arrival { row, value, status: Status::GOOD, source: None }]);
        if let Some(writing) = writing.taken(link) {
            writing.unreadable("a method has no value");
        }
    }

    /// What can be called has no value of its own: not bad, and not good before the first call.
    pub(super) fn show_callable(&self, group: usize, link: &mut Link) {
        let items = self.spec.groups.get(group).map(|group| group.items.as_slice()).unwrap_or_default();
        let rows = (0..)
            .zip(items)
            .filter(|(row, item)| item.call.is_some() && !self.session.refused.has(group, *row));
        let status = Status::UNCERTAIN_INITIAL_VALUE;
        let shown: Vec<Arrival> =
            rows.map(|(row, _)| Arrival { row, value: Value::None, status, source: None }).collect();
        if !shown.is_empty() {
            link.arrived(group, Origin::LIVE, shown);
        }
    }

    pub(super) fn read_back(&mut self, writing: Writing, kind: VariantScalarTypeId) {
        let questions = self.questions(writing.group(), &[writing.row()]);
        let (channel, within) = (self.channel.clone(), self.spec.timing.timeout);
        self.work.push(Box::pin(async move {
            let outcome = services::read(&channel, questions, within)
                .await
                .and_then(|answers| answers.into_iter().next().ok_or(Fault::Protocol("no answer".into())));
            Done::ReadBack { writing, kind, outcome }
        }));
    }

    pub(super) fn conclude_write(&mut self, writing: Writing, sent: Sent, link: &mut Link) {
        match sent {
            Sent::Not(why) => writing.unsent(link, &why),
            Sent::Refused(why) => writing.refused(why),
            Sent::Lost(fault) => writing.lost(&fault),
            Sent::Called => self.called(writing, link),
            Sent::Taken(kind) => {
                if let Some(writing) = writing.taken(link) {
                    self.read_back(writing, kind);
                }
            }
        }
    }

    pub(super) fn conclude_read_back(
        &mut self,
        writing: Writing,
        kind: VariantScalarTypeId,
        outcome: Result<DataValue, Fault>,
        link: &mut Link,
    ) {
        let item = self.spec.groups.get(writing.group()).and_then(|g| g.items.get(writing.row() as usize));
        match (outcome, item) {
            (Ok(data), Some(item)) => {
                let (read, status, agrees) = write::compare(item, writing.value(), &data, kind);
                if let Some((at, writing)) = writing.read_back(link, read, status, agrees) {
                    self.delayed.push((at, writing, kind));
                }
            }
            (Err(fault), _) => writing.unreadable(&fault.to_string()),
            (_, None) => writing.unreadable("the point is gone"),
        }
    }
}
