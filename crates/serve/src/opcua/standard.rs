//! The nodes of the standard itself: the library's, with what is true of this server: what its history can do, its limits, who
//! may hear its events.

use super::people::People;
use super::pump::Watched;
use super::server::{MOST_QUEUED, MOST_SUBSCRIPTIONS};
use super::{aggregate, events, history, manager, space};
use opcua::nodes::{DefaultTypeTree, EventNotifier, NodeType};
use opcua::server::CreateMonitoredItem;
use opcua::server::diagnostics::NamespaceMetadata;
use opcua::server::node_manager::memory::{
    CoreNodeManager, CoreNodeManagerBuilder, InMemoryNodeManagerBuilder,
};
use opcua::server::node_manager::{
    BrowseNode, BrowsePathItem, DynNodeManager, ExternalReferenceRequest, MethodCall, MonitoredItemRef,
    MonitoredItemUpdateRef, NodeManager, NodeManagerBuilder, ReadNode, RequestContext, ServerContext,
    WriteNode,
};
use opcua::types::{
    AttributeId, DataValue, DateTime, MonitoringMode, NodeId, NumericRange, ObjectId, ReferenceTypeId,
    StatusCode, TimestampsToReturn, VariableId, Variant,
};
use std::collections::HashMap;
use std::sync::Arc;

/// The library's manager of these nodes, and what it does not know.
pub(super) struct Standard {
    library: Arc<DynNodeManager>,
    people: Arc<People>,
    watched: Arc<Watched>,
    facts: HashMap<NodeId, Variant>,
}

impl Standard {
    /// `sizes`: sessions, and monitored items of a subscription.
    pub(super) fn new(
        context: ServerContext,
        (people, watched): (Arc<People>, Arc<Watched>),
        sizes: (usize, usize),
    ) -> Self {
        let library = Box::new(InMemoryNodeManagerBuilder::new(CoreNodeManagerBuilder)).build(context);
        let facts = facts(sizes).into_iter().map(|(id, value)| (id.into(), value)).collect();
        Self { library, people, watched, facts }
    }

    /// Writes what the server can into the nodes that are only data.
    fn complete(&self) {
        let Ok(library) = self.library.clone().into_any_arc().downcast::<CoreNodeManager>() else { return };
        let mut nodes = library.address_space().write();
        if let Some(NodeType::Object(server)) = nodes.find_mut(ObjectId::Server) {
            server.set_event_notifier(EventNotifier::from_bits_truncate(space::TELLS));
        }
        for folder in [
            ObjectId::HistoryServerCapabilities_AggregateFunctions,
            ObjectId::Server_ServerCapabilities_AggregateFunctions,
        ] {
            for function in aggregate::nodes() {
                nodes.insert_reference(&folder.into(), &function, ReferenceTypeId::Organizes);
            }
        }
    }
}

/// Values of the standard's variables that the library leaves empty (OPC 10000-5, 6.3.2; OPC 10000-11, 5.4.2).
fn facts((sessions, items): (usize, usize)) -> [(VariableId, Variant); 12] {
    let number = |number: usize| Variant::from(u32::try_from(number).unwrap_or(u32::MAX));
    [
        (VariableId::HistoryServerCapabilities_AccessHistoryDataCapability, Variant::from(true)),
        (VariableId::HistoryServerCapabilities_AccessHistoryEventsCapability, Variant::from(true)),
        (VariableId::HistoryServerCapabilities_ServerTimestampSupported, Variant::from(true)),
        (VariableId::HistoryServerCapabilities_MaxReturnDataValues, number(history::MOST)),
        (VariableId::HistoryServerCapabilities_MaxReturnEventValues, number(events::MOST)),
        (VariableId::Server_ServerCapabilities_MaxSessions, number(sessions)),
        (VariableId::Server_ServerCapabilities_MaxSubscriptions, number(sessions * MOST_SUBSCRIPTIONS)),
        (VariableId::Server_ServerCapabilities_MaxSubscriptionsPerSession, number(MOST_SUBSCRIPTIONS)),
        (VariableId::Server_ServerCapabilities_MaxMonitoredItemsPerSubscription, number(items)),
        (
            VariableId::Server_ServerCapabilities_MaxMonitoredItems,
            number(sessions * MOST_SUBSCRIPTIONS * items),
        ),
        (VariableId::Server_ServerCapabilities_MaxMonitoredItemsQueueSize, number(MOST_QUEUED)),
        (VariableId::Server_Auditing, Variant::from(false)),
    ]
}

#[async_trait::async_trait]
impl NodeManager for Standard {
    fn owns_node(&self, id: &NodeId) -> bool {
        self.library.owns_node(id)
    }

    fn name(&self) -> &str {
        "standard"
    }

    fn namespaces_for_user(&self, context: &RequestContext) -> Vec<NamespaceMetadata> {
        self.library.namespaces_for_user(context)
    }

    async fn init(&self, types: &mut DefaultTypeTree, context: ServerContext) {
        self.library.init(types, context).await;
        self.complete();
    }

    async fn resolve_external_references(
        &self,
        context: &RequestContext,
        items: &mut [&mut ExternalReferenceRequest],
    ) {
        self.library.resolve_external_references(context, items).await;
    }

    async fn read(
        &self,
        context: &RequestContext,
        max_age: f64,
        times: TimestampsToReturn,
        nodes: &mut [&mut ReadNode],
    ) -> Result<(), StatusCode> {
        self.library.read(context, max_age, times, nodes).await?;
        for node in nodes {
            let asked = node.node();
            let plain = asked.attribute_id == AttributeId::Value && asked.index_range == NumericRange::None;
            if let Some(fact) = self.facts.get(&asked.node_id).filter(|_| plain) {
                let value = DataValue::new_at(fact.clone(), DateTime::now());
                node.set_result(value);
            }
        }
        Ok(())
    }

    async fn write(&self, context: &RequestContext, nodes: &mut [&mut WriteNode]) -> Result<(), StatusCode> {
        self.library.write(context, nodes).await
    }

    async fn browse(&self, context: &RequestContext, nodes: &mut [BrowseNode]) -> Result<(), StatusCode> {
        self.library.browse(context, nodes).await
    }

    async fn translate_browse_paths_to_node_ids(
        &self,
        context: &RequestContext,
        nodes: &mut [&mut BrowsePathItem],
    ) -> Result<(), StatusCode> {
        self.library.translate_browse_paths_to_node_ids(context, nodes).await
    }

    async fn create_monitored_items(
        &self,
        context: &RequestContext,
        items: &mut [&mut CreateMonitoredItem],
    ) -> Result<(), StatusCode> {
        self.library.create_monitored_items(context, items).await?;
        let who = self.people.who(context.user_token()).ok_or(StatusCode::BadUserAccessDenied)?;
        for item in items {
            let hears = item.item_to_monitor().attribute_id == AttributeId::EventNotifier;
            if hears && item.status_code().is_good() {
                let code = manager::hear(&who, &self.watched, context, item);
                item.set_status(code);
            }
        }
        Ok(())
    }

    async fn modify_monitored_items(&self, context: &RequestContext, items: &[&MonitoredItemUpdateRef]) {
        self.library.modify_monitored_items(context, items).await;
    }

    async fn set_monitoring_mode(
        &self,
        context: &RequestContext,
        mode: MonitoringMode,
        items: &[&MonitoredItemRef],
    ) {
        self.library.set_monitoring_mode(context, mode, items).await;
    }

    async fn delete_monitored_items(&self, context: &RequestContext, items: &[&MonitoredItemRef]) {
        items
            .iter()
            .filter(|item| item.attribute() == AttributeId::EventNotifier)
            .for_each(|item| self.watched.hears_no_more(item.handle()));
        self.library.delete_monitored_items(context, items).await;
    }

    async fn call(
        &self,
        context: &RequestContext,
        methods: &mut [&mut MethodCall],
    ) -> Result<(), StatusCode> {
        self.library.call(context, methods).await
    }
}
