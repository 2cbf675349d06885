//! InfluxDB line protocol over HTTP (write API v2, or that of InfluxDB 1): InfluxDB, VictoriaMetrics, Telegraf and others.
//!
//! Series are made of the point's path and unit; the far side's own key (series, time) makes replays idempotent.

use super::contract::{Contract, Language, Message, Telling};
use super::post::{Item, patient, post};
use super::webhook::{PATIENCE, address};
use super::{Asks, Delivery, Feed, Found, Gathered, Proof, Proofs, Samples, Sink, settings};
use crate::endless::endless;
use crate::http::{self, Answer, Server};
use crate::kind::{Built, Context, Kind, Secrets};
use crate::reach::{self, Address, SignIn, TlsKeys};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use model::config::{Diagnostic, Document, SecretRef};
use model::{Declaration, Fault, Position, Status, Time, Value};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use transport::TlsClient;

/// How the line protocol enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "influx",
    title: "InfluxDB line protocol",
    schema: settings::schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

/// Lines of one request, about, and how long they wait for more.
const MAX_LINES: usize = 10_000;
const LINGER: Duration = Duration::from_millis(200);

/// Keys of `kind = "influx"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// the database: "https://influx.hq:8086"
    url: String,
    /// its token: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    token: Option<SecretRef>,
    /// organisation, where the database has some
    #[serde(default)]
    org: String,
    /// bucket, or DATABASE/RETENTION of InfluxDB 1.8
    #[serde(default)]
    bucket: String,
    /// InfluxDB 1 instead, which has no buckets: DATABASE, or DATABASE/RETENTION
    #[serde(default)]
    database: Option<String>,
    /// user name, where InfluxDB 1 asks for one
    #[serde(default)]
    user: Option<String>,
    /// its password: { secret = "NAME" }
    #[serde(default)]
    password: Option<SecretRef>,
    /// certificates for "https://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
    /// measurement of all points
    #[serde(default = "measurement")]
    measurement: String,
}

fn measurement() -> String {
    "samples".into()
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let address = address(&keys.url, document, &mut mistakes);
    let secure = address.as_ref().map_or(keys.tls.any(), |address| address.tls);
    let tls = reach::tls(&keys.tls, secure, "https://...", document, context, &mut mistakes);
    if keys.measurement.is_empty() || keys.measurement.chars().any(char::is_control) {
        let help = "write a word, e.g. \"samples\"";
        mistakes.push(document.mistake(&["measurement"], "`measurement` is no name", help));
    }
    if document.root.get("events").is_some() {
        let help = "leave `events` out; `syslog`, `webhook` and `postgres` take them";
        mistakes.push(document.mistake(&["events"], "the line protocol has no events", help));
    }
    reach::check_password(keys.user.is_some(), keys.password.as_ref(), document, &mut mistakes);
    let path = write_path(&keys, document, &mut mistakes);
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    let sink = Influx {
        path,
        sign_in: SignIn::new(keys.user.clone(), keys.password.as_ref(), context),
        measurement: escaped(&keys.measurement, &[',', ' ']),
        token: keys.token.map(|secret| secret.secret),
        secrets: context.secrets.clone(),
        proofs: Proofs::default(),
        answers: false,
        address,
        tls,
    };
    let (endpoint, security) =
        (format!("{}://{}{}", sink.address.scheme, sink.address.place(), sink.address.path), sink.security());
    Ok(Built::destination(sink, endpoint, security))
}

/// Where lines are posted to.
fn write_path(keys: &Keys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> String {
    let Some(database) = &keys.database else {
        if keys.user.is_some() {
            let help = "write `database = \"...\"` for InfluxDB 1, or `token` for InfluxDB 2";
            mistakes.push(document.mistake(&["user"], "a user signs in at InfluxDB 1 only", help));
        }
        return format!(
            "/api/v2/write?org={}&bucket={}&precision=ns",
            encoded(&keys.org),
            encoded(&keys.bucket)
        );
    };
    if keys.token.is_some() || !keys.org.is_empty() || !keys.bucket.is_empty() {
        let message = "`database` is of InfluxDB 1; `org`, `bucket` and `token` are of InfluxDB 2";
        mistakes.push(document.mistake(&["database"], message, "leave one or the other out"));
    }
    let (database, retention) = database.split_once('/').unwrap_or((database, ""));
    let retention = if retention.is_empty() { String::new() } else { format!("&rp={}", encoded(retention)) };
    format!("/write?db={}{retention}", encoded(database))
}

/// See the module.
struct Influx {
    address: Address,
    tls: Option<TlsClient>,
    path: String,
    measurement: String,
    token: Option<String>,
    sign_in: SignIn,
    secrets: Arc<dyn Secrets>,
    /// Paths and times in milliseconds.
    proofs: Proofs<(String, i64)>,
    /// Whether the far side has ever said what it has.
    answers: bool,
}

impl Sink for Influx {
    fn asks(&self) -> Asks {
        Asks::Usually
    }

    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let measurement = self.measurement.clone();
        Telling::new(move |_| {
            let lines = Message {
                of: "sample".into(),
                place: format!("measurement {measurement}"),
                key: "path, unit (tags) and the time".into(),
                media: "text/plain".into(),
                language: Language::Text,
                schema: format!(
                    "{measurement},path=PATH,unit=UNIT value=DOUBLE,value_int=INTEGERi,value_text=\"TEXT\",good=BOOLEAN,status=INTEGERi,quality=\"NAME\",seq=\"NUMBER\" NANOSECONDS\n"
                ),
                note: "Numbers have `value`, whole ones `value_int` as well, texts and bytes `value_text`; a Bad sample has none of \
                       them. A point without a unit has no tag `unit`."
                    .into(),
            };
            Contract::new("line-protocol", vec![lines])
        })
    }
}

impl Influx {
    fn security(&self) -> crate::kind::Security {
        let who = match (&self.token, self.sign_in.user()) {
            (Some(_), _) => "token",
            (None, Some(_)) => "password",
            (None, None) => "no sign-in",
        };
        reach::security(self.tls.is_some(), "HTTP", who)
    }

    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut server = Server::new(self.address.clone(), self.tls.clone(), PATIENCE);
        tokio::select! {
            open = server.connect() => open?,
            () = feed.stopping() => return Err(Fault::Stopped),
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(name) = &self.token {
            let token = reach::secret(&*self.secrets, name)?;
            headers.insert(AUTHORIZATION, http::sensitive(format!("Token {token}"))?);
        }
        if let Some((user, password)) = self.sign_in.credentials()? {
            let pair = STANDARD.encode(format!("{user}:{password}"));
            headers.insert(AUTHORIZATION, http::sensitive(format!("Basic {pair}"))?);
        }
        feed.secured(self.security());
        feed.connected().await;
        self.proofs.begin(feed);
        let mut gathered = Gathered::default();
        loop {
            tokio::select! {
                biased;
                () = feed.gather(&mut gathered, MAX_LINES, LINGER) => {}
                () = self.proofs.due() => {}
            }
            let gathered = std::mem::take(&mut gathered);
            let mut rejects = Vec::new();
            let mut items = Vec::new();
            for delivery in &gathered.deliveries {
                if let Delivery::Samples(samples) = delivery {
                    self.lines(samples, feed, &mut items, &mut rejects);
                }
            }
            let make = |items: &[Item]| {
                let body = items.iter().map(|item| item.bytes.as_slice()).collect::<Vec<_>>().concat();
                Ok((headers.clone(), Bytes::from(body)))
            };
            let done = post(&mut server, &self.path, &items, &make, &Answer::verdict, feed).await;
            rejects.extend(patient(done, &mut server, feed).await?);
            let whole = rejects.is_empty();
            feed.ack_all(&gathered.positions(), rejects);
            if gathered.stop {
                return Err(Fault::Stopped);
            }
            self.proofs.took(|| last(&gathered, feed).filter(|_| whole));
            for proof in self.proofs.take_due() {
                let found = self.has(&proof.key, &mut server, &headers).await?;
                self.proofs.answered(feed, &proof, found);
            }
        }
    }

    /// Whether VictoriaMetrics has a sample; other databases have no common way to be asked.
    async fn has(
        &mut self,
        (path, millis): &(String, i64),
        server: &mut Server,
        headers: &HeaderMap,
    ) -> Result<Found, Fault> {
        let name = format!("{}_status", self.measurement.replace('\\', ""));
        let series = format!("{{__name__=\"{name}\",path=\"{path}\"}}");
        let time = format!("{}.{:03}", millis.div_euclid(1_000), millis.rem_euclid(1_000));
        let body = format!("match[]={}&start={time}&end={time}", encoded(&series));
        let mut headers = headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        let answer = server.post("/api/v1/export", &headers, Bytes::from(body)).await?;
        let found = if answer.status == 200 { has_time(&answer.body, *millis) } else { None };
        Ok(match found {
            Some(true) => {
                self.answers = true;
                Found::There
            }
            Some(false) if self.answers => Found::Gone("the database has no such sample any more".into()),
            _ => Found::Unsaid(format!(
                "the database does not say what it has (HTTP {}); VictoriaMetrics does",
                answer.status
            )),
        })
    }

    fn lines(&self, samples: &Samples, feed: &Feed, items: &mut Vec<Item>, rejects: &mut Vec<super::Reject>) {
        for n in 0..samples.len() {
            let Some((point, time, status, value)) = samples.get(n) else { continue };
            let Some(meta) = feed.meta(point) else { continue };
            let (position, about) = (samples.position, meta.path.to_string());
            match line(&self.measurement, &meta, time, status, value, position) {
                Some(bytes) => items.push(Item { position, about, bytes }),
                None => rejects.push(super::Reject {
                    position,
                    path: about,
                    reason: "the line protocol has no NaN and no infinity".into(),
                    time: feed.now(),
                }),
            }
        }
    }
}

/// The last sample of a batch, to ask for it later.
fn last(gathered: &Gathered, feed: &Feed) -> Option<Proof<(String, i64)>> {
    let samples = gathered.deliveries.iter().rev().find_map(|delivery| match delivery {
        Delivery::Samples(samples) => Some(samples),
        _ => None,
    })?;
    let (point, time, ..) = samples.get(samples.len().checked_sub(1)?)?;
    let what = feed.meta(point)?.path.to_string();
    Some(Proof { key: (what.clone(), time.0.div_euclid(1_000_000)), what, time })
}

/// Whether an export (a JSON object a line) has a sample of this time, ms; `None` if it is no export.
fn has_time(body: &[u8], millis: i64) -> Option<bool> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let mut found = false;
    for line in lines {
        let series: Json = serde_json::from_slice(line).ok()?;
        let times = series.get("timestamps")?.as_array()?;
        found |= times.iter().any(|time| time.as_i64() == Some(millis));
    }
    Some(found)
}

/// `samples,path=a/b,unit=bar value=1.5,good=true,status=0i,seq="17" 1767225600123456789`. A Bad sample has no value.
fn line(
    measurement: &str,
    meta: &Declaration,
    time: Time,
    status: Status,
    value: &Value,
    position: Position,
) -> Option<Vec<u8>> {
    let mut out = format!("{measurement},path={}", escaped(meta.path.as_str(), &[',', ' ', '=']));
    if !meta.unit.is_empty() {
        out.push_str(&format!(",unit={}", escaped(&meta.unit, &[',', ' ', '='])));
    }
    out.push(' ');
    match value {
        _ if status.is_bad() => {}
        Value::F64(number) if !number.is_finite() => return None,
        Value::F64(number) => out.push_str(&format!("value={},", ryu::Buffer::new().format_finite(*number))),
        // One field has one type in all series: numbers are doubles, exact ones stand beside.
        Value::I64(number) => out.push_str(&format!("value={},value_int={number}i,", *number as f64)),
        Value::U64(number) => match i64::try_from(*number) {
            Ok(whole) => out.push_str(&format!("value={},value_int={whole}i,", *number as f64)),
            Err(_) => out.push_str(&format!("value={},", *number as f64)),
        },
        Value::Bool(flag) => out.push_str(&format!("value={0},value_int={0}i,", u8::from(*flag))),
        Value::Text(text) => out.push_str(&format!("value_text=\"{}\",", quoted(text))),
        Value::Bytes(_) => out.push_str(&format!("value_text=\"{}\",", quoted(&value.to_string()))),
        Value::None => {}
    }
    out.push_str(&format!(
        "good={},status={}i,quality=\"{}\",seq=\"{}\" {}\n",
        status.is_good(),
        status.0,
        status.name(),
        position.as_i64(),
        time.0
    ));
    Some(out.into_bytes())
}

/// Measurements and tags: special characters behind a backslash; a line end cannot stand there.
fn escaped(text: &str, special: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(&c) {
            out.push('\\');
        }
        out.push(if c.is_control() { '_' } else { c });
    }
    // A backslash at the end would escape what follows.
    if out.ends_with('\\') { out + "_" } else { out }
}

/// Text fields: `"` and `\` behind a backslash.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// For a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Path, ValueType};

    #[test]
    fn lines_as_the_protocol_has_them() {
        let mut meta = Declaration::new(Path::new("a/b/c").unwrap(), ValueType::F64);
        meta.unit = "m, /s=\\".into();
        let of = |value: Value, status: Status| {
            let line = line("samples", &meta, Time(5), status, &value, Position(7));
            line.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        let start = "samples,path=a/b/c,unit=m\\,\\ /s\\=\\_ ";
        let end = "good=true,status=0i,quality=\"Good\",seq=\"7\" 5\n";
        for (value, fields) in [
            (Value::F64(1.5), "value=1.5,"),
            (Value::F64(1e300), "value=1e300,"),
            (Value::I64(-3), "value=-3,value_int=-3i,"),
            (Value::U64(u64::MAX), "value=18446744073709552000,"),
            (Value::Bool(true), "value=1,value_int=1i,"),
            (Value::from("a\"b\\c"), "value_text=\"a\\\"b\\\\c\","),
        ] {
            assert_eq!(of(value, Status::GOOD), Some(format!("{start}{fields}{end}")));
        }
        let bad = of(Value::F64(1.5), Status::BAD_SENSOR_FAILURE).unwrap();
        assert!(bad.starts_with(&format!("{start}good=false,")), "no value when Bad: {bad}");
        assert_eq!(of(Value::F64(f64::NAN), Status::GOOD), None);
        let export = br#"{"metric":{"__name__":"samples_status"},"values":[0,0],"timestamps":[5,7]}"#;
        let of = |millis| has_time(export, millis);
        assert_eq!((of(7), of(6), has_time(b"", 6)), (Some(true), Some(false), Some(false)));
        assert_eq!(has_time(b"<html>\n", 7), None);
        assert_eq!(encoded("my org/%"), "my%20org/%25");
    }
}
