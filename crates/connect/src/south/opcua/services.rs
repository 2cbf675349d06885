//! The services of OPC UA that are used here (OPC 10000-4), each one request and its answer in our words.

use super::channel::{Channel, unexpected};
use super::status;
use model::Fault;
use opcua::core::ResponseMessage;
use opcua::types::{
    AttributeId, BrowseDescription, BrowseDirection, BrowseRequest, CreateMonitoredItemsRequest,
    CreateSubscriptionRequest, CreateSubscriptionResponse, DataValue, DateTime, MonitoredItemCreateRequest,
    MonitoredItemCreateResult, NodeId, NotificationMessage, NumericRange, PublishRequest, PublishResponse,
    QualifiedName, ReadRequest, ReadValueId, ReferenceTypeId, RepublishRequest, SetPublishingModeRequest,
    StatusCode, SubscriptionAcknowledgement, TimestampsToReturn, TransferResult,
    TransferSubscriptionsRequest, VariableId, Variant, WriteRequest, WriteValue,
};
use std::time::Duration;

/// Most nodes in one request, whatever a server says.
pub(super) const MOST: usize = 1_000;
/// Most namespaces of a server.
const MAX_NAMESPACES: usize = 10_000;

/// What a server takes in one request (OPC 10000-5, 6.3.11), clamped to what is sensible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) read: usize,
    pub(super) monitor: usize,
    pub(super) browse: usize,
}

/// One attribute of one node.
pub(super) fn attribute(node: NodeId, attribute: AttributeId) -> ReadValueId {
    ReadValueId {
        node_id: node,
        attribute_id: attribute as u32,
        index_range: NumericRange::None,
        data_encoding: QualifiedName::null(),
    }
}

/// Reads; the answers are as many as the questions.
///
/// # Errors
/// As the server says; [`Fault::Protocol`] where answers are missing.
pub(super) async fn read(
    channel: &Channel,
    nodes: Vec<ReadValueId>,
    within: Duration,
) -> Result<Vec<DataValue>, Fault> {
    read_stamped(channel, nodes, within).await.map(|(answers, _)| answers)
}

/// Reads attributes of nodes, as many as the server takes.
///
/// # Errors
/// As [`read`].
pub(super) async fn attributes(
    channel: &Channel,
    questions: &[(NodeId, AttributeId)],
    within: Duration,
) -> Result<Vec<DataValue>, Fault> {
    let nodes = questions.iter().map(|(node, what)| attribute(node.clone(), *what)).collect();
    read(channel, nodes, within).await
}

/// Browse names and nodes that nodes refer to, the first page of each; as many as the questions.
///
/// # Errors
/// As the server says.
pub(super) async fn references(
    channel: &Channel,
    nodes: Vec<NodeId>,
    direction: BrowseDirection,
    reference: ReferenceTypeId,
    within: Duration,
) -> Result<Vec<Vec<(String, NodeId)>>, Fault> {
    let count = nodes.len();
    let question = |node_id: NodeId| BrowseDescription {
        node_id,
        browse_direction: direction,
        reference_type_id: reference.into(),
        include_subtypes: true,
        node_class_mask: 0,
        result_mask: 0x3F,
    };
    let request = BrowseRequest {
        request_header: channel.header_within(within),
        nodes_to_browse: Some(nodes.into_iter().map(question).collect()),
        ..BrowseRequest::default()
    };
    let results = match channel.ask_within(request, "looking around", within).await? {
        ResponseMessage::Browse(answer) => all(answer.results, count)?,
        other => return Err(unexpected(&other)),
    };
    let named = |one: opcua::types::ReferenceDescription| {
        (one.browse_name.name.as_ref().to_owned(), one.node_id.node_id)
    };
    Ok(results
        .into_iter()
        .map(|result| result.references.into_iter().flatten().map(named).collect())
        .collect())
}

/// As [`read`], with the server's time of its answer.
///
/// # Errors
/// As [`read`].
pub(super) async fn read_stamped(
    channel: &Channel,
    nodes: Vec<ReadValueId>,
    within: Duration,
) -> Result<(Vec<DataValue>, DateTime), Fault> {
    let count = nodes.len();
    let request = ReadRequest {
        request_header: channel.header_within(within),
        max_age: 0.0,
        timestamps_to_return: TimestampsToReturn::Both,
        nodes_to_read: Some(nodes),
    };
    match channel.ask_within(request, "reading", within).await? {
        ResponseMessage::Read(answer) => Ok((all(answer.results, count)?, answer.response_header.timestamp)),
        other => Err(unexpected(&other)),
    }
}

pub(super) fn all<T>(results: Option<Vec<T>>, count: usize) -> Result<Vec<T>, Fault> {
    let results = results.unwrap_or_default();
    if results.len() == count {
        return Ok(results);
    }
    Err(Fault::Protocol(format!("{count} things were asked, {} were answered", results.len()).into()))
}

/// The server's namespaces, by number.
///
/// # Errors
/// As [`read`].
pub(super) async fn namespaces(channel: &Channel, within: Duration) -> Result<Vec<String>, Fault> {
    let node = attribute(VariableId::Server_NamespaceArray.into(), AttributeId::Value);
    let answers = read(channel, vec![node], within).await?;
    match answers.into_iter().next().and_then(|answer| answer.value) {
        Some(Variant::Array(array)) => Ok(array
            .values
            .into_iter()
            .take(MAX_NAMESPACES)
            .map(|name| match name {
                Variant::String(name) => name.as_ref().to_owned(),
                _ => String::new(),
            })
            .collect()),
        _ => Err(Fault::Protocol("the server does not tell its namespaces".into())),
    }
}

/// What the server takes at once. A server that does not say gets the usual; one that lies is found out by its refusal.
///
/// # Errors
/// As [`read`].
pub(super) async fn limits(channel: &Channel, within: Duration) -> Result<Limits, Fault> {
    let nodes = [
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
        VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    ];
    let nodes = nodes.map(|node| attribute(node.into(), AttributeId::Value));
    let answers = read(channel, nodes.to_vec(), within).await?;
    let limit = |index: usize| match answers.get(index).and_then(|answer| answer.value.as_ref()) {
        Some(Variant::UInt32(limit @ 1..)) => (*limit as usize).min(MOST),
        _ => MOST,
    };
    Ok(Limits { read: limit(0), monitor: limit(1), browse: limit(2) })
}

/// Whether the server runs; its time.
///
/// # Errors
/// As [`read`]; [`Fault::Lost`] when it says that it does not run.
pub(super) async fn alive(channel: &Channel, within: Duration) -> Result<DateTime, Fault> {
    let node = attribute(VariableId::Server_ServerStatus_State.into(), AttributeId::Value);
    let (answers, stamp) = read_stamped(channel, vec![node], within).await?;
    match answers.first().and_then(|answer| answer.value.as_ref()) {
        // ServerState (OPC 10000-5, 12.6): Running, and Test, NoConfiguration, which still answer.
        Some(Variant::Int32(state @ (1 | 3 | 4))) => {
            let word = match state {
                1 => "has failed",
                3 => "is suspended",
                _ => "is shutting down",
            };
            Err(Fault::Lost(format!("the server says that it {word}").into()))
        }
        _ => Ok(stamp),
    }
}

/// Creates a subscription.
///
/// # Errors
/// As the server says.
pub(super) async fn subscribe(
    channel: &Channel,
    publishing: Duration,
    keep_alive: u32,
    lifetime: u32,
    most: u32,
) -> Result<CreateSubscriptionResponse, Fault> {
    let request = CreateSubscriptionRequest {
        request_header: channel.header(),
        requested_publishing_interval: publishing.as_secs_f64() * 1_000.0,
        requested_lifetime_count: lifetime,
        requested_max_keep_alive_count: keep_alive,
        max_notifications_per_publish: most,
        publishing_enabled: true,
        priority: 0,
    };
    match channel.ask(request, "creating a subscription").await {
        Ok(ResponseMessage::CreateSubscription(answer)) => Ok(*answer),
        Ok(other) => Err(unexpected(&other)),
        Err(Fault::Exception { code, .. })
            if matches!(
                StatusCode::from(code & 0xFFFF_0000),
                StatusCode::BadServiceUnsupported
                    | StatusCode::BadNotImplemented
                    | StatusCode::BadNotSupported
            ) =>
        {
            Err(Fault::Config("the server knows no subscriptions; write mode = \"poll\"".into()))
        }
        Err(fault) => Err(fault),
    }
}

/// Creates monitored items; the answers are as many as the questions.
///
/// # Errors
/// As the server says for all of them together.
pub(super) async fn monitor(
    channel: &Channel,
    subscription: u32,
    items: Vec<MonitoredItemCreateRequest>,
    within: Duration,
) -> Result<Vec<MonitoredItemCreateResult>, Fault> {
    let count = items.len();
    let request = CreateMonitoredItemsRequest {
        request_header: channel.header_within(within),
        subscription_id: subscription,
        timestamps_to_return: TimestampsToReturn::Both,
        items_to_create: Some(items),
    };
    match channel.ask_within(request, "creating monitored items", within).await? {
        ResponseMessage::CreateMonitoredItems(answer) => all(answer.results, count),
        other => Err(unexpected(&other)),
    }
}

/// Asks for the next notification, acknowledging earlier ones.
///
/// # Errors
/// As the server says.
pub(super) async fn publish(
    channel: &Channel,
    acknowledge: Vec<SubscriptionAcknowledgement>,
    within: Duration,
) -> Result<PublishResponse, Fault> {
    let request = PublishRequest {
        request_header: channel.header_within(within),
        subscription_acknowledgements: (!acknowledge.is_empty()).then_some(acknowledge),
    };
    match channel.await_within(request, "waiting for changes", within).await? {
        ResponseMessage::Publish(answer) => Ok(*answer),
        other => Err(unexpected(&other)),
    }
}

/// Asks for one notification again; `None` if the server does not have it any more.
///
/// # Errors
/// As the server says.
pub(super) async fn republish(
    channel: &Channel,
    subscription: u32,
    sequence: u32,
) -> Result<Option<NotificationMessage>, Fault> {
    let request = RepublishRequest {
        request_header: channel.header(),
        subscription_id: subscription,
        retransmit_sequence_number: sequence,
    };
    match channel.ask(request, "asking for a notification again").await {
        // Some servers answer with an empty one instead of saying that they have it no more. Others keep signs of life,
        // too: those carry the number of a message that is yet to come.
        Ok(ResponseMessage::Republish(answer)) => {
            let message = answer.notification_message;
            let holds = message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
            Ok((holds && message.sequence_number == sequence).then_some(message))
        }
        Ok(other) => Err(unexpected(&other)),
        Err(Fault::Exception { code, .. })
            if StatusCode::from(code & 0xFFFF_0000) == StatusCode::BadMessageNotAvailable =>
        {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Takes subscriptions over from an earlier session; the answers are as many as the questions.
///
/// # Errors
/// As the server says; many servers do not know this service.
pub(super) async fn transfer(
    channel: &Channel,
    subscriptions: Vec<u32>,
) -> Result<Vec<TransferResult>, Fault> {
    let count = subscriptions.len();
    let request = TransferSubscriptionsRequest {
        request_header: channel.header(),
        subscription_ids: Some(subscriptions),
        send_initial_values: false,
    };
    match channel.ask(request, "taking subscriptions over").await? {
        ResponseMessage::TransferSubscriptions(answer) => all(answer.results, count),
        other => Err(unexpected(&other)),
    }
}

/// Switches subscriptions on or off.
///
/// # Errors
/// As the server says.
pub(super) async fn set_publishing(
    channel: &Channel,
    subscriptions: Vec<u32>,
    on: bool,
) -> Result<(), Fault> {
    let request = SetPublishingModeRequest {
        request_header: channel.header(),
        publishing_enabled: on,
        subscription_ids: Some(subscriptions),
    };
    channel.ask(request, "switching a subscription").await.map(|_| ())
}

/// Writes one value.
///
/// # Errors
/// [`Fault::Exception`] when the server refuses it; others when nobody knows.
pub(super) async fn write(
    channel: &Channel,
    node: NodeId,
    element: Option<u32>,
    value: Variant,
    within: Duration,
) -> Result<(), Fault> {
    // Only the value: a server that cannot set status and times refuses them (OPC 10000-4, 5.11.4.2).
    let value = DataValue { value: Some(value), ..DataValue::default() };
    let request = WriteRequest {
        request_header: channel.header_within(within),
        nodes_to_write: Some(vec![WriteValue {
            node_id: node,
            attribute_id: AttributeId::Value as u32,
            index_range: element.map_or(NumericRange::None, NumericRange::Index),
            value,
        }]),
    };
    let result = match channel.ask_within(request, "writing", within).await? {
        ResponseMessage::Write(answer) => all(answer.results, 1)?.into_iter().next(),
        other => return Err(unexpected(&other)),
    };
    match result {
        Some(code) if code.is_good() => Ok(()),
        code => {
            let code = code.unwrap_or_default();
            Err(Fault::Exception { code: code.bits(), text: status::words(code).into() })
        }
    }
}
