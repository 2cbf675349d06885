//! Syslog (RFC 5424) over TLS (RFC 5425), TCP (RFC 6587, octet counting) or UDP (RFC 5426): events for a security
//! operations centre, as text, CEF or OCSF.
//!
//! ```text
//! feed.gather() ─▶ one line an event ─▶ written ─▶ the connection lived on for 5 s ─▶ feed.ack_all(positions)
//! ```
//! Rationale: syslog has no acknowledgement. TCP's own is taken: a connection whose far machine does not confirm what
//! was sent ends after 4 s, so what was written 5 s before, on a connection that still stands, has arrived there. What
//! was not is sent again by the next session. UDP loses what it loses; it is there for collectors that know nothing else.

use super::contract::{Contract, Language, Message, Telling};
use super::event::{Facility, cef, cef_shape, ocsf, ocsf_schema, syslog, syslog_shape};
use super::payload::contract;
use super::{Delivery, Feed, Gathered, Sink, settings};
use crate::endless::endless;
use crate::kind::{Built, Context, Kind};
use crate::reach::{self, Address, Scheme, TlsKeys};
use futures_util::future::BoxFuture;
use model::config::{Diagnostic, Document};
use model::{Event, Fault, Position};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout};
use transport::{Stream, TlsClient};

/// How syslog enters the product.
pub const KIND: Kind<dyn Sink> = Kind {
    name: "syslog",
    title: "Syslog, SIEM",
    schema: settings::schema::<Keys>,
    build,
    sample: include_str!("sample.toml"),
};

const SCHEMES: &[Scheme] = &[
    Scheme { name: "tls", port: 6514, tls: true },
    Scheme { name: "tcp", port: 514, tls: false },
    Scheme { name: "udp", port: 514, tls: false },
];
/// How long the collector may take to let us in, or to take what is written.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this time without TCP's confirmation the connection ends.
const CONFIRM: Duration = Duration::from_secs(4);
/// So long a connection must live on for what was written to count as arrived.
const SETTLE: Duration = Duration::from_secs(5);
/// Events at once, how long they wait for more, and most that wait to settle.
const MAX_EVENTS: usize = 500;
const LINGER: Duration = Duration::from_millis(50);
const MAX_UNSETTLED: usize = 100;
/// Longest message over UDP: every receiver takes so much (RFC 5426, 3.2).
const MAX_DATAGRAM: usize = 2_048;

/// Keys of `kind = "syslog"`.
#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// the collector: "tls://siem:6514", "tcp://siem:514" or "udp://siem:514"
    url: String,
    /// certificates for "tls://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
    /// what stands behind the header: "text", "cef" or "ocsf" (JSON)
    #[serde(default)]
    format: Format,
    /// where the collector files it
    #[serde(default)]
    facility: Facility,
    /// name of this gateway in each message; the site with dots if left out
    #[serde(default)]
    hostname: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Text,
    Cef,
    Ocsf,
}

fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    super::events_named(document, &mut mistakes);
    let address = Address::parse(&keys.url, SCHEMES).and_then(|address| {
        let more = !address.user.is_empty() || !address.path.is_empty();
        if more { Err("has more than host and port".into()) } else { Ok(address) }
    });
    let address = address
        .map_err(|why| {
            let help = "write \"tls://host:6514\", \"tcp://host:514\" or \"udp://host:514\"";
            mistakes.push(document.mistake(&["url"], format!("`url` {why}"), help));
        })
        .ok();
    let secure = address.as_ref().map_or(keys.tls.any(), |address| address.tls);
    let tls = reach::tls(&keys.tls, secure, "tls://...", document, context, &mut mistakes);
    let (Some(address), true) = (address, mistakes.is_empty()) else { return Err(mistakes) };
    let sink = Syslog {
        site: context.site.to_string(),
        host: keys.hostname.unwrap_or_else(|| context.site.as_str().replace('/', ".")),
        format: keys.format,
        facility: keys.facility,
        certificate: keys.tls.certificate.is_some(),
        address,
        tls,
    };
    let (endpoint, security) =
        (format!("{}://{}", sink.address.scheme, sink.address.place()), sink.security());
    Ok(Built::destination(sink, endpoint, security))
}

/// See the module.
struct Syslog {
    address: Address,
    tls: Option<TlsClient>,
    certificate: bool,
    format: Format,
    facility: Facility,
    site: String,
    host: String,
}

/// What is spoken over.
enum Way {
    Stream(Box<Stream>),
    Datagrams(UdpSocket),
}

impl Sink for Syslog {
    fn serve<'a>(&'a mut self, feed: &'a mut Feed) -> BoxFuture<'a, Fault> {
        endless(self.run(feed))
    }

    fn contract(&self) -> Telling {
        let (host, format) = (self.host.clone(), self.format);
        Telling::new(move |_| {
            let (word, behind, note) = match format {
                Format::Text => ("text", "TITLE. MEANING".to_owned(), ""),
                Format::Cef => ("cef", cef_shape(), "CEF is the ArcSight Common Event Format, version 0."),
                Format::Ocsf => (
                    "ocsf",
                    contract::body("OCSF", ocsf_schema()),
                    "Behind the header stands one object of OCSF 1.3, in JSON as this schema says.",
                ),
            };
            let line = Message {
                of: "event".into(),
                place: format!("host {host}, application ironbridge"),
                key: "id, revision".into(),
                media: "text/plain".into(),
                language: Language::Text,
                schema: syslog_shape(&host, &behind),
                note: note.into(),
            };
            Contract::new(word, vec![line])
        })
    }

    fn wants_samples(&self) -> bool {
        false
    }
}

impl Syslog {
    fn security(&self) -> crate::kind::Security {
        reach::security(self.tls.is_some(), "Syslog", reach::who(false, self.certificate))
    }

    async fn run(&mut self, feed: &mut Feed) -> Result<std::convert::Infallible, Fault> {
        let mut way = tokio::select! {
            way = self.open() => way?,
            () = feed.stopping() => return Err(Fault::Stopped),
        };
        feed.secured(self.security());
        feed.connected().await;
        let mut gathered = Gathered::default();
        let mut unsettled: VecDeque<(Instant, Vec<Position>)> = VecDeque::new();
        let mut heard = [0_u8; 256];
        loop {
            let due = unsettled.front().map(|(written, _)| *written + SETTLE);
            let room = unsettled.len() < MAX_UNSETTLED;
            tokio::select! {
                biased;
                ended = listen(&mut way, &mut heard) => return Err(ended),
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    if let Some((_, positions)) = unsettled.pop_front() {
                        feed.ack_all(&positions, Vec::new());
                    }
                }
                () = gather(feed, &mut gathered, room) => {
                    let stop = gathered.stop;
                    let written = self.write(&mut way, std::mem::take(&mut gathered)).await?;
                    match &way {
                        Way::Datagrams(_) => feed.ack_all(&written, Vec::new()),
                        Way::Stream(_) if !written.is_empty() => unsettled.push_back((Instant::now(), written)),
                        Way::Stream(_) => {}
                    }
                    if stop {
                        return Err(Fault::Stopped);
                    }
                }
            }
        }
    }

    async fn open(&self) -> Result<Way, Fault> {
        if self.address.scheme == "udp" {
            let lost = |error: std::io::Error| Fault::Connect(error.to_string().into());
            let any = if self.address.host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
            let socket = UdpSocket::bind(any).await.map_err(lost)?;
            socket.connect((self.address.host.as_str(), self.address.port)).await.map_err(lost)?;
            return Ok(Way::Datagrams(socket));
        }
        let stream = transport::dial(&reach::target(&self.address, self.tls.as_ref()), PATIENCE).await?;
        stream.give_up_after(CONFIRM);
        Ok(Way::Stream(Box::new(stream)))
    }

    /// Writes the events; returns the positions of all that was gathered.
    async fn write(&self, way: &mut Way, gathered: Gathered) -> Result<Vec<Position>, Fault> {
        let positions = gathered.positions();
        let mut out = Vec::new();
        for delivery in &gathered.deliveries {
            let Delivery::Event { position, event, .. } = delivery else { continue };
            let line = self.line(event, *position);
            match way {
                Way::Stream(_) => out.extend_from_slice(format!("{} {line}", line.len()).as_bytes()),
                Way::Datagrams(socket) => {
                    let whole = line.as_bytes();
                    let part = whole.get(..MAX_DATAGRAM).unwrap_or(whole);
                    socket.send(part).await.map_err(|error| Fault::Lost(error.to_string().into()))?;
                }
            }
        }
        if let (Way::Stream(stream), false) = (way, out.is_empty()) {
            let lost = |error: std::io::Error| Fault::Lost(error.to_string().into());
            let writing = async {
                stream.write_all(&out).await.map_err(lost)?;
                stream.flush().await.map_err(lost)
            };
            let slow = || Fault::Lost("the collector takes nothing any more".into());
            timeout(PATIENCE, writing).await.map_err(|_| slow())??;
        }
        Ok(positions)
    }

    fn line(&self, event: &Event, position: Position) -> String {
        let text = match self.format {
            Format::Text if event.text.is_empty() => event.title.clone(),
            Format::Text => format!("{}. {}", event.title.trim_end_matches('.'), event.text),
            Format::Cef => cef(event, position, &self.site),
            Format::Ocsf => ocsf(event, position, &self.site).to_string(),
        };
        syslog(event, position, &self.site, &self.host, self.facility, &text)
    }
}

/// As [`Feed::gather`] if there is room; else only the end of the session.
async fn gather(feed: &mut Feed, gathered: &mut Gathered, room: bool) {
    if room {
        return feed.gather(gathered, MAX_EVENTS, LINGER).await;
    }
    feed.stopping().await;
    gathered.stop = true;
}

/// A collector says nothing; the end of the stream is what is listened for.
async fn listen(way: &mut Way, heard: &mut [u8]) -> Fault {
    match way {
        Way::Datagrams(_) => std::future::pending().await,
        Way::Stream(stream) => loop {
            match stream.read(heard).await {
                Ok(0) => return Fault::Lost("the collector closed the connection".into()),
                Ok(_) => {}
                Err(error) => return Fault::Lost(error.to_string().into()),
            }
        },
    }
}
