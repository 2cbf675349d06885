//! How a server of the IT side is reached: address, sign-in, certificates. Shared by brokers, databases, collectors.

use crate::kind::{Context, Secrets, Security};
use model::Fault;
use model::config::{Diagnostic, Document, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use transport::{Target, TlsClient, TlsFiles};

/// PEM files, beside the configuration file or in the plant folder.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsKeys {
    /// PEM file of the authorities that the server's certificate must come from
    #[serde(default)]
    pub ca: Option<String>,
    /// PEM file with our own certificate, where the server asks for one
    #[serde(default)]
    pub certificate: Option<String>,
    /// PEM file with its private key
    #[serde(default)]
    pub key: Option<String>,
}

impl TlsKeys {
    /// Whether anything is given.
    pub fn any(&self) -> bool {
        self.ca.is_some() || self.certificate.is_some() || self.key.is_some()
    }
}

/// One way to write an address: scheme, the port that goes without saying, whether it means TLS.
#[derive(Clone, Copy, Debug)]
pub struct Scheme {
    /// In front of `://`.
    pub name: &'static str,
    /// Port where none is written; 0: one must be written.
    pub port: u16,
    /// Whether it means TLS.
    pub tls: bool,
}

/// An address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// One of the schemes that the kind takes.
    pub scheme: &'static str,
    /// What stands before `@`; empty if nothing does.
    pub user: String,
    /// Name or address; IPv6 without brackets.
    pub host: String,
    /// TCP or UDP port.
    pub port: u16,
    /// Everything behind host and port, without a slash at its end: empty or beginning with one.
    pub path: String,
    /// Whether the scheme means TLS.
    pub tls: bool,
}

impl Address {
    /// Takes `scheme://user@host:port/path` apart.
    ///
    /// # Errors
    /// What is wrong, to stand behind the key's name.
    pub fn parse(url: &str, schemes: &[Scheme]) -> Result<Self, String> {
        let Some((name, rest)) = url.split_once("://") else { return Err("has no scheme".into()) };
        let scheme = schemes
            .iter()
            .find(|scheme| scheme.name == name)
            .ok_or_else(|| format!("has the scheme `{name}`"))?;
        let (place, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if path.contains(['?', '#']) {
            return Err("has a query or a fragment; what they say has keys of its own".into());
        }
        let (user, place) = place.rsplit_once('@').unwrap_or(("", place));
        if user.contains(':') {
            return Err("has a password; write `password = { secret = \"NAME\" }` instead".into());
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !place.ends_with(']') => {
                (host, port.parse().map_err(|_| format!("has the port `{port}`"))?)
            }
            _ => (place, scheme.port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        if host.is_empty() || port == 0 || !plain(host) || !plain(path) || !plain(user) {
            return Err("names no host and port".into());
        }
        Ok(Self {
            scheme: scheme.name,
            user: user.into(),
            host: host.into(),
            port,
            path: path.trim_end_matches('/').into(),
            tls: scheme.tls,
        })
    }

    /// Host and port, IPv6 in brackets.
    pub fn place(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || self.host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// Who we are to a server.
#[derive(Clone)]
pub struct SignIn {
    user: Option<String>,
    password: Option<String>,
    secrets: Arc<dyn Secrets>,
}

impl SignIn {
    /// Keys as they stand in the file.
    pub fn new(user: Option<String>, password: Option<&SecretRef>, context: &Context) -> Self {
        let password = password.map(|secret| secret.secret.clone());
        Self { user, password, secrets: context.secrets.clone() }
    }

    /// The user, if there is one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// User and password, looked up anew for each session so that a changed secret counts.
    ///
    /// # Errors
    /// [`Fault::Security`] if the secret was never set.
    pub fn credentials(&self) -> Result<Option<(String, String)>, Fault> {
        let Some(user) = &self.user else { return Ok(None) };
        let Some(name) = &self.password else { return Ok(Some((user.clone(), String::new()))) };
        Ok(Some((user.clone(), secret(&*self.secrets, name)?)))
    }
}

/// A secret by its name.
///
/// # Errors
/// [`Fault::Secret`], which says the command that sets it.
pub fn secret(secrets: &dyn Secrets, name: &str) -> Result<String, Fault> {
    secrets.secret(name).ok_or_else(|| Fault::Secret(name.to_owned()))
}

/// A password that nobody would ask for.
pub fn check_password(
    user: bool,
    password: Option<&SecretRef>,
    document: &Document,
    mistakes: &mut Vec<Diagnostic>,
) {
    if password.is_some() && !user {
        let help = "write `user = \"...\"` as well";
        mistakes.push(document.mistake(&["password"], "a password without `user`", help));
    }
}

/// The TLS side of a server: files that fit together, read once; `None` in the clear or with a mistake.
pub fn tls(
    keys: &TlsKeys,
    secure: bool,
    secure_url: &str,
    document: &Document,
    context: &Context,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<TlsClient> {
    let before = mistakes.len();
    if keys.any() && !secure {
        let help = format!("write \"{secure_url}\", or leave `tls` out");
        mistakes.push(document.mistake(&["tls"], "`tls` is given but `url` is in the clear", help));
    }
    if keys.certificate.is_some() != keys.key.is_some() {
        let message = "a client certificate needs its key, and a key its certificate";
        mistakes.push(document.mistake(&["tls"], message, "write both `certificate` and `key`"));
    }
    if !secure || mistakes.len() > before {
        return None;
    }
    let path = |name: &Option<String>| name.as_ref().map(|name| context.file(document, name));
    let files = TlsFiles {
        ca: path(&keys.ca),
        certificate: path(&keys.certificate),
        key: path(&keys.key),
        ..TlsFiles::default()
    };
    TlsClient::from_files(files)
        .map_err(|why| {
            mistakes.push(document.mistake(&["tls"], why.to_string(), "put the PEM file in place"))
        })
        .ok()
}

/// Where it is, for [`transport::dial`].
pub fn target(address: &Address, tls: Option<&TlsClient>) -> Target {
    let (host, port) = (address.host.clone(), address.port);
    match tls {
        Some(config) => Target::Tls { host, port, config: config.clone() },
        None => Target::Tcp { host, port },
    }
}

/// How traffic is protected, in words. `protocol` is what is spoken, `who` how we sign in.
pub fn security(encrypted: bool, protocol: &str, who: &str) -> Security {
    if encrypted {
        Security::tls(&format!("TLS, {who}"))
    } else {
        let warning = "anybody on this network can read it, and change what is said";
        Security::none(&format!("{protocol} in the clear, {who}: {warning}"))
    }
}

/// How we sign in, in words.
pub fn who(user: bool, certificate: bool) -> &'static str {
    match (user, certificate) {
        (true, true) => "client certificate and password",
        (false, true) => "client certificate",
        (true, false) => "password",
        (false, false) => "no sign-in",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMES: &[Scheme] = &[
        Scheme { name: "mqtt", port: 1883, tls: false },
        Scheme { name: "mqtts", port: 8883, tls: true },
        Scheme { name: "syslog", port: 0, tls: false },
    ];

    #[test]
    fn addresses() {
        for (url, expected) in [
            ("mqtt://broker", Some(("", "broker", 1883, "", false))),
            ("mqtts://me@broker.hq/a/b/", Some(("me", "broker.hq", 8883, "/a/b", true))),
            ("mqtt://10.0.0.1:1884/", Some(("", "10.0.0.1", 1884, "", false))),
            ("mqtt://[::1]:1884", Some(("", "::1", 1884, "", false))),
            ("mqtt://[::1]", Some(("", "::1", 1883, "", false))),
            ("http://broker", None),
            ("broker:1883", None),
            ("mqtt://:1883", None),
            ("syslog://collector", None),
            ("mqtt://user:secret@broker", None),
            ("mqtt://broker:99999", None),
            ("mqtt://broker?x=1", None),
        ] {
            let got = Address::parse(url, SCHEMES).ok();
            let got =
                got.as_ref().map(|a| (a.user.as_str(), a.host.as_str(), a.port, a.path.as_str(), a.tls));
            assert_eq!(got, expected, "{url}");
        }
        assert_eq!(Address::parse("mqtt://[::1]", SCHEMES).unwrap().place(), "[::1]:1883");
        assert!(Address::parse("mqtt://127.0.0.2", SCHEMES).unwrap().is_loopback());
    }
}
