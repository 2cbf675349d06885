//! Keys of an MQTT broker, shared by all kinds that speak to one.

use crate::kind::{Context, Secrets, Security};
use model::Fault;
use model::config::{Diagnostic, Document, Period, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;
use transport::{TlsClient, TlsFiles};

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

/// PEM files, beside the configuration file or in the plant folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsKeys {
    /// PEM file of the authorities that the broker's certificate must come from
    #[serde(default)]
    pub ca: Option<String>,
    /// PEM file with our own certificate, where the broker asks for one
    #[serde(default)]
    pub certificate: Option<String>,
    /// PEM file with its private key
    #[serde(default)]
    pub key: Option<String>,
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
    /// Host name or address.
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
    user: Option<String>,
    password: Option<String>,
    secrets: Arc<dyn Secrets>,
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
        let address = parse_url(&keys.url).map_err(|why| {
            let help = "write \"mqtt://host:1883\" or \"mqtts://host:8883\"";
            mistakes.push(document.mistake(&["url"], format!("`url` {why}"), help));
        });
        if keys.password.is_some() && keys.user.is_none() {
            mistakes.push(document.mistake(
                &["password"],
                "a password without `user`",
                "write `user = \"...\"` as well",
            ));
        }
        if !(5..=3600).contains(&keys.keep_alive.0.as_secs()) {
            mistakes.push(document.mistake(
                &["keep_alive"],
                "`keep_alive` is out of range",
                "write 5s to 1h",
            ));
        }
        let secure = matches!(&address, Ok(address) if address.tls);
        let in_the_clear = matches!(&address, Ok(address) if !address.tls);
        check_files(&keys.tls, in_the_clear, document, &mut mistakes);
        let tls = if secure && mistakes.is_empty() {
            tls(&keys.tls, document, context, &mut mistakes)
        } else {
            None
        };
        let Ok(address) = address else { return Err(mistakes) };
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let site = context.site.as_str().replace('/', "-");
        Ok(Self {
            host: address.host,
            port: address.port,
            version: keys.version,
            client_id: keys
                .client_id
                .clone()
                .unwrap_or_else(|| format!("ironbridge-{site}-{}", context.name)),
            keep_alive: keys.keep_alive.0,
            window: keys.window.max(1),
            tls,
            user: keys.user.clone(),
            password: keys.password.as_ref().map(|secret| secret.secret.clone()),
            secrets: context.secrets.clone(),
            client_certificate: keys.tls.certificate.is_some(),
        })
    }

    /// User and password, looked up anew for each session so that a changed secret counts.
    ///
    /// # Errors
    /// [`Fault::Security`] if the secret was never set.
    pub fn credentials(&self) -> Result<Option<(String, String)>, Fault> {
        let Some(user) = &self.user else { return Ok(None) };
        let Some(name) = &self.password else { return Ok(Some((user.clone(), String::new()))) };
        let password = self.secrets.secret(name).ok_or_else(|| {
            Fault::Security(
                format!("the secret `{name}` is not set: run `ironbridge secret set {name}`").into(),
            )
        })?;
        Ok(Some((user.clone(), password)))
    }

    /// For people.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "mqtts" } else { "mqtt" };
        format!("{scheme}://{}:{}", self.host, self.port)
    }

    /// For people.
    pub fn security(&self) -> Security {
        let by = match (&self.user, self.client_certificate) {
            (Some(_), true) => "client certificate and password",
            (None, true) => "client certificate",
            (Some(_), false) => "password",
            (None, false) => "no sign-in",
        };
        if self.tls.is_some() {
            Security::tls(&format!("TLS, {by}"))
        } else {
            Security::none(&format!(
                "MQTT in the clear, {by}: anybody on this network can read it, and change what is said"
            ))
        }
    }
}

fn check_files(files: &TlsKeys, in_the_clear: bool, document: &Document, mistakes: &mut Vec<Diagnostic>) {
    let any = files.ca.is_some() || files.certificate.is_some() || files.key.is_some();
    if any && in_the_clear {
        let help = "write \"mqtts://...\", or leave `tls` out";
        mistakes.push(document.mistake(&["tls"], "`tls` is given but `url` is in the clear", help));
    }
    if files.certificate.is_some() != files.key.is_some() {
        let help = "write both `certificate` and `key`";
        mistakes.push(document.mistake(
            &["tls"],
            "a client certificate needs its key, and a key its certificate",
            help,
        ));
    }
}

fn tls(
    files: &TlsKeys,
    document: &Document,
    context: &Context,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<TlsClient> {
    let path = |name: &Option<String>| name.as_ref().map(|name| context.file(document, name));
    let files = TlsFiles {
        ca: path(&files.ca),
        certificate: path(&files.certificate),
        key: path(&files.key),
        ..TlsFiles::default()
    };
    let client = TlsClient::from_files(files);
    client
        .map_err(|why| {
            mistakes.push(document.mistake(&["tls"], why.to_string(), "put the PEM file in place"))
        })
        .ok()
}

#[derive(Debug, PartialEq)]
struct Address {
    host: String,
    port: u16,
    tls: bool,
}

fn parse_url(url: &str) -> Result<Address, String> {
    let (tls, rest) = match url.split_once("://") {
        Some(("mqtt" | "tcp", rest)) => (false, rest),
        Some(("mqtts" | "ssl" | "tls", rest)) => (true, rest),
        Some((scheme, _)) => return Err(format!("has the scheme `{scheme}`")),
        None => return Err("has no scheme".into()),
    };
    let rest = rest.trim_end_matches('/');
    if rest.contains(['/', '@', '?', '#']) {
        return Err("has more than host and port (user and password have keys of their own)".into());
    }
    let default = if tls { 8883 } else { 1883 };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => {
            (host, port.parse().map_err(|_| format!("has the port `{port}`"))?)
        }
        _ => (rest, default),
    };
    if host.is_empty() || host.contains(char::is_whitespace) || port == 0 {
        return Err("has no host or no port".into());
    }
    Ok(Address { host: host.into(), port, tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for (url, expected) in [
            ("mqtt://broker", Some(("broker", 1883, false))),
            ("mqtts://broker.hq", Some(("broker.hq", 8883, true))),
            ("mqtt://10.0.0.1:1884/", Some(("10.0.0.1", 1884, false))),
            ("mqtt://[::1]:1884", Some(("[::1]", 1884, false))),
            ("mqtt://[::1]", Some(("[::1]", 1883, false))),
            ("http://broker", None),
            ("broker:1883", None),
            ("mqtt://:1883", None),
            ("mqtt://user:secret@broker", None),
            ("mqtt://broker:99999", None),
        ] {
            let got = parse_url(url).ok();
            let got = got.as_ref().map(|address| (address.host.as_str(), address.port, address.tls));
            assert_eq!(got, expected, "{url}");
        }
    }
}
