//! Calling a method: a write to a point that stands for it (OPC 10000-4, 5.12).

use super::channel::unexpected;
use super::services;
use super::status;
use super::types::{self, Asking};
use super::write::{Sent, variant};
use crate::south::tags::Scaling;
use model::{Fault, Value};
use opcua::core::ResponseMessage;
use opcua::types::{
    Argument, AttributeId, BrowseDirection, CallMethodRequest, CallMethodResult, CallRequest, NodeId,
    ReferenceTypeId, Variant,
};

/// Calls the method of an object, once. The value is its argument, if it takes one; a method without is called by
/// anything but `false`.
pub(super) async fn call(
    asking: Asking<'_>,
    object: NodeId,
    method: NodeId,
    scaling: Option<Scaling>,
    wanted: Value,
) -> Sent {
    let not = |fault: &Fault| {
        Sent::Not(format!("what the method takes could not be asked ({fault}); nothing was sent"))
    };
    let inputs = match inputs(asking, method.clone()).await {
        Ok(inputs) => inputs,
        Err(fault) => return not(&fault),
    };
    let arguments = match inputs.as_slice() {
        [] if wanted == Value::Bool(false) => {
            return Sent::Not("the method takes nothing; write true to call it".into());
        }
        [] => None,
        [input] => match argument(asking, input, scaling, &wanted).await {
            Ok(Ok(argument)) => Some(vec![argument]),
            Ok(Err(why)) => return Sent::Not(format!("{}: {why}", input.name.as_ref())),
            Err(fault) => return not(&fault),
        },
        more => {
            let names: Vec<&str> = more.iter().map(|input| input.name.as_ref()).collect();
            return Sent::Not(format!(
                "the method takes {}; only methods that take nothing or one value can be called by a write",
                names.join(", ")
            ));
        }
    };
    match ask(asking, CallMethodRequest { object_id: object, method_id: method, input_arguments: arguments })
        .await
    {
        Ok(result) if !result.status_code.is_bad() => Sent::Called,
        Ok(result) => {
            let argument = result.input_argument_results.into_iter().flatten().find(|code| code.is_bad());
            let why = argument.map_or(String::new(), |code| format!(" ({})", status::words(code)));
            Sent::Refused(format!("the server refuses it: {}{why}", status::words(result.status_code)))
        }
        Err(Fault::Exception { text, .. }) => Sent::Refused(format!("the server refuses it: {text}")),
        Err(Fault::Security(text)) => Sent::Refused(text.into_owned()),
        Err(fault) => Sent::Lost(fault),
    }
}

/// What a method takes: its property InputArguments (OPC 10000-3, 5.7), which methods that take nothing do not have.
async fn inputs(asking: Asking<'_>, method: NodeId) -> Result<Vec<Argument>, Fault> {
    let (direction, reference) = (BrowseDirection::Forward, ReferenceTypeId::HasProperty);
    let found =
        services::references(asking.channel, vec![method], direction, reference, asking.within).await?;
    let Some((_, node)) = found.into_iter().flatten().find(|(name, _)| name == "InputArguments") else {
        return Ok(Vec::new());
    };
    let question = vec![services::attribute(node, AttributeId::Value)];
    let answer = services::read(asking.channel, question, asking.within).await?.into_iter().next();
    let Some(Variant::Array(array)) = answer.and_then(|answer| answer.value) else { return Ok(Vec::new()) };
    let argument = |value: Variant| match value {
        Variant::ExtensionObject(object) => object.into_inner_as::<Argument>().map(|argument| *argument),
        _ => None,
    };
    let count = array.values.len();
    let inputs: Vec<Argument> = array.values.into_iter().filter_map(argument).collect();
    if inputs.len() == count {
        return Ok(inputs);
    }
    Err(Fault::Protocol("what the method takes is not told as the standard has it".into()))
}

/// The value as the method wants it.
async fn argument(
    asking: Asking<'_>,
    input: &Argument,
    scaling: Option<Scaling>,
    wanted: &Value,
) -> Result<Result<Variant, String>, Fault> {
    if input.value_rank > 0 {
        return Ok(Err("the method takes an array, which a write cannot give".into()));
    }
    Ok(match types::scalar(asking, input.data_type.clone()).await? {
        Some(kind) => variant(wanted, scaling.as_ref(), kind),
        None => Err("the method takes a structure, which a write cannot give".into()),
    })
}

async fn ask(asking: Asking<'_>, method: CallMethodRequest) -> Result<CallMethodResult, Fault> {
    let request = CallRequest {
        request_header: asking.channel.header_within(asking.within),
        methods_to_call: Some(vec![method]),
    };
    match asking.channel.ask_within(request, "calling a method", asking.within).await? {
        ResponseMessage::Call(answer) => {
            let result = services::all(answer.results, 1)?.into_iter().next();
            result.ok_or(Fault::Protocol("the call was not answered".into()))
        }
        other => Err(unexpected(&other)),
    }
}
