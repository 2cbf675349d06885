//! The keys of `kind = "kafka"`.

use super::Kafka;
use super::producer::Creation;
use super::scram::Hash;
use crate::kind::{Built, Context, Security};
use crate::north::payload::{self, PayloadKeys, template};
use crate::north::{Sink, settings};
use crate::reach::{self, Address, Scheme, SignIn, TlsKeys};
use kafka_protocol::records::Compression as Codec;
use model::config::{Diagnostic, Document, Period, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use std::sync::Arc;
use std::time::Duration;
use transport::TlsClient;

const SCHEMES: &[Scheme] =
    &[Scheme { name: "kafka", port: 9092, tls: false }, Scheme { name: "kafkas", port: 9093, tls: true }];

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// a broker of the cluster: "kafkas://host:9093" with TLS, "kafka://host:9092" in the clear; it names the others
    url: String,
    /// further brokers to begin with, where the first is down
    #[serde(default)]
    #[schemars(length(max = 16))]
    more: Vec<String>,
    /// user name, where the cluster asks for one
    #[serde(default)]
    user: Option<String>,
    /// its password: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    password: Option<SecretRef>,
    /// how to sign in: "scram-sha-256", "scram-sha-512", or "plain" (only with TLS)
    #[serde(default)]
    mechanism: Mechanism,
    /// certificates for "kafkas://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
    #[serde(flatten)]
    shape: PayloadKeys,
    /// topic with {path} {below} {parent} {name} {connection} {device} {enterprise} {site}, folders become `.`;
    /// "{enterprise}.{site}" if left out
    #[serde(default)]
    topic: Option<String>,
    /// key of a message, with the same words; if left out "{path}", "{parent}" for "flat-json",
    /// "{enterprise}/{site}/{connection}" for "nested-json" and "sparkplug"
    #[serde(default)]
    key: Option<String>,
    /// topic for events; "ENTERPRISE.SITE.events" if left out
    #[serde(default)]
    events_topic: Option<String>,
    /// topics that are not there are made, with these settings
    #[serde(default)]
    create: Create,
    /// how batches are packed: "zstd", "gzip" or "none"
    #[serde(default)]
    compression: Compression,
    /// how long samples wait for more of them, at most 10 s
    #[serde(default = "linger")]
    linger: Period,
    /// most samples of one round, 1 to 100,000
    #[serde(default = "batch")]
    #[schemars(range(min = 1, max = 100_000))]
    batch: u32,
}

/// How topics are made.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Create {
    /// partitions; the cluster's default if left out
    #[schemars(range(min = 1, max = 10_000))]
    partitions: Option<i32>,
    /// copies; the cluster's default if left out
    #[schemars(range(min = 1, max = 32))]
    replicas: Option<i16>,
    /// keep the newest message of each key for ever, older ones go (cleanup.policy=compact)
    #[serde(default)]
    compacted: bool,
}

/// How to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Mechanism {
    /// The password in the clear, inside TLS.
    Plain,
    /// RFC 7677.
    #[default]
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// The same with the longer hash.
    #[serde(rename = "scram-sha-512")]
    ScramSha512,
}

impl Mechanism {
    /// Its hash, if it has one.
    pub(super) const fn hash(self) -> Option<Hash> {
        match self {
            Self::Plain => None,
            Self::ScramSha256 => Some(Hash::Sha256),
            Self::ScramSha512 => Some(Hash::Sha512),
        }
    }

    /// Its name on the wire.
    pub(super) const fn name(self) -> &'static str {
        match self.hash() {
            None => "PLAIN",
            Some(hash) => hash.mechanism(),
        }
    }
}

/// How batches are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Compression {
    /// Small and fast; Kafka 2.1 and newer.
    #[default]
    Zstd,
    /// Everybody knows it.
    Gzip,
    /// As it is.
    None,
}

fn linger() -> Period {
    Period(Duration::from_millis(100))
}

const fn batch() -> u32 {
    10_000
}

pub(super) fn schema() -> Json {
    settings::schema::<Keys>()
}

/// The brokers to begin with, and how to be known there.
pub(super) struct Servers {
    pub(super) addresses: Vec<Address>,
    pub(super) tls: Option<TlsClient>,
    pub(super) timeout: Duration,
    pub(super) sign_in: SignIn,
    pub(super) mechanism: Mechanism,
    certificate: bool,
}

impl Servers {
    /// The first address; its scheme is that of all.
    pub(super) fn first(&self) -> Address {
        let none = Address {
            scheme: "kafka",
            user: String::new(),
            host: String::new(),
            port: 0,
            path: String::new(),
            tls: false,
        };
        self.addresses.first().cloned().unwrap_or(none)
    }

    pub(super) fn security(&self) -> Security {
        let who = match (self.sign_in.user(), self.mechanism) {
            (Some(_), Mechanism::Plain) => "password",
            (Some(_), _) => "password that is proved, not sent (SCRAM)",
            (None, _) => reach::who(false, self.certificate),
        };
        reach::security(self.tls.is_some(), "Kafka", who)
    }

    fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "kafkas" } else { "kafka" };
        let places: Vec<String> = self.addresses.iter().map(Address::place).collect();
        format!("{scheme}://{}", places.join(","))
    }
}

fn addresses(keys: &Keys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for (key, url) in std::iter::once(("url", &keys.url)).chain(keys.more.iter().map(|url| ("more", url))) {
        let address = Address::parse(url, SCHEMES).and_then(|address| {
            if !address.user.is_empty() || !address.path.is_empty() {
                return Err("has more than host and port (user and password have keys of their own)".into());
            }
            match found.first() {
                Some(first) if first.tls != address.tls => Err("mixes brokers with and without TLS".into()),
                _ => Ok(address),
            }
        });
        match address {
            Ok(address) => found.push(address),
            Err(why) => {
                let help = "write \"kafka://host:9092\" or \"kafkas://host:9093\"";
                mistakes.push(document.mistake(&[key], format!("`{key}` {why}"), help));
            }
        }
    }
    found
}

/// What a topic may be called (`org.apache.kafka.common.internals.Topic`).
pub(super) fn is_topic(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=249).contains(&name.len()) && name != "." && name != ".." && name.bytes().all(plain)
}

fn parts(key: &str, text: &str, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Vec<template::Part> {
    template::parse(text, false).unwrap_or_else(|word| {
        let help = format!("there are {}", template::words(false));
        mistakes.push(document.mistake(&[key], format!("`{{{word}}}` is no word for a {key}"), help));
        Vec::new()
    })
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let addresses = addresses(&keys, document, &mut mistakes);
    reach::check_password(keys.user.is_some(), keys.password.as_ref(), document, &mut mistakes);
    let secure = addresses.first().map_or(keys.tls.any(), |address| address.tls);
    if keys.mechanism == Mechanism::Plain && !secure {
        let message = "\"plain\" sends the password, and `url` is in the clear";
        let help = "write `mechanism = \"scram-sha-256\"`, or \"kafkas://...\"";
        mistakes.push(document.mistake(&["mechanism"], message, help));
    }
    let tls = reach::tls(&keys.tls, secure, "kafkas://...", document, context, &mut mistakes);
    let format = payload::format(&keys.shape, document, &mut mistakes);
    let text = keys.topic.as_deref().unwrap_or("{enterprise}.{site}");
    let topic = parts("topic", text, document, &mut mistakes);
    let key = keys.key.as_deref().unwrap_or_else(|| keys.shape.format.default_topic());
    let key = parts("key", key, document, &mut mistakes);
    let own = context.site.as_str().replace('/', ".");
    let events_topic = keys.events_topic.clone().unwrap_or_else(|| format!("{own}.events"));
    let plain = text.replace(['{', '}'], "");
    for (key, name) in [("topic", plain.as_str()), ("events_topic", events_topic.as_str())] {
        if !is_topic(name) {
            let help = "letters, digits, `.`, `_` and `-`, at most 249 of them";
            mistakes.push(document.mistake(&[key], format!("`{key}` is no name for a topic"), help));
        }
    }
    if keys.linger.0 > Duration::from_secs(10) {
        mistakes.push(document.mistake(&["linger"], "`linger` is longer than 10 s", "write \"100ms\""));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let servers = Servers {
        addresses,
        tls,
        timeout: Duration::from_secs(10),
        sign_in: SignIn::new(keys.user.clone(), keys.password.as_ref(), context),
        mechanism: keys.mechanism,
        certificate: keys.tls.certificate.is_some(),
    };
    let (endpoint, security) = (servers.endpoint(), servers.security());
    let sink = Kafka {
        servers: Arc::new(servers),
        site: context.site.clone(),
        format,
        topic,
        key,
        events_topic,
        creation: Creation {
            partitions: keys.create.partitions.unwrap_or(-1),
            replicas: keys.create.replicas.unwrap_or(-1),
            compacted: keys.create.compacted,
        },
        compression: match keys.compression {
            Compression::Zstd => Codec::Zstd,
            Compression::Gzip => Codec::Gzip,
            Compression::None => Codec::None,
        },
        linger: keys.linger.0,
        batch: usize::try_from(keys.batch).unwrap_or(1).max(1),
        proofs: super::Proofs::default(),
    };
    Ok(Built::destination(sink, endpoint, security))
}
