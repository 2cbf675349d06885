//! The services that the library asks of us, each for the person behind the session.

use super::names::{INDEX, Name};
use super::options::Model;
use super::people::People;
use super::pump::Watched;
use super::space::{Reference, Space};
use super::value;
use super::{events, history};
use model::{Access, Clock, Command, Outcome, Principal};
use namespace::{Namespace, Progress};
use opcua::nodes::DefaultTypeTree;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::{
    AddReferenceResult, BrowseNode, BrowsePathItem, ExternalReferenceRequest, HistoryNode, MonitoredItemRef,
    NodeManager, ParsedWriteValue, ReadNode, RequestContext, ServerContext, WriteNode,
};
use opcua::server::{ContinuationPoint, CreateMonitoredItem, MonitoredItemHandle};
use opcua::types::{
    AttributeId, DiagnosticInfo, NodeClass, NodeId, NumericRange, ObjectId, ObjectTypeId, ReadAtTimeDetails,
    ReadEventDetails, ReadProcessedDetails, ReadRawModifiedDetails, ReferenceDescription, StatusCode,
    TimestampsToReturn,
};
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use store::Store;

/// How long a write may take before it is never sent any more.
const WITHIN: Duration = Duration::from_secs(10);
/// Next to nothing: the library takes no 0 here.
const AT_EACH_CHANGE_MS: f64 = 1e-9;
/// Most nodes that one step of a browse path may lead to.
const MOST_STEPS: usize = 10_000;

/// What the plant's part of the server is made of.
pub(super) struct Plant {
    pub(super) namespace: Namespace,
    pub(super) store: Store,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) people: Arc<People>,
    pub(super) watched: Arc<Watched>,
    pub(super) model: Arc<dyn Fn() -> Arc<Model> + Send + Sync>,
    /// `enterprise/site`: its object tells events.
    pub(super) site: String,
    /// Our namespace.
    pub(super) uri: String,
    pub(super) writes: Arc<AtomicU64>,
    /// Makes commands of this run unlike those of any other.
    pub(super) run: i64,
}

/// References that did not fit into an answer.
struct Rest(Vec<ReferenceDescription>);

impl Plant {
    fn who(&self, context: &RequestContext) -> Result<Principal, StatusCode> {
        self.people.who(context.user_token()).ok_or(StatusCode::BadUserAccessDenied)
    }

    fn space<'a>(&'a self, who: &'a Principal) -> Space<'a> {
        Space { namespace: &self.namespace, model: (self.model)(), who, site: &self.site }
    }

    fn look(space: &Space<'_>, types: &DefaultTypeTree, node: &mut BrowseNode) {
        if let Some(rest) = node.take_continuation_point::<Rest>() {
            return hand_over(node, rest.0);
        }
        let Some(references) = space.references(node.node_id()) else {
            return node.set_status(StatusCode::BadNodeIdUnknown);
        };
        if node.node_id().namespace == INDEX {
            node.set_status(StatusCode::Good);
        }
        let mut rest = Vec::new();
        for Reference { kind, forward, to } in references {
            let wanted = if forward { node.allows_forward() } else { node.allows_inverse() };
            if wanted && let AddReferenceResult::Full(one) = node.add(types, to.into_ref_desc(forward, kind))
            {
                rest.push(one);
            }
        }
        if !rest.is_empty() {
            // The next answers take them from the end.
            rest.reverse();
            node.set_next_continuation_point(Box::new(Rest(rest)));
        }
    }

    /// Writes one value on the one command path; what became of it, and why in words where it was refused.
    async fn write_one(&self, who: &Principal, wish: &ParsedWriteValue) -> (StatusCode, String) {
        let only = |code| (code, String::new());
        if wish.attribute_id != AttributeId::Value {
            return only(StatusCode::BadNotWritable);
        }
        if wish.index_range != NumericRange::None || wish.value.source_timestamp.is_some() {
            return only(StatusCode::BadWriteNotSupported);
        }
        let Some(Name::Path(path)) = Name::of(&wish.node_id) else { return only(StatusCode::BadNotWritable) };
        let Some((_, declared)) = self.space(who).point(&path) else {
            return only(StatusCode::BadNodeIdUnknown);
        };
        if !matches!(declared.access, Access::Write(_)) {
            return only(StatusCode::BadNotWritable);
        }
        let given = wish.value.value.as_ref().and_then(|value| value::written(value, declared.value_type));
        let Some(given) = given else { return only(StatusCode::BadTypeMismatch) };
        if let Err(why) = self.namespace.may_write(who, &declared.path) {
            tracing::info!(who = who.name, path, why, "a write over OPC UA is refused");
            return (StatusCode::BadUserAccessDenied, why);
        }
        let number = self.writes.fetch_add(1, Relaxed);
        let command = Command {
            id: format!("opcua-{:x}-{number}", self.run),
            path: declared.path.clone(),
            value: given,
            expires: self.clock.now().after(WITHIN),
            reason: "OPC UA".into(),
        };
        match self.namespace.start_command(who, command).end_or_waiting().await {
            Progress::Done(Outcome::Confirmed { .. } | Outcome::Accepted) => only(StatusCode::Good),
            // A second person must say yes first: the page shows it.
            Progress::Waiting(_) | Progress::Running => only(StatusCode::GoodCompletesAsynchronously),
            Progress::Done(Outcome::Rejected { why }) => {
                tracing::info!(who = who.name, path, why, "a write over OPC UA is rejected");
                (StatusCode::BadOutOfRange, why)
            }
            Progress::Done(Outcome::Failed { why }) => (StatusCode::BadDeviceFailure, why),
            Progress::Done(Outcome::Unknown { why }) => (StatusCode::BadTimeout, why),
        }
    }
}

fn hand_over(node: &mut BrowseNode, mut rest: Vec<ReferenceDescription>) {
    node.set_status(StatusCode::Good);
    while node.remaining() > 0 {
        let Some(one) = rest.pop() else { break };
        node.add_unchecked(one);
    }
    if !rest.is_empty() {
        node.set_next_continuation_point(Box::new(Rest(rest)));
    }
}

/// Follows a browse path from one of our nodes, or from `Objects`.
fn follow(space: &Space<'_>, types: &DefaultTypeTree, item: &mut BrowsePathItem<'_>, manager: usize) {
    if let Some(name) = item.unmatched_browse_name() {
        let there = space.metadata(item.node_id()).is_some_and(|node| node.browse_name == *name);
        if !there {
            return;
        }
        item.set_browse_name_matched(manager);
    }
    let mut at: Vec<NodeId> = vec![item.node_id().clone()];
    for (depth, step) in (1..).zip(item.path()) {
        let mut next: HashSet<NodeId> = HashSet::new();
        for node in &at {
            for Reference { kind, forward, to } in space.references(node).unwrap_or_default() {
                let kind = NodeId::from(kind);
                let fits = step.reference_type_id.is_null()
                    || step.reference_type_id == kind
                    || (step.include_subtypes && is_below(types, &kind, &step.reference_type_id));
                let named = step.target_name.is_null() || step.target_name == to.browse_name;
                if fits && named && forward != step.is_inverse && next.len() < MOST_STEPS {
                    next.insert(to.node_id.node_id);
                }
            }
        }
        at = next.into_iter().collect();
        for node in &at {
            item.add_element(node.clone(), depth, None);
        }
    }
}

fn is_below(types: &DefaultTypeTree, kind: &NodeId, above: &NodeId) -> bool {
    use opcua::nodes::TypeTree;
    types.is_subtype_of(kind, above)
}

#[async_trait::async_trait]
impl NodeManager for Plant {
    fn owns_node(&self, id: &NodeId) -> bool {
        id.namespace == INDEX
    }

    fn name(&self) -> &str {
        "plant"
    }

    fn namespaces_for_user(&self, _: &RequestContext) -> Vec<NamespaceMetadata> {
        vec![NamespaceMetadata {
            namespace_uri: self.uri.clone(),
            namespace_index: INDEX,
            is_namespace_subset: Some(false),
            ..NamespaceMetadata::default()
        }]
    }

    async fn init(&self, types: &mut DefaultTypeTree, _: ServerContext) {
        for kind in (self.model)().types.keys() {
            let id = Name::Type(kind.clone()).node();
            types.add_type_node(&id, &ObjectTypeId::BaseObjectType.into(), NodeClass::ObjectType);
        }
        events::declare(types);
    }

    fn owns_server_events(&self) -> bool {
        true
    }

    async fn resolve_external_references(
        &self,
        context: &RequestContext,
        items: &mut [&mut ExternalReferenceRequest],
    ) {
        let Ok(who) = self.who(context) else { return };
        let space = self.space(&who);
        for item in items {
            if let Some(found) = space.metadata(item.node_id()) {
                item.set(found);
            }
        }
    }

    async fn read(
        &self,
        context: &RequestContext,
        _: f64,
        _: TimestampsToReturn,
        nodes: &mut [&mut ReadNode],
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let (space, now) = (self.space(&who), self.clock.now());
        for node in nodes {
            let asked = node.node();
            let answer = if asked.index_range == NumericRange::None {
                space.attribute(&asked.node_id, asked.attribute_id, now)
            } else {
                Err(StatusCode::BadIndexRangeNoData)
            };
            match answer {
                Ok(answer) => node.set_result(answer),
                Err(code) => node.set_error(code),
            }
        }
        Ok(())
    }

    async fn browse(&self, context: &RequestContext, nodes: &mut [BrowseNode]) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let space = self.space(&who);
        let types = context.type_tree().read();
        for node in nodes.iter_mut().filter(|node| matches!(node.node_id().namespace, 0 | INDEX)) {
            Self::look(&space, &types, node);
        }
        Ok(())
    }

    async fn translate_browse_paths_to_node_ids(
        &self,
        context: &RequestContext,
        nodes: &mut [&mut BrowsePathItem],
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let space = self.space(&who);
        let types = context.type_tree().read();
        for node in nodes {
            follow(&space, &types, node, context.current_node_manager_index);
        }
        Ok(())
    }

    async fn create_monitored_items(
        &self,
        context: &RequestContext,
        items: &mut [&mut CreateMonitoredItem],
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let (space, now) = (self.space(&who), self.clock.now());
        for item in items {
            let asked = item.item_to_monitor();
            let (id, what) = (asked.node_id.clone(), asked.attribute_id);
            if what == AttributeId::EventNotifier {
                item.set_status(StatusCode::BadAttributeIdInvalid);
                if space.tells(&id) {
                    item.set_status(hear(&who, &self.watched, context, item));
                }
                continue;
            }
            match space.attribute(&id, what, now) {
                Ok(first) => {
                    watch(self, &space, &id, item.handle(), what);
                    item.set_initial_value(first);
                    // Every change counts: with an interval the library would shift times, and keep the last of a burst.
                    item.revise_sampling_interval(AT_EACH_CHANGE_MS);
                    item.set_status(StatusCode::Good);
                }
                Err(code) => item.set_status(code),
            }
        }
        Ok(())
    }

    async fn delete_monitored_items(&self, _: &RequestContext, items: &[&MonitoredItemRef]) {
        for item in items {
            match item.attribute() {
                AttributeId::Value => {}
                AttributeId::EventNotifier => {
                    self.watched.hears_no_more(item.handle());
                    continue;
                }
                _ => continue,
            }
            if let Some(Name::Path(path)) = Name::of(item.node_id())
                && let Some(point) = self.namespace.find(&path)
            {
                self.watched.remove(point, item.handle());
            }
        }
    }

    async fn write(&self, context: &RequestContext, nodes: &mut [&mut WriteNode]) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let wishes = nodes.iter().map(|node| self.write_one(&who, node.value()));
        let outcomes = futures_util::future::join_all(wishes).await;
        for (node, (code, why)) in nodes.iter_mut().zip(outcomes) {
            node.set_status(code);
            if !why.is_empty() {
                // For clients that ask for it (OPC 10000-4, 7.12).
                node.set_diagnostic_info(DiagnosticInfo {
                    additional_info: Some(why.into()),
                    ..Default::default()
                });
            }
        }
        Ok(())
    }

    async fn history_read_raw_modified(
        &self,
        context: &RequestContext,
        details: &ReadRawModifiedDetails,
        nodes: &mut [&mut HistoryNode],
        _: TimestampsToReturn,
    ) -> Result<(), StatusCode> {
        if details.is_read_modified {
            return Err(StatusCode::BadHistoryOperationUnsupported);
        }
        let who = self.who(context)?;
        for node in nodes {
            let Some(point) = past(&self.space(&who), node) else { continue };
            let going_on = node.continuation_point().and_then(|point| point.get::<history::Mark>()).copied();
            let asked = history::Asked::raw(point, details, going_on);
            match asked.map(|asked| history::raw(self.store.clone(), asked)) {
                Ok(reading) => history::answer(node, reading.await),
                Err(code) => node.set_status(code),
            }
        }
        Ok(())
    }

    async fn history_read_processed(
        &self,
        context: &RequestContext,
        details: &ReadProcessedDetails,
        nodes: &mut [&mut HistoryNode],
        _: TimestampsToReturn,
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        let kinds = details.aggregate_type.as_deref().unwrap_or_default();
        if kinds.len() != nodes.len() {
            return Err(StatusCode::BadAggregateListMismatch);
        }
        for (node, kind) in nodes.iter_mut().zip(kinds) {
            let Some(point) = past(&self.space(&who), node) else { continue };
            match history::processed(self.store.clone(), point, details, kind).await {
                Ok(values) => history::answer(node, Ok((values, None))),
                Err(code) => node.set_status(code),
            }
        }
        Ok(())
    }

    async fn history_read_at_time(
        &self,
        context: &RequestContext,
        details: &ReadAtTimeDetails,
        nodes: &mut [&mut HistoryNode],
        _: TimestampsToReturn,
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        for node in nodes {
            let Some(point) = past(&self.space(&who), node) else { continue };
            match history::at_times(self.store.clone(), point, details).await {
                Ok(values) => history::answer(node, Ok((values, None))),
                Err(code) => node.set_status(code),
            }
        }
        Ok(())
    }

    async fn history_read_events(
        &self,
        context: &RequestContext,
        details: &ReadEventDetails,
        nodes: &mut [&mut HistoryNode],
        _: TimestampsToReturn,
    ) -> Result<(), StatusCode> {
        let who = self.who(context)?;
        if who.prefix.is_some() {
            return Err(StatusCode::BadUserAccessDenied);
        }
        let (told, order) = events::past(self.store.clone(), &self.namespace, details).await?;
        let types = context.type_tree().read();
        let filter = events::filter(details.filter.clone(), &*types)?;
        let space = self.space(&who);
        for node in nodes {
            if *node.node_id() != ObjectId::Server && !space.tells(node.node_id()) {
                node.set_status(StatusCode::BadHistoryOperationUnsupported);
                continue;
            }
            let going_on = node.continuation_point().and_then(|point| point.get::<events::Mark>()).copied();
            let wanted = (going_on, details.num_values_per_node);
            let (found, next) = events::page(&told, order, &filter, &*types, wanted);
            let none = found.events.as_ref().is_none_or(Vec::is_empty);
            node.set_result(found);
            node.set_next_continuation_point(next.map(|mark| ContinuationPoint::new(Box::new(mark))));
            node.set_status(if none { StatusCode::GoodNoData } else { StatusCode::Good });
        }
        Ok(())
    }
}

/// From now on events are told: not to one who may see only a part of the plant, since events are not sorted by parts.
pub(super) fn hear(
    who: &Principal,
    watched: &Watched,
    context: &RequestContext,
    item: &CreateMonitoredItem,
) -> StatusCode {
    if who.prefix.is_some() {
        return StatusCode::BadUserAccessDenied;
    }
    let handle = item.handle();
    let session = context.subscriptions.get_session_subscriptions(context.session_id);
    let often = session.and_then(|all| Some(all.lock().get(handle.subscription_id)?.publishing_interval()));
    watched.hears(handle, item.queue_size(), often.unwrap_or_default());
    StatusCode::Good
}

/// From now on samples of this node are told.
fn watch(plant: &Plant, space: &Space<'_>, id: &NodeId, item: MonitoredItemHandle, what: AttributeId) {
    if what == AttributeId::Value
        && let Some(Name::Path(path)) = Name::of(id)
        && let Some((point, _)) = space.point(&path)
    {
        let last = plant.namespace.last(point).unwrap_or(model::Last::WAITING);
        plant.watched.add(point, &path, item, &last);
    }
}

/// The point whose history a node has; says so to the node if there is none.
fn past(space: &Space<'_>, node: &mut HistoryNode) -> Option<model::PointId> {
    let found = match Name::of(node.node_id()) {
        Some(Name::Path(path)) => space.point(&path),
        Some(_) => {
            node.set_status(StatusCode::BadHistoryOperationUnsupported);
            return None;
        }
        None => None,
    };
    if found.is_none() {
        node.set_status(StatusCode::BadNodeIdUnknown);
    }
    found.map(|(id, _)| id)
}
