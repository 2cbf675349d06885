//! Who is there, by SNMP: the system group with the community `public`, else the engine id of version 3.
//!
//! Rationale: neither needs a secret. `public` is the word that devices leave the factory with, for reading only; whoever
//! still answers to it is worth knowing. A device that speaks only version 3 tells its engine id to everybody, because
//! the protocol needs it (RFC 3414, section 4), and the engine id names the maker (RFC 3411, section 5).

use crate::discover::{Ask, Asker, Effort, Found, Probe, Reply, Transport, clean};
use async_snmp::message::{RawV3Message, V3Message};
use async_snmp::v3::UsmSecurityParams;
use async_snmp::{Auth, Client, DecodeConfig, MessageSize, Oid, Retry, Value};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

/// Finds SNMP agents.
pub static PROBE: Probe = Probe {
    name: "snmp",
    title: "SNMP",
    port: 161,
    transport: Transport::Udp,
    asks: "description, name and place (system group) with the community `public`; else the engine id of version 3",
    security: "SNMPv2c sends its community and all values in the clear; prefer version 3 with authentication and encryption.",
    effort,
    broadcast: None,
    look,
};

/// sysDescr, sysObjectID, sysName, sysLocation (RFC 3418): last number but one.
const SYSTEM: [u32; 4] = [1, 2, 5, 6];
/// What every agent has (RFC 3418): how long it runs, what it is called and where it stands.
const TAGS: [(&str, &str); 3] = [
    ("uptime", "{ at = \"sysUpTime.0\", scale = 0.01, unit = \"s\" }"),
    ("name", "{ at = \"sysName.0\" }"),
    ("location", "{ at = \"sysLocation.0\" }"),
];
/// Message id of the one question of version 3.
const MESSAGE: i32 = 1;
/// Largest answer taken, in bytes.
const LARGEST: usize = 1_472;

/// Makers by their number at IANA (Private Enterprise Numbers), those that stand in plants.
const MAKERS: &[(u32, &str)] = &[
    (9, "Cisco"),
    (11, "HP"),
    (248, "Hirschmann"),
    (318, "APC"),
    (368, "Axis"),
    (534, "Eaton"),
    (2_606, "Rittal"),
    (4_329, "Siemens"),
    (4_346, "Phoenix Contact"),
    (8_072, "Net-SNMP"),
    (8_691, "Moxa"),
    (13_576, "WAGO"),
    (15_004, "RuggedCom"),
];

fn maker(number: u32) -> String {
    let known = MAKERS.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("maker {number}"), |(_, name)| (*name).to_owned())
}

const fn effort(_: &Ask) -> Effort {
    Effort { connections: 0, requests: 2 }
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        let found = match system(asker).await {
            Some(found) => Some(found),
            None => engine(asker).await,
        };
        found.into_iter().collect()
    }
    .boxed()
}

/// Asks with the factory's community.
async fn system(asker: &mut Asker<'_>) -> Option<Found> {
    let (address, port, timeout) = (asker.address(), asker.port(), asker.timeout());
    let oid = |object: u32| Oid::new([1, 3, 6, 1, 2, 1, 1, object, 0]);
    let question = async {
        let client = Client::builder((address.to_string(), port), Auth::v2c("public"))
            .request_timeout(timeout)
            .retry(Retry::none())
            .connect()
            .await?;
        // Silence is no fault: most addresses of a range are empty, and most devices do not know `public`.
        Ok::<_, Box<async_snmp::Error>>(client.get_many(&SYSTEM.map(oid)).await.ok())
    };
    let Reply::Got(Some(answer)) = asker.foreign(1, question).await else { return None };
    let value =
        |object: u32| answer.varbinds.iter().find(|bind| bind.oid == oid(object)).map(|bind| &bind.value);
    let text = |object: u32| match value(object) {
        Some(Value::OctetString(bytes)) => clean(&String::from_utf8_lossy(bytes)),
        _ => String::new(),
    };
    let object = value(2).and_then(Value::as_oid);
    // 1.3.6.1.4.1.MAKER...
    let number = object.and_then(|object| {
        object.arcs().get(6).copied().filter(|_| object.arcs().starts_with(&[1, 3, 6, 1, 4, 1]))
    });
    let mut details =
        vec![("community".to_owned(), "it answers to `public`; change it on the device".to_owned())];
    details.extend(object.map(|object| ("sysObjectID".to_owned(), object.to_string())));
    details.extend(Some(text(6)).filter(|place| !place.is_empty()).map(|place| ("place".to_owned(), place)));
    Some(Found {
        vendor: number.map(maker).unwrap_or_default(),
        model: text(1),
        name: text(5),
        details,
        kind: Some("snmp"),
        keys: vec![("version", "\"2c\"".into()), ("community", "{ secret = \"snmp-community\" }".into())],
        tags: TAGS.to_vec(),
        ..Found::new(&PROBE, address, port)
    })
}

/// Asks for the engine id.
async fn engine(asker: &mut Asker<'_>) -> Option<Found> {
    let size = MessageSize::new(LARGEST).ok()?;
    let request = V3Message::discovery_request(MESSAGE, size).ok()?.encode().ok()?;
    let Reply::Got(id) = asker.datagram(&request, engine_id).await else { return None };
    let vendor = match id.first_chunk::<4>() {
        // The highest bit says that the rest follows RFC 3411.
        Some(head) => maker(u32::from_be_bytes(*head) & 0x7FFF_FFFF),
        None => String::new(),
    };
    let shown: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = |what: &str| format!("{{ secret = \"snmp-{what}\" }}");
    Some(Found {
        vendor,
        details: vec![("engine id".into(), shown)],
        kind: Some("snmp"),
        keys: vec![
            ("version", "\"3\"".into()),
            ("user", "\"ironbridge\"".into()),
            ("auth_password", secret("auth")),
            ("privacy_password", secret("privacy")),
        ],
        tags: TAGS.to_vec(),
        ..Found::new(&PROBE, asker.address(), asker.port())
    })
}

/// The engine id in an answer to the discovery question; `None` if the bytes are anything else.
fn engine_id(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = Bytes::copy_from_slice(bytes.get(..bytes.len().min(LARGEST))?);
    let message = RawV3Message::decode(bytes, DecodeConfig::default()).ok()?.value;
    if message.msg_id() != MESSAGE {
        return None;
    }
    let usm =
        UsmSecurityParams::decode(message.security_params().clone(), DecodeConfig::default()).ok()?.value;
    // 5 to 32 octets (RFC 3411, section 5, SnmpEngineID).
    Some(usm.engine_id().to_vec()).filter(|id| (5..=32).contains(&id.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn makers_by_number() {
        assert_eq!(maker(8_691), "Moxa");
        assert_eq!(maker(99_999), "maker 99999");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_engine_id_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(engine_id(&bytes).is_none_or(|id| (5..=32).contains(&id.len())));
        }
    }
}
