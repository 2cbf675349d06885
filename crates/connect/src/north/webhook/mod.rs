//! Webhook: events, and samples where asked for, posted to any web service: our JSON, OCSF, or a body of the user's own;
//! samples in every shape that messages have.

mod samples;

use super::contract::{Contract, Language, Message, Telling};
use super::event::{kind, ocsf, ocsf_schema};
use super::payload::{self, Format as Shape, FormatWord, json};
use super::post::{HeaderKeys, Headers, Item, patient, post};
use super::{Delivery, Feed, Gathered, Sink, settings};
use crate::endless::endless;
use crate::http::{self, Answer, Server};
use crate::kind::{Built, Context, Kind, Secrets};
use crate::reach::{self, Address, Scheme, TlsKeys};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use model::config::{Diagnostic, Document, SecretRef};
use model::event::severity::word;
use model::{Event, Fault, Path};
use ring::{digest, hmac};
use samples::Samples;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use transport::TlsClient;

/// How webhooks enter the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "webhook",
    title: "Webhook",
    schema: settings::schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

pub(super) const SCHEMES: &[Scheme] =
    &[Scheme { name: "http", port: 80, tls: false }, Scheme { name: "https", port: 443, tls: true }];
/// How long an answer may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Items of one request, and how long they wait for more.
const MAX_ITEMS: usize = 500;
const LINGER: Duration = Duration::from_millis(200);
/// Header with the signature.
pub(super) const SIGNATURE: &str = "x-ironbridge-signature";
/// Headers of a message of samples that goes alone: what it is about, and the number of its record.
const PLACE: &str = "x-ironbridge-place";
const SEQ: &str = "x-ironbridge-seq";

/// Keys of `kind = "webhook"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// where to post to: "https://soc.hq/hooks/plant"
    url: String,
    #[serde(flatten)]
    headers: HeaderKeys,
    /// sign each body with this secret: header `X-Ironbridge-Signature: t=SECONDS,v1=HEX`, HMAC-SHA-256 of "SECONDS.BODY"
    #[serde(default)]
    signing: Option<SecretRef>,
    /// certificates for "https://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
    /// "json": one object with lists of events and samples; "ocsf": a list of OCSF objects; "template": one request an
    /// event, as `payload` says
    #[serde(default)]
    format: Format,
    /// body for format "template" with {title} {text} {next} {severity} {kind} {state} {id} {source} {site} {time}, e.g.
    /// '{"text":"{severity}: {title}"}'
    #[serde(default)]
    payload: Option<String>,
    /// send the samples of the selection as well
    #[serde(default)]
    samples: bool,
    /// how samples are written: "json", "flat-json" and "nested-json" stand in the list `samples` of the body (only with
    /// format "json"); "template", "sparkplug", "avro" and "protobuf" go one request a message
    #[serde(default)]
    samples_as: FormatWord,
    /// body for samples_as "template", with the words of other destinations, e.g. '{"v":{value},"t":{time}}'
    #[serde(default)]
    samples_payload: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Json,
    Ocsf,
    Template,
}

const WORDS: [&str; 10] =
    ["title", "text", "next", "severity", "kind", "state", "id", "source", "site", "time"];

fn check(keys: &Keys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Shape {
    if !keys.samples {
        super::events_named(document, mistakes);
    }
    let wanted = (keys.samples_as, &keys.samples_payload);
    let shape = payload::named_format(wanted, ("samples_as", "samples_payload"), document, mistakes);
    if keys.samples && keys.format != Format::Json && samples::is_listed(&shape) {
        let help = "write `format = \"json\"`, another `samples_as`, or leave `samples` out";
        let message = "samples in a list are only sent with format \"json\"";
        mistakes.push(document.mistake(&["samples"], message, help));
    }
    if !keys.samples && (keys.samples_as != FormatWord::Json || keys.samples_payload.is_some()) {
        let help = "write `samples = true` as well, or leave it out";
        mistakes.push(document.mistake(&["samples_as"], "no samples are sent", help));
    }
    if (keys.format == Format::Template) != keys.payload.is_some() {
        let help = "write `format = \"template\"` and `payload = '{\"text\":\"{title}\"}'`, or neither";
        mistakes.push(document.mistake(
            &["payload"],
            "`payload` and format \"template\" belong together",
            help,
        ));
    }
    shape
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let shape = check(&keys, document, &mut mistakes);
    let address = address(&keys.url, document, &mut mistakes);
    let secure = address.as_ref().map_or(keys.tls.any(), |address| address.tls);
    let tls = reach::tls(&keys.tls, secure, "https://...", document, context, &mut mistakes);
    let headers = Headers::new(keys.headers, context);
    headers.check(document, &mut mistakes);
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    let sink = Webhook {
        site: context.site.to_string(),
        name: context.name.clone(),
        headers,
        signing: keys.signing.map(|secret| secret.secret),
        secrets: context.secrets.clone(),
        format: keys.format,
        payload: keys.payload.unwrap_or_default(),
        samples: keys.samples.then_some(shape),
        place: context.site.clone(),
        certificate: keys.tls.certificate.is_some(),
        address,
        tls,
    };
    let (endpoint, security) =
        (format!("{}://{}{}", sink.address.scheme, sink.address.place(), sink.address.path), sink.security());
    Ok(Built::destination(sink, endpoint, security))
}

/// The address of a web service.
pub(super) fn address(url: &str, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Option<Address> {
    let address = Address::parse(url, SCHEMES).and_then(|address| {
        if address.user.is_empty() {
            Ok(address)
        } else {
            Err("has a user; sign-in has keys of its own".into())
        }
    });
    address
        .map_err(|why| {
            let help = "write \"https://host:port/path\" or \"http://...\"";
            mistakes.push(document.mistake(&["url"], format!("`url` {why}"), help));
        })
        .ok()
}

/// See the module.
struct Webhook {
    address: Address,
    tls: Option<TlsClient>,
    certificate: bool,
    headers: Headers,
    signing: Option<String>,
    secrets: Arc<dyn Secrets>,
    format: Format,
    payload: String,
    /// How samples are written, if they are sent.
    samples: Option<Shape>,
    /// `enterprise/site`.
    place: Path,
    site: String,
    name: String,
}

impl Sink for Webhook {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (format, samples) = (self.format, self.samples.clone());
        let (place, template) = (self.address.path.clone(), self.payload.clone());
        let names_points = samples.as_ref().is_some_and(Shape::names_points);
        Telling::new(move |known| {
            let listed = samples.as_ref().is_some_and(samples::is_listed);
            let mut all = lists(format, &place, &template, (known.events, listed));
            if let Some(shape) = &samples {
                samples::contract(shape, &place, known, &mut all);
            }
            Contract::new(format.word(), all)
        })
        .of_points(names_points)
    }

    fn wants_samples(&self) -> bool {
        self.samples.is_some()
    }
}

impl Webhook {
    fn security(&self) -> crate::kind::Security {
        let who = match (self.headers.sign_in(), &self.signing) {
            (Some(who), _) => who,
            (None, Some(_)) => "signature",
            (None, None) => reach::who(false, self.certificate),
        };
        reach::security(self.tls.is_some(), "HTTP", who)
    }

    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut server = Server::new(self.address.clone(), self.tls.clone(), PATIENCE);
        tokio::select! {
            open = server.connect() => open?,
            () = feed.stopping() => return Err(Fault::Stopped),
        }
        let fixed = self.headers.fixed("application/json")?;
        feed.secured(self.security());
        feed.connected().await;
        let mut samples = self.samples.as_ref().map(|shape| Samples::new(shape, &self.place));
        loop {
            let mut gathered = Gathered::default();
            feed.gather(&mut gathered, MAX_ITEMS, LINGER).await;
            let (items, alone) = self.items(&gathered, &mut samples, feed);
            let each = if self.format == Format::Template { 1 } else { items.len().max(1) };
            let mut rejects = Vec::new();
            let lists = items.chunks(each).map(|part| (part, true));
            for (part, list) in lists.chain(alone.chunks(1).map(|part| (part, false))) {
                let make = |items: &[Item]| match list {
                    true => self.list(&fixed, items, feed),
                    false => self.message(&fixed, items, feed),
                };
                let done = post(&mut server, "", part, &make, &Answer::verdict, feed).await;
                rejects.extend(patient(done, &mut server, feed).await?);
            }
            feed.ack_all(&gathered.positions(), rejects);
            if gathered.stop {
                return Err(Fault::Stopped);
            }
        }
    }

    /// What stands in lists, and what goes alone.
    fn items(&self, gathered: &Gathered, shape: &mut Option<Samples>, feed: &Feed) -> (Vec<Item>, Vec<Item>) {
        let (mut items, mut alone) = (Vec::new(), Vec::new());
        for delivery in &gathered.deliveries {
            match delivery {
                Delivery::Event { position, event, historical } => {
                    let bytes = match self.format {
                        Format::Json => payload::event(event, *position, *historical),
                        Format::Ocsf => ocsf(event, *position, &self.site).to_string().into_bytes(),
                        Format::Template => self.fill(event),
                    };
                    items.push(Item { position: *position, about: event.id.clone(), bytes });
                }
                Delivery::Samples(samples) => {
                    let Some(shape) = shape else { continue };
                    let to = if shape.is_listed() { &mut items } else { &mut alone };
                    shape.items(samples, feed, to);
                }
                Delivery::Declare { .. } => {
                    if let Some(shape) = shape {
                        shape.forget();
                    }
                }
                Delivery::Stop => {}
            }
        }
        (items, alone)
    }

    /// Words in braces become JSON text; other braces stand for themselves.
    fn fill(&self, event: &Event) -> Vec<u8> {
        let time = event.end.unwrap_or(event.start).rfc3339();
        let state = format!("{:?}", event.state).to_ascii_lowercase();
        let values: [&str; WORDS.len()] = [
            &event.title,
            &event.text,
            &event.next,
            word(event.severity),
            kind(event.kind),
            &state,
            &event.id,
            &event.source,
            &self.site,
            &time,
        ];
        let (mut out, mut rest) = (Vec::new(), self.payload.as_str());
        while let Some(at) = rest.find('{') {
            let (before, from) = rest.split_at(at);
            out.extend_from_slice(before.as_bytes());
            let found = WORDS.iter().zip(values).find_map(|(word, value)| {
                let behind = from.strip_prefix('{')?.strip_prefix(word)?.strip_prefix('}')?;
                Some((value, behind))
            });
            match found {
                Some((value, behind)) => {
                    json::escaped(&mut out, value);
                    rest = behind;
                }
                None => {
                    out.push(b'{');
                    rest = from.get(1..).unwrap_or_default();
                }
            }
        }
        out.extend_from_slice(rest.as_bytes());
        out
    }

    fn list(&self, fixed: &HeaderMap, items: &[Item], feed: &Feed) -> Result<(HeaderMap, Bytes), Fault> {
        let of = |item: Option<&Item>| item.map_or(0, |item| item.position.as_i64());
        let span = format!("{}-{}", of(items.first()), of(items.last()));
        self.request(fixed.clone(), self.body(items), &span, feed)
    }

    /// One message of samples: the body is the payload, a header names its place.
    fn message(&self, fixed: &HeaderMap, items: &[Item], feed: &Feed) -> Result<(HeaderMap, Bytes), Fault> {
        let (Some(item), Some(shape)) = (items.first(), &self.samples) else {
            return Err(Fault::Protocol("a request without a message".into()));
        };
        let mut headers = fixed.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(shape.media()));
        http::add(&mut headers, PLACE, &item.about)?;
        http::add(&mut headers, SEQ, &item.position.as_i64().to_string())?;
        // One record may become several messages of one place: the content tells them apart.
        let content = digest::digest(&digest::SHA256, &item.bytes);
        let short: String = content.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let span = format!("{}-{short}", item.position.as_i64());
        self.request(headers, item.bytes.clone(), &span, feed)
    }

    fn request(
        &self,
        mut headers: HeaderMap,
        body: Vec<u8>,
        span: &str,
        feed: &Feed,
    ) -> Result<(HeaderMap, Bytes), Fault> {
        let key = format!("{}:{}:{span}", self.site, self.name);
        http::add(&mut headers, "idempotency-key", &key)?;
        if let Some(secret) = &self.signing {
            let key = hmac::Key::new(hmac::HMAC_SHA256, reach::secret(&*self.secrets, secret)?.as_bytes());
            http::add(&mut headers, SIGNATURE, &signature(&key, feed.now().millis() / 1_000, &body))?;
        }
        Ok((headers, body.into()))
    }

    fn body(&self, items: &[Item]) -> Vec<u8> {
        let joined = |items: &mut dyn Iterator<Item = &Item>| {
            items.map(|item| item.bytes.as_slice()).collect::<Vec<_>>().join(&b','.to_owned())
        };
        if self.format == Format::Template {
            return joined(&mut items.iter());
        }
        if self.format == Format::Ocsf {
            return [b"[".as_slice(), &joined(&mut items.iter()), b"]"].concat();
        }
        // An event's object begins with its id.
        let is_sample = |item: &&Item| !item.bytes.starts_with(EVENT);
        let (events, samples) = (
            joined(&mut items.iter().filter(|item| !is_sample(item))),
            joined(&mut items.iter().filter(is_sample)),
        );
        let mut body = b"{\"gateway\":".to_vec();
        json::text(&mut body, &self.site);
        body.extend_from_slice(b",\"destination\":");
        json::text(&mut body, &self.name);
        for (name, list) in [("events", events), ("samples", samples)] {
            body.extend_from_slice(format!(",\"{name}\":[").as_bytes());
            body.extend_from_slice(&list);
            body.push(b']');
        }
        body.push(b'}');
        body
    }
}

/// How an event's object begins.
const EVENT: &[u8] = b"{\"id\":";

impl Format {
    const fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ocsf => "ocsf",
            Self::Template => "template",
        }
    }
}

/// What requests look like that bring events, or samples in a list.
fn lists(format: Format, place: &str, template: &str, (events, samples): (bool, bool)) -> Vec<Message> {
    let message = |of: &str, media: &str, language: Language, schema: String, note: &str| Message {
        of: of.into(),
        place: format!("POST {place}"),
        key: "header Idempotency-Key".into(),
        media: media.into(),
        language,
        schema,
        note: note.into(),
    };
    match format {
        _ if !events && !samples => Vec::new(),
        Format::Json => {
            let schema = samples::body_schema(payload::contract::listed_sample());
            let of = match (events, samples) {
                (true, true) => "events and samples",
                (true, false) => "events",
                (false, _) => "samples",
            };
            vec![message(of, "application/json", Language::JsonSchema, schema, "")]
        }
        Format::Ocsf => {
            let list = serde_json::json!({ "type": "array", "items": ocsf_schema() });
            let schema = payload::contract::body("OCSF", list);
            let note = "Each object is one of OCSF 1.3 (schema.ocsf.io); which one, class_uid says.";
            vec![message("event", "application/json", Language::JsonSchema, schema, note)]
        }
        Format::Template => {
            let note = "One request an event; the words stand in braces.";
            vec![message("event", "application/json", Language::Text, template.to_owned(), note)]
        }
    }
}

/// `t=SECONDS,v1=HEX` of "SECONDS.BODY".
fn signature(key: &hmac::Key, seconds: i64, body: &[u8]) -> String {
    let mut context = hmac::Context::with_key(key);
    context.update(format!("{seconds}.").as_bytes());
    context.update(body);
    let hex: String = context.sign().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={seconds},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_as_any_library_makes_them() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        // python: hmac.new(b"key", b"1700000000.{}", "sha256").hexdigest()
        assert_eq!(
            signature(&key, 1_700_000_000, b"{}"),
            "t=1700000000,v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
        );
    }
}
