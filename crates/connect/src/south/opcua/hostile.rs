//! What servers send, as the library decodes it: whatever comes is a value of the point's type, bad, or refused.

use super::value;
use crate::south::testing::a_million;
use model::{Value, ValueType};
use opcua::types::{
    BinaryDecodable, BinaryEncodable, BrowseResponse, BrowseResult, ContextOwned, DataChangeNotification,
    DataValue, DateTime, ExtensionObject, MonitoredItemNotification, NotificationMessage, PublishResponse,
    ReadResponse, ReferenceDescription, ResponseHeader, StatusCode, Variant,
};

const WANTED: [ValueType; 6] =
    [ValueType::Bool, ValueType::I64, ValueType::U64, ValueType::F64, ValueType::Text, ValueType::Bytes];

fn values() -> Vec<DataValue> {
    let all = [
        Variant::Double(21.5),
        Variant::Int16(-7),
        Variant::Boolean(true),
        Variant::String("Lager".into()),
        Variant::from(vec![1u32, 2, 3]),
    ];
    all.into_iter().map(DataValue::new_now).collect()
}

fn notification() -> PublishResponse {
    let item = |(client_handle, value)| MonitoredItemNotification { client_handle, value };
    let monitored_items = Some((0..).zip(values()).map(item).collect());
    let change = DataChangeNotification { monitored_items, diagnostic_infos: None };
    PublishResponse {
        response_header: ResponseHeader::null(),
        subscription_id: 7,
        available_sequence_numbers: Some(vec![1, 2]),
        more_notifications: false,
        notification_message: NotificationMessage {
            sequence_number: 2,
            publish_time: DateTime::now(),
            notification_data: Some(vec![ExtensionObject::from_message(change)]),
        },
        results: Some(vec![StatusCode::Good]),
        diagnostic_infos: None,
    }
}

fn check(data: &DataValue, wanted: ValueType) {
    let (value, status) = value::read(data, wanted, None);
    let fits = value.value_type().is_none_or(|kind| kind == wanted);
    assert!(fits && (value == Value::None) == status.is_bad(), "{data:?} as {wanted:?}: {value:?} {status}");
    let _ = (value::time(data.source_timestamp.as_ref()), value::time(data.server_timestamp.as_ref()));
}

#[test]
fn a_million_hostile_answers() {
    let owned = ContextOwned::default();
    let context = owned.context();
    let read = ReadResponse {
        response_header: ResponseHeader::null(),
        results: Some(values()),
        diagnostic_infos: None,
    };
    let reference = ReferenceDescription { display_name: "Press".into(), ..Default::default() };
    let browsed = BrowseResult { references: Some(vec![reference; 2]), ..Default::default() };
    let browse = BrowseResponse {
        response_header: ResponseHeader::null(),
        results: Some(vec![browsed]),
        diagnostic_infos: None,
    };
    let sound = [
        notification().encode_to_vec(&context),
        read.encode_to_vec(&context),
        browse.encode_to_vec(&context),
    ];
    let sound = sound.each_ref().map(Vec::as_slice);
    a_million(0x0BCA, &sound, |bytes, choice| {
        let wanted = WANTED[(choice >> 8) as usize % WANTED.len()];
        let mut stream = bytes;
        match choice % 3 {
            0 => PublishResponse::decode(&mut stream, &context).is_ok_and(|answer| {
                let parts = answer.notification_message.notification_data.into_iter().flatten();
                let changes = parts.filter_map(ExtensionObject::into_inner_as::<DataChangeNotification>);
                let items = changes.flat_map(|change| change.monitored_items.into_iter().flatten());
                items.map(|item| check(&item.value, wanted)).count() > 0
            }),
            1 => ReadResponse::decode(&mut stream, &context).is_ok_and(|answer| {
                answer.results.iter().flatten().map(|data| check(data, wanted)).count() > 0
            }),
            _ => BrowseResponse::decode(&mut stream, &context).is_ok_and(|answer| {
                answer.results.iter().flatten().flat_map(|one| one.references.iter().flatten()).count() > 0
            }),
        }
    });
}
