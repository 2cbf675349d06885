//! Who is there, by BACnet/IP: Who-Is to one address, then what the device object says of itself.
//!
//! Rationale: many devices answer a Who-Is to everybody and not to him who asked; so a device that seems silent is asked
//! for its object by the instance that every device takes for its own (4194303; 12.11, 15.5).

use super::conclude::results;
use super::group::What;
use super::planner::{Item, Part, Read};
use super::types::{Codec, Type};
use crate::discover::{Ask, Asker, Broadcast, Effort, Found, Probe, Reply, Transport, clean};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use wire::bacnet::table::property;
use wire::bacnet::{
    Answer, Cast, Exchange, Heard, IAm, MAX_INSTANCE, ObjectId, PORT, Peer, PropertyRef, Value as Wire,
    who_is,
};

/// Finds BACnet/IP devices.
pub static PROBE: Probe = Probe {
    name: "bacnet-ip",
    title: "BACnet/IP",
    port: PORT,
    transport: Transport::Udp,
    asks: "Who-Is to each address; of a device that answers, its device object: name, vendor, model, firmware",
    security: "BACnet/IP has no password and no encryption: whoever reaches the port can read, command and switch off the equipment.",
    effort,
    broadcast: Some(Broadcast { from: PORT, question: everybody, hear }),
    look,
};

/// What a device says of itself.
const FACTS: [u32; 4] =
    [property::VENDOR_NAME, property::MODEL_NAME, property::FIRMWARE_REVISION, property::OBJECT_NAME];

const fn effort(_: &Ask) -> Effort {
    // Who-Is, its own object, all facts at once, each fact.
    Effort { connections: 0, requests: 3 + FACTS.len() as u32 }
}

/// Who-Is to the network of the cable; what stands behind routers is not asked.
fn everybody() -> Vec<u8> {
    who_is(None, None, &Cast::Broadcast)
}

fn hear(from: SocketAddr, datagram: &[u8]) -> Option<Found> {
    let SocketAddr::V4(at) = from else { return None };
    match Exchange::default().hear(at, datagram, &mut Vec::new()) {
        Heard::IAm { from, about } if from.beyond.is_none() => {
            let instance = about.device.instance;
            Some(Found {
                place: format!("device {instance}"),
                details: details(instance, Some(&about)),
                kind: Some(super::KIND.name),
                device_keys: vec![("instance", instance.to_string())],
                ..Found::new(&PROBE, IpAddr::V4(*from.at.ip()), from.at.port())
            })
        }
        _ => None,
    }
}

fn details(instance: u32, about: Option<&IAm>) -> Vec<(String, String)> {
    let mut details = vec![("instance".to_owned(), instance.to_string())];
    if let Some(about) = about {
        details.push(("vendor number".into(), about.vendor.to_string()));
        details.push(("longest message".into(), format!("{} octets", about.max_apdu)));
    }
    details
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        let IpAddr::V4(address) = asker.address() else { return Vec::new() };
        let peer = Peer { at: SocketAddrV4::new(address, asker.port()), beyond: None };
        let about = introduced(asker, &peer).await;
        let instance = match &about {
            Some(about) => Some(about.device.instance),
            None => own_instance(asker, &peer).await,
        };
        let Some(instance) = instance else { return Vec::new() };
        let [vendor, model, firmware, name] = facts(asker, &peer, instance).await;
        let known = |text: Option<String>| text.map(|text| clean(&text)).unwrap_or_default();
        vec![Found {
            place: format!("device {instance}"),
            vendor: known(vendor),
            model: known(model),
            firmware: known(firmware),
            name: known(name),
            details: details(instance, about.as_ref()),
            kind: Some(super::KIND.name),
            device_keys: vec![("instance", instance.to_string())],
            ..Found::new(&PROBE, asker.address(), asker.port())
        }]
    }
    .boxed()
}

async fn introduced(asker: &mut Asker<'_>, peer: &Peer) -> Option<IAm> {
    let request = who_is(None, None, &Cast::Unicast);
    let (mut exchange, at) = (Exchange::default(), peer.at);
    let reply = asker.datagram(&request, |datagram| match exchange.hear(at, datagram, &mut Vec::new()) {
        // What a router passes on stands elsewhere.
        Heard::IAm { from, about } if from.beyond.is_none() => Some(about),
        _ => None,
    });
    match reply.await {
        Reply::Got(about) => Some(about),
        _ => None,
    }
}

/// Puts one read; `None` if there was no answer, or a refusal.
async fn put(asker: &mut Asker<'_>, peer: &Peer, read: &Read) -> Option<Answer> {
    let mut exchange = Exchange::default();
    let (_, datagram) = exchange.ask(peer, &read.request())?;
    let reply =
        asker.datagram(&datagram, |datagram| match exchange.hear(peer.at, datagram, &mut Vec::new()) {
            Heard::Answer { answer, .. } => Some(answer),
            _ => None,
        });
    match reply.await {
        Reply::Got(answer) => Some(answer),
        _ => None,
    }
}

fn item(instance: u32, number: u32) -> Item {
    let object = ObjectId::device(instance);
    let what = What::Value(PropertyRef { object, property: number, index: None });
    let row = super::group::Row::new(object, what, Codec { kind: Type::Text, scaling: None }, false);
    Item::new(0, &row, Part::Value)
}

async fn own_instance(asker: &mut Asker<'_>, peer: &Peer) -> Option<u32> {
    let read = Read::single(item(MAX_INSTANCE, property::OBJECT_IDENTIFIER));
    let Some(Answer::Data(body)) = put(asker, peer, &read).await else { return None };
    // The answer may name the object by the instance that it has.
    match wire::bacnet::read_ack(&body).ok()?.values.as_slice() {
        [Wire::Object(object)] if object.kind == 8 && object.instance < MAX_INSTANCE => Some(object.instance),
        _ => None,
    }
}

async fn facts(asker: &mut Asker<'_>, peer: &Peer, instance: u32) -> [Option<String>; 4] {
    let items = FACTS.map(|number| item(instance, number));
    let text = |result: &wire::bacnet::ReadResult| match result.as_deref() {
        Ok([Wire::Text(text)]) => Some(text.clone()),
        _ => None,
    };
    let all = Read { items: items.to_vec(), many: true };
    let mut told = [const { None }; 4];
    let together = put(asker, peer, &all).await.and_then(|answer| results(&all, &answer).ok());
    if let Some(results) = together {
        told.iter_mut().zip(&results).for_each(|(slot, result)| *slot = text(result));
        return told;
    }
    for (slot, item) in told.iter_mut().zip(items) {
        let read = Read::single(item);
        let answer = put(asker, peer, &read).await;
        let found = answer.and_then(|answer| results(&read, &answer).ok());
        *slot = found.as_deref().and_then(|results| results.first()).and_then(text);
    }
    told
}
