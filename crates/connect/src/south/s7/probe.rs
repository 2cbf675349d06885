//! Who is there, by S7: the identity that a CPU gives in its system status lists.
//!
//! Rationale: a CPU has few connections and takes one only for its own slot. So two slots are tried, 1 (S7-1200/1500) and
//! 2 (S7-300), and nothing is read but what the CPU tells of itself; a CPU that keeps it to itself is found all the same.

use crate::discover::{Ask, Asker, Effort, Found, Opened, Probe, Reply, Transport, clean};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wire::s7::cotp::{self, Connect, Tpdu, Tsap};
use wire::s7::szl::{self, Identity, List};
use wire::s7::tpkt::{self, Deframer};
use wire::s7::{PORT, Request, Response, Setup};

/// Finds Siemens S7 CPUs.
pub static PROBE: Probe = Probe {
    name: "s7",
    title: "Siemens S7",
    port: PORT,
    transport: Transport::Tcp,
    asks: "a connection to rack 0, slot 1 and, if that is refused, slot 2; then the CPU's system status lists 0011 and 001C (order number, firmware, names); reads no memory",
    security: "S7 communication has no encryption and no real password: whoever reaches the port can read, write and stop the CPU.",
    effort,
    broadcast: None,
    look,
};

/// Slots that are tried.
const SLOTS: [u8; 2] = [1, 2];
/// Parts of one list that are fetched: 240 bytes hold six records of the longest.
const PARTS: u32 = 4;
/// Jobs and PDU that are proposed: the smallest that every CPU takes.
const SETUP: Setup = Setup { calling: 1, called: 1, pdu: 480 };

fn effort(_: &Ask) -> Effort {
    let slots = SLOTS.len() as u32;
    Effort { connections: slots, requests: slots + 1 + 2 * PARTS }
}

fn look<'a>(asker: &'a mut Asker<'_>, _: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        let mut refused = false;
        for slot in SLOTS {
            if asker.open().await != Opened::Yes {
                break;
            }
            match connect(asker, slot).await {
                Some(true) => return vec![identify(asker, slot).await],
                Some(false) => refused = true,
                None => {}
            }
            asker.close();
        }
        if refused {
            asker.remark("it speaks ISO on TCP, but takes no connection for rack 0, slot 1 or 2; the CPU may be in another slot");
        }
        Vec::new()
    }
    .boxed()
}

/// Whether the CPU takes a connection for the slot; `None` if it does not speak the transport.
async fn connect(asker: &mut Asker<'_>, slot: u8) -> Option<bool> {
    let (calling, called) = (Tsap::word(0x0100), Tsap::rack_slot(3, 0, slot));
    let connect = Connect { destination: 0, source: 1, tpdu_size: 10, calling, called };
    let mut out = Vec::new();
    tpkt::emit_with(&mut out, |out| Tpdu::ConnectRequest(connect).emit(out));
    let reply = asker.ask(&out, |bytes| {
        let (mut deframer, mut rest) = (Deframer::new(), bytes);
        let Some(tpdu) = deframer.feed(&mut rest).map_err(|why| why.to_string())? else { return Ok(None) };
        match Tpdu::parse(tpdu) {
            Ok(Tpdu::ConnectConfirm(_)) => Ok(Some(true)),
            Ok(Tpdu::Disconnect { .. }) => Ok(Some(false)),
            Ok(_) => Err("it does not answer a connect request".into()),
            Err(why) => Err(why.to_string()),
        }
    });
    match reply.await {
        Reply::Got(taken) => Some(taken),
        _ => None,
    }
}

/// Puts one request; `None` if there was no answer, or none that is S7.
async fn put<T: Send>(
    asker: &mut Asker<'_>,
    request: &Request<'static>,
    mut take: impl FnMut(&Response<'_>) -> T + Send,
) -> Option<T> {
    let mut out = Vec::new();
    cotp::emit_data_with(&mut out, |out| request.emit(1, out));
    let reply = asker.ask(&out, |bytes| {
        let (mut deframer, mut joiner, mut rest) = (Deframer::new(), cotp::Joiner::default(), bytes);
        while let Some(tpdu) = deframer.feed(&mut rest).map_err(|why| why.to_string())? {
            let Tpdu::Data { last, payload } = Tpdu::parse(tpdu).map_err(|why| why.to_string())? else {
                return Err("a transport message that has no place here".into());
            };
            if let Some(pdu) = joiner.take(last, payload).map_err(|why| why.to_string())? {
                return match Response::parse(request, pdu) {
                    Ok(response) => Ok(Some(take(&response))),
                    Err(why) => Err(why.to_string()),
                };
            }
        }
        Ok(None)
    });
    match reply.await {
        Reply::Got(said) => Some(said),
        Reply::Silent => None,
        Reply::Broken(why) => {
            asker.remark(why);
            None
        }
    }
}

async fn identify(asker: &mut Asker<'_>, slot: u8) -> Found {
    let mut identity = Identity::default();
    let agreed = put(asker, &Request::Setup(SETUP), |response| match response {
        Response::Setup(agreed) => Some(agreed.pdu),
        _ => None,
    });
    if agreed.await.flatten().is_some() {
        for id in [szl::MODULE, szl::COMPONENT] {
            let whole = list(asker, id).await;
            if let Some(list) = List::parse(&whole) {
                identity.take(&list);
            }
        }
    } else {
        asker.remark("it takes the connection, but negotiates no session: all its connections may be in use");
    }
    let named = [&identity.kind, &identity.order].into_iter().find(|text| !text.is_empty());
    let mut details = Vec::new();
    for (name, text) in
        [("order number", &identity.order), ("module", &identity.module), ("plant", &identity.plant)]
    {
        if !text.is_empty() && Some(text) != named {
            details.push((name.to_owned(), clean(text)));
        }
    }
    Found {
        place: format!("rack 0, slot {slot}"),
        // Siemens' order numbers begin so; others build CPUs that speak S7, too.
        vendor: if identity.order.starts_with("6ES7") { "Siemens".into() } else { String::new() },
        model: named.map(|text| clean(text)).unwrap_or_default(),
        firmware: clean(&identity.firmware),
        serial: clean(&identity.serial),
        name: clean(&identity.system),
        details,
        kind: Some("s7"),
        keys: vec![("slot", slot.to_string())],
        // Who tells its lists has this one, too.
        tags: if identity.order.is_empty() { Vec::new() } else { vec![("cpu", "{ at = \"cpu.state\" }")] },
        ..Found::new(&PROBE, asker.address(), asker.port())
    }
}

/// A whole list, or what came of it.
async fn list(asker: &mut Asker<'_>, id: u16) -> Vec<u8> {
    let (mut whole, mut request) = (Vec::new(), Request::Szl { id, index: 0 });
    for _ in 0..PARTS {
        let part = put(asker, &request, |response| match response {
            Response::Szl { sequence, last, data, .. } => Some((*sequence, *last, data.to_vec())),
            _ => None,
        });
        let Some((sequence, last, data)) = part.await.flatten() else { break };
        whole.extend(data);
        if last {
            break;
        }
        request = Request::SzlNext { sequence };
    }
    whole
}
