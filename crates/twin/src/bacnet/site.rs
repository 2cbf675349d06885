//! What stands behind one address: a device, or a router with several. From datagrams to datagrams.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::Instant;
use wire::bacnet::table::{class, code, property};
use wire::bacnet::{
    Address, Apdu, Bvlc, CovNotification, IAm, Npdu, ObjectId, ReadAck, ReadMultipleAck, Request, Segment,
    Value, WhoIs, allowed,
};

use super::behaviour::Conduct;
use super::device::Device;

/// Service choices (21).
const COV_NOTIFICATION: u8 = 1;
const WHO_IS: u8 = 8;
/// Abort and reject reasons (18).
const NO_PARTS: u8 = 4;
const UNKNOWN_SERVICE: u8 = 9;
/// Parts that may be under way.
const WINDOW: u8 = 4;

/// Datagrams and where they go.
pub type Out = Vec<(SocketAddrV4, Vec<u8>)>;

/// Somebody who is told changes.
struct Subscriber {
    place: Option<Address>,
    to: SocketAddrV4,
    process: u32,
    object: ObjectId,
    confirmed: bool,
    until: Instant,
    told: Option<(Vec<Value>, [bool; 4])>,
}

/// A long answer under way.
struct Sending {
    place: Option<Address>,
    to: SocketAddrV4,
    invoke: u8,
    service: u8,
    parts: Vec<Vec<u8>>,
}

/// The devices at one address.
#[derive(Default)]
pub struct Site {
    devices: BTreeMap<Option<Address>, Arc<Device>>,
    subscribers: Vec<Subscriber>,
    sending: Vec<Sending>,
    /// Parts of requests that are not whole yet.
    receiving: BTreeMap<(SocketAddrV4, u8), Vec<Vec<u8>>>,
    invoke: u8,
}

impl Site {
    /// A device at the address itself.
    #[must_use]
    pub fn new(device: Arc<Device>) -> Self {
        Self { devices: BTreeMap::from([(None, device)]), ..Self::default() }
    }

    /// The same with a device behind it.
    #[must_use]
    pub fn with(mut self, network: u16, mac: &[u8], device: Arc<Device>) -> Self {
        self.devices.insert(Some(Address { network, mac: mac.to_vec() }), device);
        self
    }

    /// Takes a datagram.
    pub fn take(&mut self, from: SocketAddrV4, datagram: &[u8], now: Instant, out: &mut Out) {
        let Ok(bvlc) = Bvlc::parse(datagram) else { return };
        let Some(Ok(npdu)) = bvlc.npdu().map(Npdu::parse) else { return };
        let Ok(apdu) = Apdu::parse(npdu.body) else { return };
        let everybody = npdu.to.as_ref().is_some_and(|to| to.mac.is_empty());
        let addressed = |place: &Option<Address>| match (&npdu.to, place) {
            (to, place) if to == place => true,
            (Some(to), place) if everybody => {
                to.network == u16::MAX || place.as_ref().is_some_and(|place| place.network == to.network)
            }
            _ => false,
        };
        let found: Vec<(Option<Address>, Arc<Device>)> = self
            .devices
            .iter()
            .filter(|(place, _)| addressed(place))
            .map(|(p, d)| (p.clone(), d.clone()))
            .collect();
        for (place, device) in found {
            self.answer(&device, &place, (from, now), &apdu, out);
        }
        self.tell(now, out);
    }

    fn answer(
        &mut self,
        device: &Device,
        place: &Option<Address>,
        (from, now): (SocketAddrV4, Instant),
        apdu: &Apdu<'_>,
        out: &mut Out,
    ) {
        let conduct = device.conduct();
        if conduct == Conduct::Silent {
            return;
        }
        let mut say = |apdu: &Apdu<'_>| out.extend(spoken(conduct, from, place, apdu));
        match *apdu {
            Apdu::Unconfirmed { service: WHO_IS, body } => {
                if let Some((service, body)) = i_am(device, body) {
                    say(&Apdu::Unconfirmed { service, body: &body });
                }
            }
            Apdu::Confirmed { segment: None, takes_segments, limits, invoke, service, body } => {
                device.counters.requests.fetch_add(1, Relaxed);
                if let Conduct::Refuse(class, code) = conduct {
                    return say(&Apdu::Error { invoke, service, class, code });
                }
                let request = Request::parse(service, body);
                let served =
                    request.map_or(Served::Unknown, |request| self.serve(device, place, from, request, now));
                let body = match served.body(invoke, service) {
                    Ok(body) => body,
                    Err(answer) => return say(&answer),
                };
                let (most, octets) = allowed(limits);
                let room = octets.min(device.rules.max_apdu);
                if body.len() + 3 <= room {
                    return say(&Apdu::ComplexAck { segment: None, invoke, service, body: &body });
                }
                let sending = Sending::new(place, (from, invoke), service, body.chunks(room - 5));
                if !takes_segments || !device.rules.parts || sending.parts.len() > most.into() {
                    return say(&Apdu::Abort { server: true, invoke, reason: NO_PARTS });
                }
                sending.send(0, 1, device, out);
                self.sending.push(sending);
            }
            Apdu::Confirmed { segment: Some(segment), takes_segments, limits, invoke, service, body } => {
                if !device.rules.parts {
                    return say(&Apdu::Abort { server: true, invoke, reason: NO_PARTS });
                }
                device.counters.parts.fetch_add(1, Relaxed);
                let (ack, whole) = self.receive((from, invoke), segment, body);
                say(&ack);
                if let Some(body) = whole.as_deref() {
                    let apdu =
                        Apdu::Confirmed { segment: None, takes_segments, limits, invoke, service, body };
                    self.answer(device, place, (from, now), &apdu, out);
                }
            }
            Apdu::SegmentAck { server: false, invoke, sequence, window, .. } => {
                self.go_on(device, place, (from, invoke), (sequence, window), out);
            }
            Apdu::SimpleAck { service: COV_NOTIFICATION, .. } => {
                device.counters.acknowledged.fetch_add(1, Relaxed);
            }
            Apdu::Abort { server: false, invoke, .. } => {
                self.sending.retain(|one| (one.invoke, one.to) != (invoke, from));
            }
            _ => {}
        }
    }

    /// Takes a part of a request: what is to be said for it, and the whole once it is there.
    fn receive(
        &mut self,
        (from, invoke): (SocketAddrV4, u8),
        segment: Segment,
        body: &[u8],
    ) -> (Apdu<'static>, Option<Vec<u8>>) {
        let parts = self.receiving.entry((from, invoke)).or_default();
        // What comes twice is acknowledged again, what is out of turn asked for again.
        let fits = usize::from(segment.sequence) == parts.len();
        if fits {
            parts.push(body.to_vec());
        }
        let sequence = u8::try_from(parts.len().saturating_sub(1)).unwrap_or(u8::MAX);
        let ack = Apdu::SegmentAck { negative: !fits, server: true, invoke, sequence, window: WINDOW };
        let whole = fits && !segment.more;
        (ack, whole.then(|| self.receiving.remove(&(from, invoke)).unwrap_or_default().concat()))
    }

    /// The next parts of a long answer.
    fn go_on(
        &mut self,
        device: &Device,
        place: &Option<Address>,
        (from, invoke): (SocketAddrV4, u8),
        (sequence, window): (u8, u8),
        out: &mut Out,
    ) {
        let ours = |one: &Sending| (one.invoke, one.to, &one.place) == (invoke, from, place);
        let Some(at) = self.sending.iter().position(ours) else { return };
        let Some(sending) = self.sending.get(at) else { return };
        let next = usize::from(sequence) + 1;
        if next >= sending.parts.len() {
            self.sending.swap_remove(at);
        } else {
            sending.send(next, window.min(WINDOW), device, out);
        }
    }

    fn serve(
        &mut self,
        device: &Device,
        place: &Option<Address>,
        from: SocketAddrV4,
        request: Request,
        now: Instant,
    ) -> Served {
        match request {
            Request::ReadProperty(target) => match device.read(target) {
                Ok(values) => Served::Data(ReadAck { target, values }.emit().1),
                Err((class, code)) => Served::Refused(class, code),
            },
            Request::ReadPropertyMultiple(_) if !device.rules.many => Served::Unknown,
            Request::ReadPropertyMultiple(targets) => {
                device.counters.many.fetch_add(1, Relaxed);
                let one = |target| ReadMultipleAck { target, result: device.read(target) };
                Served::Data(ReadMultipleAck::emit(&targets.into_iter().map(one).collect::<Vec<_>>()).1)
            }
            Request::WriteProperty { target, values, priority } => {
                match device.write(target, values, priority) {
                    Ok(()) => Served::Done,
                    Err((class, code)) => Served::Refused(class, code),
                }
            }
            Request::SubscribeCov { process, object, subscribe } => {
                if device.rules.subscriptions == 0 {
                    return Served::Unknown;
                }
                if device.state(object).is_none() {
                    return Served::Refused(class::OBJECT, code::UNKNOWN_OBJECT);
                }
                let same = |one: &Subscriber| {
                    (one.to, one.process, one.object, &one.place) == (from, process, object, place)
                };
                self.subscribers.retain(|one| one.until > now && !same(one));
                let Some((seconds, confirmed)) = subscribe else { return Served::Done };
                if self.subscribers.iter().filter(|one| one.place == *place).count()
                    >= device.rules.subscriptions
                {
                    return Served::Refused(class::RESOURCES, 19);
                }
                device.counters.subscriptions.fetch_add(1, Relaxed);
                let until = now + Duration::from_secs(seconds.into());
                let place = place.clone();
                self.subscribers.push(Subscriber {
                    place,
                    to: from,
                    process,
                    object,
                    confirmed,
                    until,
                    told: None,
                });
                Served::Done
            }
        }
    }

    /// As after a restart: nobody is told anything any more.
    pub fn forget_subscribers(&mut self) {
        self.subscribers.clear();
    }

    /// Tells subscribers what has changed.
    pub fn tell(&mut self, now: Instant, out: &mut Out) {
        self.subscribers.retain(|one| one.until > now);
        for one in &mut self.subscribers {
            let Some(device) = self.devices.get(&one.place) else { continue };
            let Some((value, flags, increment)) = device.state(one.object) else { continue };
            if matches!(device.conduct(), Conduct::Silent | Conduct::Mute) {
                continue;
            }
            if one.told.as_ref().is_some_and(|told| told.1 == flags && near(&told.0, &value, increment)) {
                continue;
            }
            one.told = Some((value.clone(), flags));
            device.counters.told.fetch_add(1, Relaxed);
            let remaining = u32::try_from((one.until - now).as_secs()).unwrap_or(u32::MAX);
            let body = CovNotification {
                process: one.process,
                device: ObjectId::device(device.instance),
                object: one.object,
                remaining,
                values: vec![
                    (property::PRESENT_VALUE, None, value),
                    (property::STATUS_FLAGS, None, vec![Value::Bits(flags.to_vec())]),
                ],
            }
            .emit();
            let (limits, invoke) = (5, self.invoke);
            let (body, service) = (body.as_slice(), COV_NOTIFICATION);
            let apdu = if one.confirmed {
                self.invoke = self.invoke.wrapping_add(1);
                Apdu::Confirmed { segment: None, takes_segments: false, limits, invoke, service, body }
            } else {
                Apdu::Unconfirmed { service: 2, body }
            };
            let mut bytes = Vec::new();
            apdu.emit(&mut bytes);
            out.push((one.to, sealed(&one.place, &bytes)));
        }
    }
}

/// What leaves for an answer, lies included.
fn spoken(conduct: Conduct, to: SocketAddrV4, place: &Option<Address>, apdu: &Apdu<'_>) -> Out {
    let mut bytes = Vec::new();
    apdu.emit(&mut bytes);
    let told = match conduct {
        Conduct::Lie(lie) => lie.tell(&bytes),
        _ => vec![bytes],
    };
    told.into_iter().map(|apdu| (to, sealed(place, &apdu))).collect()
}

/// The answer to a Who-Is; `None` if another device is asked.
fn i_am(device: &Device, asked: &[u8]) -> Option<(u8, Vec<u8>)> {
    let (low, high) = WhoIs::parse(asked).ok()?.range.unwrap_or((0, u32::MAX));
    (low..=high).contains(&device.instance).then(|| {
        let segmentation = if device.rules.parts { 1 } else { 3 };
        let max_apdu = device.rules.max_apdu as u32;
        IAm { device: ObjectId::device(device.instance), max_apdu, segmentation, vendor: 1_023 }.emit()
    })
}

/// What became of a request.
enum Served {
    Done,
    Data(Vec<u8>),
    Refused(u32, u32),
    Unknown,
}

impl Served {
    /// The bytes of a long or short answer, or the whole answer that has none.
    fn body(self, invoke: u8, service: u8) -> Result<Vec<u8>, Apdu<'static>> {
        match self {
            Self::Data(body) => Ok(body),
            Self::Done => Err(Apdu::SimpleAck { invoke, service }),
            Self::Unknown => Err(Apdu::Reject { invoke, reason: UNKNOWN_SERVICE }),
            Self::Refused(class, code) => Err(Apdu::Error { invoke, service, class, code }),
        }
    }
}

impl Sending {
    fn new<'a>(
        place: &Option<Address>,
        (to, invoke): (SocketAddrV4, u8),
        service: u8,
        parts: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        Self { place: place.clone(), to, invoke, service, parts: parts.map(<[u8]>::to_vec).collect() }
    }

    fn send(&self, from: usize, count: u8, device: &Device, out: &mut Out) {
        for (number, part) in self.parts.iter().enumerate().skip(from).take(count.into()) {
            let more = number + 1 < self.parts.len();
            let segment = Some(Segment { more, sequence: number as u8, window: WINDOW });
            let mut bytes = Vec::new();
            Apdu::ComplexAck { segment, invoke: self.invoke, service: self.service, body: part }
                .emit(&mut bytes);
            device.counters.parts.fetch_add(1, Relaxed);
            out.push((self.to, sealed(&self.place, &bytes)));
        }
    }
}

fn near(a: &[Value], b: &[Value], increment: f32) -> bool {
    match (a, b) {
        ([Value::Real(a)], [Value::Real(b)]) => (a - b).abs() < increment,
        (a, b) => a == b,
    }
}

/// An APDU as a datagram of the device at `place`.
fn sealed(place: &Option<Address>, apdu: &[u8]) -> Vec<u8> {
    let (mut npdu, mut out) = (Vec::new(), Vec::new());
    Npdu { from: place.clone(), ..Npdu::apdu(None, false, apdu) }.emit(&mut npdu);
    Bvlc::Unicast(&npdu).emit(&mut out);
    out
}
