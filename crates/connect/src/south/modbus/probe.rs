//! Who is there, by Modbus: device identification (43/14) of a few unit ids.
//!
//! Rationale: every request to a unit that is not there keeps a serial gateway's bus busy until its own time-out. So
//! two units are asked unless a person names more: 1, and 255, which devices reached directly answer (MODBUS Messaging
//! on TCP/IP V1.0b, section 4.4.1.2).

use crate::discover::{Ask, Asker, Effort, Found, Opened, Probe, Reply, Transport, clean};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use wire::modbus::identification::Collector;
use wire::modbus::mbap::{self, Deframer};
use wire::modbus::{ExceptionCode, Limits, ReadCode, Request, Response};

/// Finds Modbus TCP devices.
pub static PROBE: Probe = Probe {
    name: "modbus",
    title: "Modbus TCP",
    port: 502,
    transport: Transport::Tcp,
    asks: "device identification (function 43/14) of units 1 and 255, or of those you name; reads no register",
    security: "Modbus has no password and no encryption: whoever reaches the port can read and write.",
    effort,
    broadcast: None,
    look,
};

/// Requests of one unit: regular identification in up to four parts, and basic identification or the server id
/// instead.
const REQUESTS: u32 = 5;
/// Parts of one identification.
const PARTS: u32 = 4;

fn effort(ask: &Ask) -> Effort {
    // A unit that is silent costs the connection: a late answer must not pass for the next unit's.
    let units = u32::try_from(ask.units.len()).unwrap_or(u32::MAX);
    Effort { connections: units, requests: units.saturating_mul(REQUESTS) }
}

fn look<'a>(asker: &'a mut Asker<'_>, ask: &'a Ask) -> BoxFuture<'a, Vec<Found>> {
    async move {
        let mut units: Vec<Unit> = Vec::new();
        let (mut opened, mut asked) = (false, Vec::new());
        for unit in &ask.units {
            if asker.open().await != Opened::Yes {
                break;
            }
            opened = true;
            asked.push(unit.to_string());
            units.extend(identify(asker, *unit).await);
        }
        if opened && units.is_empty() {
            asker.remark(format!(
                "the port is open, but nobody answered Modbus as unit {}; a gateway may hold other units: name them",
                asked.join(" or ")
            ));
        }
        merge(units).into_iter().map(|unit| unit.found(asker)).collect()
    }
    .boxed()
}

/// What a unit says of itself, by object id (section 6.21).
struct Unit {
    ids: Vec<u8>,
    objects: Vec<(u8, String)>,
    /// Text of function 17, if it gave no identification.
    server: String,
}

/// Asks one unit; `None` if it is not there.
async fn identify(asker: &mut Asker<'_>, unit: u8) -> Option<Unit> {
    let mut collector = Collector::default();
    let mut code = ReadCode::Regular;
    let mut next = Some(Request::ReadDeviceIdentification { code, object: 0 });
    let (mut parts, mut there) = (0, false);
    while let Some(request) = next.take().filter(|_| parts < PARTS) {
        parts += 1;
        match put(asker, unit, &request, |response| collector.add(response)).await {
            Some(Said::Answer(more)) => {
                there = true;
                next = more;
            }
            Some(Said::Exception(code)) if is_absent(code) => return None,
            // Some devices know basic identification only, and refuse instead of giving what they have.
            Some(Said::Exception(why))
                if code == ReadCode::Regular && why != ExceptionCode::ILLEGAL_FUNCTION =>
            {
                there = true;
                code = ReadCode::Basic;
                next = Some(Request::ReadDeviceIdentification { code, object: 0 });
            }
            Some(Said::Exception(_)) => there = true,
            None => break,
        }
    }
    let mut server = String::new();
    if there && collector.objects().is_empty() && asker.is_open() {
        let text = |response: &Response<'_>| match response {
            Response::ReportServerId { data } => printable(data),
            _ => String::new(),
        };
        if let Some(Said::Answer(text)) = put(asker, unit, &Request::ReportServerId, text).await {
            server = text;
        }
    }
    let objects = collector.objects().iter().map(|(id, value)| (*id, clean(&String::from_utf8_lossy(value))));
    there.then(|| Unit { ids: vec![unit], objects: objects.collect(), server })
}

/// Gateways say that nobody is behind a unit id.
fn is_absent(code: ExceptionCode) -> bool {
    matches!(code, ExceptionCode::GATEWAY_PATH_UNAVAILABLE | ExceptionCode::GATEWAY_TARGET_FAILED)
}

enum Said<T> {
    Answer(T),
    Exception(ExceptionCode),
}

/// Puts one request; `None` if there was no answer, or none that is Modbus.
async fn put<T: Send>(
    asker: &mut Asker<'_>,
    unit: u8,
    request: &Request,
    mut take: impl FnMut(&Response<'_>) -> T + Send,
) -> Option<Said<T>> {
    const TRANSACTION: u16 = 1;
    let mut adu = Vec::new();
    mbap::emit_adu_with(TRANSACTION, unit, &mut adu, |out| request.emit(out));
    let reply = asker.ask(&adu, |bytes| {
        let (mut deframer, mut rest) = (Deframer::new(), bytes);
        let Some(frame) = deframer.feed(&mut rest).map_err(|why| why.to_string())? else { return Ok(None) };
        if (frame.transaction, frame.unit) != (TRANSACTION, unit) {
            return Err("its answer is that of another question".into());
        }
        match Response::parse(request, frame.pdu, &Limits::STANDARD) {
            Ok(Response::Exception { code, .. }) => Ok(Some(Said::Exception(code))),
            Ok(response) => Ok(Some(Said::Answer(take(&response)))),
            Err(why) => Err(why.to_string()),
        }
    });
    match reply.await {
        Reply::Got(said) => Some(said),
        Reply::Silent => None,
        Reply::Broken(why) => {
            asker.remark(format!("unit {unit}: {why}"));
            None
        }
    }
}

/// The words of a server id: its form is the maker's own (section 6.13), text often stands in it.
fn printable(data: &[u8]) -> String {
    let runs = data.split(|byte| !(b' '..=b'~').contains(byte));
    clean(
        &runs
            .filter(|run| run.len() >= 4)
            .map(|run| String::from_utf8_lossy(run))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// `1`, `1 and 255`, `1, 2 and 3`.
fn listed(ids: &[String]) -> String {
    match ids.split_last() {
        Some((last, first)) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => ids.concat(),
    }
}

/// Many devices answer to every unit id: the same identity is one device.
fn merge(units: Vec<Unit>) -> Vec<Unit> {
    let mut merged: Vec<Unit> = Vec::new();
    for unit in units {
        let told = !unit.objects.is_empty();
        match merged.iter_mut().find(|known| told && known.objects == unit.objects) {
            Some(known) => known.ids.extend(unit.ids),
            None => merged.push(unit),
        }
    }
    merged
}

impl Unit {
    fn object(&self, id: u8) -> String {
        self.objects.iter().find(|(known, _)| *known == id).map(|(_, text)| text.clone()).unwrap_or_default()
    }

    fn found(self, asker: &Asker<'_>) -> Found {
        let ids: Vec<String> = self.ids.iter().map(ToString::to_string).collect();
        // Model name, else product name, else product code (section 6.21, objects 5, 4, 1).
        let model = [5, 4, 1].into_iter().map(|id| self.object(id)).find(|text| !text.is_empty());
        let mut details: Vec<(String, String)> = self
            .objects
            .iter()
            .filter(|(id, text)| !matches!(id, 0 | 2 | 6) && !text.is_empty() && Some(text) != model.as_ref())
            .map(|(id, text)| {
                let name = wire::modbus::identification::object_name(*id);
                (name.map_or_else(|| format!("object {id}"), str::to_owned), text.clone())
            })
            .collect();
        if !self.server.is_empty() {
            details.push(("server id".into(), self.server.clone()));
        }
        let model = model.unwrap_or_default();
        let (vendor, product, code) = (self.object(0), self.object(4), self.object(1));
        Found {
            profile: super::profile::fitting(&vendor, &[&model, &product, &code]),
            place: format!("unit {}", listed(&ids)),
            vendor,
            model,
            firmware: self.object(2),
            name: self.object(6),
            details,
            kind: Some("modbus-tcp"),
            device_keys: vec![("unit", ids.first().cloned().unwrap_or_default())],
            ..Found::new(&PROBE, asker.address(), asker.port())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_ids_in_words() {
        for (ids, words) in
            [(&["1"][..], "1"), (&["1", "255"], "1 and 255"), (&["1", "2", "3"], "1, 2 and 3")]
        {
            assert_eq!(listed(&ids.iter().map(ToString::to_string).collect::<Vec<_>>()), words);
        }
    }

    #[test]
    fn words_of_a_server_id() {
        assert_eq!(printable(b"\x01\xffABB ACS580\0\x02v1\xff"), "ABB ACS580");
        assert_eq!(printable(&[0x11, 0xFF]), "");
    }

    #[test]
    fn the_same_identity_is_one_device() {
        let unit =
            |id, name: &str| Unit { ids: vec![id], objects: vec![(0, name.into())], server: String::new() };
        let silent = |id| Unit { ids: vec![id], objects: vec![], server: String::new() };
        let merged = merge(vec![unit(1, "a"), unit(2, "b"), unit(255, "a"), silent(3), silent(4)]);
        let ids: Vec<_> = merged.iter().map(|unit| unit.ids.clone()).collect();
        assert_eq!(ids, [vec![1, 255], vec![2], vec![3], vec![4]]);
    }
}
