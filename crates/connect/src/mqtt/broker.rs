//! Keys of an MQTT broker, shared by all kinds that speak to one.

use crate::kind::{Context, Security};
use crate::reach::{self, Address, Scheme, SignIn, TlsKeys};
use model::Fault;
use model::config::{Diagnostic, Document, Period, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;
use transport::TlsClient;

const SCHEMES: &[Scheme] = &[
    Scheme { name: "mqtt", port: 1883, tls: false },
    Scheme { name: "tcp", port: 1883, tls: false },
    Scheme { name: "mqtts", port: 8883, tls: true },
    Scheme { name: "ssl", port: 8883, tls: true },
    Scheme { name: "tls", port: 8883, tls: true },
];

/// How to reach a broker.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct BrokerKeys {
    /// the broker: "mqtt://host", "mqtt://host:1883" in the clear, "mqtts://host:8883" with TLS
    pub url: String,
    /// protocol version: "5" or "3.1.1"
    #[serde(default)]
    pub version: Version,
    /// client id, stable and unique at the broker; "ironbridge-SITE-NAME" if left out
    #[serde(default)]
    pub client_id: Option<String>,
    /// user name at the broker
    #[serde(default)]
    pub user: Option<String>,
    /// its password: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// certificates for "mqtts://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    pub tls: TlsKeys,
    /// how often the connection is probed while idle, 5 s to 1 h
    #[serde(default = "keep_alive")]
    pub keep_alive: Period,
    /// most messages under way without acknowledgement, 1 to 4096; a broker may allow fewer
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 4096))]
    pub window: u16,
}

const fn keep_alive() -> Period {
    Period::millis(30_000)
}

const fn window() -> u16 {
    256
}

/// MQTT version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Version {
    /// 3.1.1
    #[serde(rename = "3.1.1")]
    Four,
    /// 5
    #[default]
    #[serde(rename = "5")]
    Five,
}

/// A broker, ready to be dialled.
#[derive(Clone)]
pub struct Broker {
    /// Host name or address, IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Protocol version.
    pub version: Version,
    /// Stable client id.
    pub client_id: String,
    /// Keep alive.
    pub keep_alive: Duration,
    /// Most messages under way.
    pub window: u16,
    /// TLS, if the URL asks for it.
    pub tls: Option<TlsClient>,
    sign_in: SignIn,
    client_certificate: bool,
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Broker({})", self.endpoint())
    }
}

impl Broker {
    /// Checks the keys.
    ///
    /// # Errors
    /// Every mistake, with its place.
    pub fn read(keys: &BrokerKeys, document: &Document, context: &Context) -> Result<Self, Vec<Diagnostic>> {
        let mut mistakes = Vec::new();
        let address = Address::parse(&keys.url, SCHEMES).and_then(|address| {
            let more = !address.user.is_empty() || !address.path.is_empty();
            if more {
                Err("has more than host and port (user and password have keys of their own)".into())
            } else {
                Ok(address)
            }
        });
        let address = address.map_err(|why| {
            let help = "write \"mqtt://host:1883\" or \"mqtts://host:8883\"";
            mistakes.push(document.mistake(&["url"], format!("`url` {why}"), help));
        });
        reach::check_password(keys.user.is_some(), keys.password.as_ref(), document, &mut mistakes);
        if !(5..=3600).contains(&keys.keep_alive.0.as_secs()) {
            mistakes.push(document.mistake(
                &["keep_alive"],
                "`keep_alive` is out of range",
                "write 5s to 1h",
            ));
        }
        // With a wrong address nobody knows whether it means TLS.
        let secure = address.as_ref().map_or(keys.tls.any(), |address| address.tls);
        let tls = reach::tls(&keys.tls, secure, "mqtts://...", document, context, &mut mistakes);
        let Ok(address) = address else { return Err(mistakes) };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let site = context.site.as_str().replace('/', "-");
        Ok(Self {
            host: if address.host.contains(':') { format!("[{}]", address.host) } else { address.host },
            port: address.port,
            version: keys.version,
            client_id: keys
                .client_id
                .clone()
                .unwrap_or_else(|| format!("ironbridge-{site}-{}", context.name)),
            keep_alive: keys.keep_alive.0,
            window: keys.window.max(1),
            tls,
            sign_in: SignIn::new(keys.user.clone(), keys.password.as_ref(), context),
            client_certificate: keys.tls.certificate.is_some(),
        })
    }

    /// User and password, looked up anew for each session so that a changed secret counts.
    ///
    /// # Errors
    /// [`Fault::Security`] if the secret was never set.
    pub fn credentials(&self) -> Result<Option<(String, String)>, Fault> {
        self.sign_in.credentials()
    }

    /// For people.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// For people.
    pub fn security(&self) -> Security {
        let who = reach::who(self.sign_in.user().is_some(), self.client_certificate);
        reach::security(self.tls.is_some(), "MQTT", who)
    }
}
