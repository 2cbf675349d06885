//! OTLP over HTTP (OpenTelemetry Protocol 1.x, Protocol Buffers): samples as metrics, events as logs.

mod encode;

use super::contract::{Contract, Language, Message, Telling};
use super::post::{HeaderKeys, Headers, Item, patient, post};
use super::webhook::{PATIENCE, address};
use super::{Delivery, Feed, Gathered, Samples, Sink, settings};
use crate::endless::endless;
use crate::http::{Answer, Server, Verdict};
use crate::kind::{Built, Context, Kind};
use crate::reach::{self, Address, TlsKeys};
use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use futures_util::future::BoxFuture;
use hyper::header::{CONTENT_ENCODING, HeaderMap, HeaderValue};
use model::Fault;
use model::config::{Diagnostic, Document};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use schemars::JsonSchema;
use serde::Deserialize;
use std::convert::Infallible;
use std::io::Write as _;
use std::time::Duration;
use transport::TlsClient;

/// How OTLP enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "otlp",
    title: "OpenTelemetry (OTLP)",
    schema: settings::schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

/// Items of one request, about, and how long they wait for more.
const MAX_ITEMS: usize = 2_000;
const LINGER: Duration = Duration::from_millis(200);
const METRICS: &str = "/v1/metrics";
const LOGS: &str = "/v1/logs";

/// Keys of `kind = "otlp"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// the collector: "https://collector.hq:4318"; "/v1/metrics" and "/v1/logs" are added
    url: String,
    #[serde(flatten)]
    headers: HeaderKeys,
    /// certificates for "https://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
    /// how bodies are packed: "gzip" (the default) or "none"
    #[serde(default)]
    compression: Compression,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Compression {
    #[default]
    Gzip,
    None,
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let address = address(&keys.url, document, &mut mistakes);
    let secure = address.as_ref().map_or(keys.tls.any(), |address| address.tls);
    let tls = reach::tls(&keys.tls, secure, "https://...", document, context, &mut mistakes);
    let headers = Headers::new(keys.headers, context);
    headers.check(document, &mut mistakes);
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    let sink = Otlp {
        head: encode::head(context.site.as_str()),
        compression: keys.compression,
        headers,
        address,
        tls,
    };
    Ok(Built {
        points: Vec::new(),
        claims: Vec::new(),
        expected: Vec::new(),
        endpoint: format!("{}://{}{}", sink.address.scheme, sink.address.place(), sink.address.path),
        security: sink.security(),
        it: Box::new(sink),
    })
}

/// See the module.
struct Otlp {
    address: Address,
    tls: Option<TlsClient>,
    headers: Headers,
    compression: Compression,
    head: encode::Head,
}

impl Sink for Otlp {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        Telling::new(|known| {
            let message = |of: &str, place: &str, schema: &str| {
                Message {
                of: of.into(),
                place: format!("POST {place}"),
                key: String::new(),
                media: "application/x-protobuf".into(),
                language: Language::Text,
                schema: schema.into(),
                note: "Messages are those of OTLP 1 (opentelemetry-proto); resource service.name = ironbridge, service.instance.id = the site."
                    .into(),
            }
            };
            let mut all = vec![
                message("sample", METRICS, encode::METRIC_WORDS),
                message("sample that is text", LOGS, encode::NOTE_WORDS),
            ];
            all.extend(known.events.then(|| message("event", LOGS, encode::EVENT_WORDS)));
            Contract::new("otlp", all)
        })
    }
}

impl Otlp {
    fn security(&self) -> crate::kind::Security {
        reach::security(self.tls.is_some(), "HTTP", self.headers.sign_in().unwrap_or("no sign-in"))
    }

    async fn run(&mut self, feed: &mut Feed) -> Result<Infallible, Fault> {
        let mut server = Server::new(self.address.clone(), self.tls.clone(), PATIENCE);
        tokio::select! {
            open = server.connect() => open?,
            () = feed.stopping() => return Err(Fault::Stopped),
        }
        let mut fixed = self.headers.fixed("application/x-protobuf")?;
        if self.compression == Compression::Gzip {
            fixed.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        feed.secured(self.security());
        feed.connected().await;
        loop {
            let mut gathered = Gathered::default();
            feed.gather(&mut gathered, MAX_ITEMS, LINGER).await;
            let (metrics, logs) = items(&gathered, feed);
            let mut rejects = Vec::new();
            for (path, items) in [(METRICS, metrics), (LOGS, logs)] {
                let make = |items: &[Item]| self.request(&fixed, items);
                let done = post(&mut server, path, &items, &make, &judged, feed).await;
                rejects.extend(patient(done, &mut server, feed).await?);
            }
            feed.ack_all(&gathered.positions(), rejects);
            if gathered.stop {
                return Err(Fault::Stopped);
            }
        }
    }

    fn request(&self, fixed: &HeaderMap, items: &[Item]) -> Result<(HeaderMap, Bytes), Fault> {
        let body = encode::request(&self.head, items.iter().map(|item| item.bytes.as_slice()));
        if self.compression == Compression::None {
            return Ok((fixed.clone(), body));
        }
        let mut packer = GzEncoder::new(Vec::with_capacity(body.len() / 4), Level::fast());
        let packed = packer.write_all(&body).and_then(|()| packer.finish());
        let packed = packed.map_err(|error| Fault::Config(error.to_string().into()))?;
        Ok((fixed.clone(), packed.into()))
    }
}

/// Samples and events as metrics and log records.
fn items(gathered: &Gathered, feed: &Feed) -> (Vec<Item>, Vec<Item>) {
    let (mut metrics, mut logs) = (Vec::new(), Vec::new());
    for delivery in &gathered.deliveries {
        match delivery {
            Delivery::Event { position, event, .. } => {
                logs.push(Item { position: *position, about: event.id.clone(), bytes: encode::event(event) })
            }
            Delivery::Samples(samples) => sample_items(samples, feed, &mut metrics, &mut logs),
            Delivery::Declare { .. } | Delivery::Stop => {}
        }
    }
    (metrics, logs)
}

fn sample_items(samples: &Samples, feed: &Feed, metrics: &mut Vec<Item>, logs: &mut Vec<Item>) {
    let (position, received) = (samples.position, samples.batch.received);
    for n in 0..samples.len() {
        let Some((point, time, status, value)) = samples.get(n) else { continue };
        let Some(meta) = feed.meta(point) else { continue };
        let about = meta.path.to_string();
        match encode::metric(&meta, time, status, value) {
            Some(bytes) => metrics.push(Item { position, about, bytes }),
            None => {
                let bytes = encode::note(&meta, time, received, status, value);
                logs.push(Item { position, about, bytes });
            }
        }
    }
}

/// An answer may take a part only (OTLP, "Partial Success"); then nothing may be sent again. Both services answer with
/// the same fields.
fn judged(answer: &Answer) -> Verdict {
    let verdict = answer.verdict();
    if !matches!(verdict, Verdict::Taken) {
        return verdict;
    }
    let partial =
        ExportMetricsServiceResponse::decode(answer.body.clone()).ok().and_then(|read| read.partial_success);
    match partial {
        Some(partial) if partial.rejected_data_points > 0 => {
            let refused = usize::try_from(partial.rejected_data_points).unwrap_or(usize::MAX);
            Verdict::Partly(refused, partial.error_message)
        }
        Some(partial) if !partial.error_message.is_empty() => {
            tracing::warn!(said = partial.error_message, "the collector took everything and has a remark");
            Verdict::Taken
        }
        _ => Verdict::Taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::logs::v1::{
        ExportLogsPartialSuccess, ExportLogsServiceResponse,
    };

    fn answer(status: u16, rejected: i64, message: &str) -> Answer {
        let partial =
            ExportLogsPartialSuccess { rejected_log_records: rejected, error_message: message.into() };
        let body = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
        Answer { status, text: String::new(), body: body.into(), retry_after_s: None }
    }

    #[test]
    fn a_part_that_is_refused_is_told() {
        assert!(matches!(judged(&answer(200, 0, "")), Verdict::Taken));
        assert!(matches!(judged(&answer(200, 0, "old client")), Verdict::Taken));
        let Verdict::Partly(3, why) = judged(&answer(200, 3, "too old")) else { panic!("not told") };
        assert_eq!(why, "too old");
        assert!(matches!(judged(&answer(503, 3, "")), Verdict::Later(_)));
    }
}
