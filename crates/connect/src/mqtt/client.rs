//! The client behind a session: `rumqttc` for 3.1.1 and for 5, reduced to what both have.

use super::broker::{Broker, Version};
use super::session::{Message, Opening, Qos};
use bytes::Bytes;
use model::Fault;
use rumqttc::v5::mqttbytes::{QoS as QosFive, v5 as five};
use rumqttc::{Outgoing, Packet as FourPacket, QoS as QosFour, v5};
use std::fmt::Display;

/// Largest packet taken from a broker, in bytes.
const MAX_INCOMING: u32 = 1024 * 1024;
/// Largest packet sent where the broker names no limit: MQTT's own is 256 MiB, a broker's memory is smaller.
pub(super) const MAX_OUTGOING: u32 = 16 * 1024 * 1024;
/// Packet ids of the client: far more than the window, so that one late acknowledgement blocks nothing.
const PACKET_IDS: u16 = 8_192;
/// Longest time for TCP, TLS and CONNACK together.
const CONNECT_S: u64 = 10;

/// What asks. The other half is [`Loop`].
pub(super) enum Client {
    /// 3.1.1
    Four(rumqttc::AsyncClient),
    /// 5
    Five(v5::AsyncClient),
}

/// What does it, one [`poll`] at a time.
pub(super) enum Loop {
    Four(Box<rumqttc::EventLoop>),
    Five(Box<v5::EventLoop>),
}

/// The loop comes back with what happened.
pub(super) type Polled = (Loop, Result<Option<Raw>, Fault>);

/// An event of either client, reduced to what matters.
pub(super) enum Raw {
    Up { window: Option<u16>, packet: Option<u32>, resumed: bool },
    Sent(u16),
    Acked(u16, Option<String>),
    Subscribed(bool),
    Message(Message),
}

type Sent = Result<(), Fault>;

fn lost_request(why: impl Display) -> Fault {
    Fault::Lost(why.to_string().into())
}

const fn qos_four(qos: Qos) -> QosFour {
    match qos {
        Qos::AtMostOnce => QosFour::AtMostOnce,
        Qos::AtLeastOnce => QosFour::AtLeastOnce,
    }
}

const fn qos_five(qos: Qos) -> QosFive {
    match qos {
        Qos::AtMostOnce => QosFive::AtMostOnce,
        Qos::AtLeastOnce => QosFive::AtLeastOnce,
    }
}

impl Client {
    pub(super) fn open(broker: &Broker, opening: &Opening) -> Result<(Self, Loop), Fault> {
        Ok(match broker.version {
            Version::Four => {
                let (client, event_loop) = four(broker, opening)?;
                (Self::Four(client), Loop::Four(Box::new(event_loop)))
            }
            Version::Five => {
                let (client, event_loop) = self::five(broker, opening)?;
                (Self::Five(client), Loop::Five(Box::new(event_loop)))
            }
        })
    }

    pub(super) fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        qos: Qos,
        retain: bool,
    ) -> Result<(), String> {
        match self {
            Self::Four(client) => {
                client.try_publish(topic, qos_four(qos), retain, payload).map_err(|why| why.to_string())
            }
            Self::Five(client) => {
                client.try_publish(topic, qos_five(qos), retain, payload).map_err(|why| why.to_string())
            }
        }
    }

    pub(super) fn subscribe(&self, filters: impl Iterator<Item = String>, qos: Qos) -> Sent {
        match self {
            Self::Four(client) => {
                let filter = |path| rumqttc::SubscribeFilter::new(path, qos_four(qos));
                client.try_subscribe_many(filters.map(filter)).map_err(lost_request)
            }
            Self::Five(client) => {
                let filter = |path| {
                    let mut filter = five::Filter::new(path, qos_five(qos));
                    filter.retain_forward_rule = five::RetainForwardRule::OnNewSubscribe;
                    filter
                };
                client.try_subscribe_many(filters.map(filter)).map_err(lost_request)
            }
        }
    }

    pub(super) fn acknowledge(&self, packet: u16) -> Sent {
        match self {
            Self::Four(client) => {
                let mut what = rumqttc::Publish::new("", QosFour::AtLeastOnce, Vec::new());
                what.pkid = packet;
                client.try_ack(&what).map_err(lost_request)
            }
            Self::Five(client) => {
                let mut what = five::Publish::new("", QosFive::AtLeastOnce, Bytes::new(), None);
                what.pkid = packet;
                client.try_ack(&what).map_err(lost_request)
            }
        }
    }

    /// Says goodbye; false if it cannot be said any more.
    pub(super) fn disconnect(&self) -> bool {
        match self {
            Self::Four(client) => client.try_disconnect().is_ok(),
            Self::Five(client) => client.try_disconnect().is_ok(),
        }
    }
}

pub(super) async fn poll(mut event_loop: Loop) -> Polled {
    let raw = match &mut event_loop {
        Loop::Four(four) => {
            let came = four.poll().await.map(raw_four);
            came.map_err(|why| named(fault_four(&why), four.mqtt_options.broker_address()))
        }
        Loop::Five(five) => {
            let came = five.poll().await.map(raw_five);
            came.map_err(|why| named(fault_five(&why), five.options.broker_address()))
        }
    };
    (event_loop, raw)
}

fn transport(broker: &Broker) -> Result<rumqttc::Transport, Fault> {
    Ok(match &broker.tls {
        None => rumqttc::Transport::tcp(),
        Some(tls) => rumqttc::Transport::tls_with_config(rumqttc::TlsConfiguration::Rustls(tls.current()?)),
    })
}

fn four(broker: &Broker, opening: &Opening) -> Result<(rumqttc::AsyncClient, rumqttc::EventLoop), Fault> {
    let mut options = rumqttc::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
    options.set_transport(transport(broker)?);
    options.set_keep_alive(broker.keep_alive);
    options.set_clean_session(opening.keep.is_none());
    options.set_manual_acks(opening.by_hand.is_some());
    options.set_inflight(PACKET_IDS);
    options.set_max_packet_size(MAX_INCOMING as usize, MAX_OUTGOING as usize);
    if let Some((user, password)) = broker.credentials()? {
        options.set_credentials(user, password);
    }
    if let Some(will) = &opening.will {
        let qos = QosFour::AtLeastOnce;
        options.set_last_will(rumqttc::LastWill::new(&will.topic, will.payload.clone(), qos, will.retain));
    }
    let (client, mut event_loop) = rumqttc::AsyncClient::new(options, requests(broker, opening));
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_S);
    event_loop.set_network_options(network);
    Ok((client, event_loop))
}

fn five(broker: &Broker, opening: &Opening) -> Result<(v5::AsyncClient, v5::EventLoop), Fault> {
    let mut options = v5::MqttOptions::new(&broker.client_id, &broker.host, broker.port);
    options.set_transport(transport(broker)?);
    options.set_keep_alive(broker.keep_alive);
    options.set_clean_start(opening.keep.is_none());
    options.set_manual_acks(opening.by_hand.is_some());
    options.set_receive_maximum(opening.by_hand);
    options.set_outgoing_inflight_upper_limit(PACKET_IDS);
    options.set_max_packet_size(Some(MAX_INCOMING));
    let keep = opening.keep.map_or(0, |keep| u32::try_from(keep.as_secs()).unwrap_or(u32::MAX));
    options.set_session_expiry_interval(Some(keep));
    options.set_connection_timeout(CONNECT_S);
    if let Some((user, password)) = broker.credentials()? {
        options.set_credentials(user, password);
    }
    if let Some(will) = &opening.will {
        let qos = QosFive::AtLeastOnce;
        options.set_last_will(five::LastWill::new(&will.topic, will.payload.clone(), qos, will.retain, None));
    }
    let mut network = rumqttc::NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_S);
    options.set_network_options(network);
    Ok(v5::AsyncClient::new(options, requests(broker, opening)))
}

/// Requests that may wait in the client: the window, acknowledgements, subscriptions.
fn requests(broker: &Broker, opening: &Opening) -> usize {
    usize::from(broker.window) + usize::from(opening.by_hand.unwrap_or(0)) + 16
}

fn raw_four(event: rumqttc::Event) -> Option<Raw> {
    match event {
        rumqttc::Event::Outgoing(Outgoing::Publish(id)) => Some(Raw::Sent(id)),
        rumqttc::Event::Incoming(packet) => match packet {
            FourPacket::ConnAck(ack) => {
                Some(Raw::Up { window: None, packet: None, resumed: ack.session_present })
            }
            FourPacket::PubAck(ack) => Some(Raw::Acked(ack.pkid, None)),
            FourPacket::SubAck(ack) => {
                let refused = ack.return_codes.contains(&rumqttc::SubscribeReasonCode::Failure);
                Some(Raw::Subscribed(!refused))
            }
            FourPacket::Publish(publish) => Some(Raw::Message(Message {
                topic: publish.topic,
                payload: publish.payload,
                retained: publish.retain,
                packet: publish.pkid,
            })),
            _ => None,
        },
        rumqttc::Event::Outgoing(_) => None,
    }
}

fn raw_five(event: v5::Event) -> Option<Raw> {
    match event {
        v5::Event::Outgoing(Outgoing::Publish(id)) => Some(Raw::Sent(id)),
        v5::Event::Incoming(packet) => match packet {
            v5::Incoming::ConnAck(ack) => {
                let limits = ack.properties.as_ref();
                Some(Raw::Up {
                    window: limits.and_then(|limits| limits.receive_max),
                    packet: limits.and_then(|limits| limits.max_packet_size),
                    resumed: ack.session_present,
                })
            }
            v5::Incoming::PubAck(ack) => {
                let fine = matches!(
                    ack.reason,
                    five::PubAckReason::Success | five::PubAckReason::NoMatchingSubscribers
                );
                let refused = (!fine).then(|| format!("the broker refuses it: {:?}", ack.reason));
                Some(Raw::Acked(ack.pkid, refused))
            }
            v5::Incoming::SubAck(ack) => Some(Raw::Subscribed(
                ack.return_codes.iter().all(|code| matches!(code, five::SubscribeReasonCode::Success(_))),
            )),
            v5::Incoming::Publish(publish) => Some(Raw::Message(Message {
                topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                payload: publish.payload,
                retained: publish.retain,
                packet: publish.pkid,
            })),
            _ => None,
        },
        v5::Event::Outgoing(_) => None,
    }
}

/// Says which broker cannot be reached.
fn named(fault: Fault, (host, port): (String, u16)) -> Fault {
    match fault {
        Fault::Connect(why) => Fault::Connect(format!("{host}:{port}: {why}").into()),
        other => other,
    }
}

const SILENT: &str =
    "it gave no answer: it is off or no broker, the address is wrong, or a firewall is between";

fn fault_four(why: &rumqttc::ConnectionError) -> Fault {
    use rumqttc::{ConnectReturnCode as Code, ConnectionError as Why};
    match why {
        Why::ConnectionRefused(Code::BadUserNamePassword | Code::NotAuthorized | Code::BadClientId)
        | Why::Tls(_) => Fault::Security(why.to_string().into()),
        Why::MqttState(_) => lost(why.to_string()),
        Why::Io(error) => unreached(error),
        Why::NetworkTimeout => Fault::Connect(SILENT.into()),
        _ => Fault::Connect(why.to_string().into()),
    }
}

/// What the operating system says of the way to the broker.
fn unreached(error: &std::io::Error) -> Fault {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => {
            Fault::Connect("nobody listens there: is the broker running, and is the port right?".into())
        }
        _ => match transport::fault_from_io(error) {
            Fault::Lost(why) => Fault::Connect(why),
            other => other,
        },
    }
}

/// A broker that dislikes our certificate says so after the handshake (TLS 1.3), when the client already reads.
fn lost(why: String) -> Fault {
    if ["size limit exceeded", "Max Payload size", "client's maximum packet size"]
        .iter()
        .any(|words| why.contains(words))
    {
        let text = format!("a message is larger than {} KiB: {why}", MAX_INCOMING / 1024);
        return Fault::Protocol(text.into());
    }
    if why.contains("closed by peer") {
        return Fault::Lost("the other side closed the connection without a word".into());
    }
    let alert = why.contains("received fatal alert") || why.contains("peer certificate");
    if alert { Fault::Security(why.into()) } else { Fault::Lost(why.into()) }
}

fn fault_five(why: &v5::ConnectionError) -> Fault {
    use five::ConnectReturnCode as Code;
    use v5::{ConnectionError as Why, StateError};
    let code = match why {
        Why::ConnectionRefused(code) | Why::MqttState(StateError::ConnFail { reason: code }) => Some(*code),
        _ => None,
    };
    match (why, code) {
        (
            _,
            Some(
                Code::BadUserNamePassword
                | Code::NotAuthorized
                | Code::ClientIdentifierNotValid
                | Code::Banned
                | Code::BadAuthenticationMethod,
            ),
        )
        | (Why::Tls(_), _) => Fault::Security(why.to_string().into()),
        (_, Some(_)) => Fault::Connect(why.to_string().into()),
        (Why::MqttState(_), _) => lost(why.to_string()),
        (Why::Io(error), _) => unreached(error),
        (Why::Timeout(_), _) => Fault::Connect(SILENT.into()),
        _ => Fault::Connect(why.to_string().into()),
    }
}
