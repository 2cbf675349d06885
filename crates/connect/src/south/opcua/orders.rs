//! Writes of a session: taken from the link, sent once, read back, answered.

use super::exchange::{Done, Exchange};
use super::services;
use super::write::{self, Sent, Target};
use crate::south::{Link, Writing};
use model::Fault;
use opcua::types::{DataValue, VariantScalarTypeId};

impl Exchange<'_> {
    pub(super) fn start_write(&mut self, order: namespace::Order, link: &mut Link) {
        let Some(writing) = link.admit(order) else { return };
        let (group, row) = (writing.group(), writing.row() as usize);
        let item = self.spec.groups.get(group).and_then(|group| group.items.get(row));
        let node = self.session.nodes.get(group).and_then(|nodes| nodes.get(row)).cloned().flatten();
        let (Some(item), Some(node)) = (item, node) else {
            return writing.unsent(link, "the server does not have the node's namespace; nothing was sent");
        };
        let kind = self.kinds.get(group).and_then(|kinds| kinds.get(row)).copied().flatten();
        let target = Target { node, element: item.element, scaling: item.scaling.as_deref().copied(), kind };
        link.write_sent();
        link.sent(0);
        let (channel, value, within) =
            (self.channel.clone(), writing.value().clone(), self.spec.timing.timeout);
        self.work.push(Box::pin(async move {
            let sent = write::write(&channel, target, value, within).await;
            Done::Written { writing, sent }
        }));
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
