//! Which servers, and who we are to them.

use super::nkey::Nkey;
use crate::kind::{Context, Secrets, Security};
use crate::reach::{self, Address, Scheme, SignIn, TlsKeys};
use model::Fault;
use model::config::{Diagnostic, Document, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use transport::TlsClient;

const SCHEMES: &[Scheme] =
    &[Scheme { name: "nats", port: 4222, tls: false }, Scheme { name: "tls", port: 4222, tls: true }];

/// How a cluster is reached.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct ServerKeys {
    /// a server: "nats://host:4222" in the clear, "tls://host:4222" with TLS
    url: String,
    /// further servers of the same cluster; the next is tried when one is lost
    #[serde(default)]
    #[schemars(length(max = 16))]
    more: Vec<String>,
    /// user name, where the server asks for one
    #[serde(default)]
    user: Option<String>,
    /// its password: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    password: Option<SecretRef>,
    /// a token instead of user and password: { secret = "NAME" }
    #[serde(default)]
    token: Option<SecretRef>,
    /// an nkey seed or the content of a .creds file: { secret = "NAME" }
    #[serde(default)]
    credentials: Option<SecretRef>,
    /// certificates for "tls://"; the machine's own authorities are trusted if left out
    #[serde(default)]
    tls: TlsKeys,
}

/// The servers of one cluster.
pub struct Servers {
    pub(super) addresses: Vec<Address>,
    /// Which is tried next.
    pub(super) next: usize,
    pub(super) tls: Option<TlsClient>,
    pub(super) timeout: Duration,
    sign_in: SignIn,
    token: Option<String>,
    credentials: Option<String>,
    secrets: Arc<dyn Secrets>,
    certificate: bool,
}

impl Servers {
    /// Reads the keys; mistakes are added to `mistakes`.
    pub fn read(
        keys: &ServerKeys,
        document: &Document,
        context: &Context,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Self {
        let addresses = addresses(keys, document, mistakes);
        sign_in(keys, document, mistakes);
        let secure = addresses.first().map_or(keys.tls.any(), |address| address.tls);
        let tls = reach::tls(&keys.tls, secure, "tls://...", document, context, mistakes);
        let secret = |reference: &SecretRef| reference.secret.clone();
        Self {
            addresses,
            next: 0,
            tls,
            timeout: Duration::from_secs(10),
            sign_in: SignIn::new(keys.user.clone(), keys.password.as_ref(), context),
            token: keys.token.as_ref().map(secret),
            credentials: keys.credentials.as_ref().map(secret),
            secrets: context.secrets.clone(),
            certificate: keys.tls.certificate.is_some(),
        }
    }

    /// What `CONNECT` says; `nonce` is what the server wants to have signed.
    ///
    /// # Errors
    /// [`Fault::Security`] if a secret is missing or no nkey.
    pub(super) fn connect(&self, nonce: &str) -> Result<Json, Fault> {
        let mut say = json!({
            "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "protocol": 1,
            "lang": "ironbridge", "version": env!("CARGO_PKG_VERSION"), "name": "ironbridge",
            "tls_required": self.tls.is_some(), "echo": false,
        });
        let mut add = |key: &str, value: String| {
            if let Some(say) = say.as_object_mut() {
                say.insert(key.into(), value.into());
            }
        };
        if let Some((user, password)) = self.sign_in.credentials()? {
            add("user", user);
            add("pass", password);
        }
        if let Some(token) = &self.token {
            add("auth_token", reach::secret(&*self.secrets, token)?);
        }
        if let Some(name) = &self.credentials {
            let key = Nkey::read(&reach::secret(&*self.secrets, name)?)
                .map_err(|why| Fault::Security(format!("the secret `{name}` {why}").into()))?;
            add("sig", key.sign(nonce));
            match key.jwt() {
                Some(jwt) => add("jwt", jwt.to_owned()),
                None => add("nkey", key.public()),
            }
        }
        Ok(say)
    }

    /// How the traffic is protected.
    pub fn security(&self) -> Security {
        let who = match (&self.token, &self.credentials) {
            (Some(_), _) => "token",
            (_, Some(_)) => "nkey",
            _ => reach::who(self.sign_in.user().is_some(), self.certificate),
        };
        reach::security(self.tls.is_some(), "NATS", who)
    }

    /// Where it is, for people.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "tls" } else { "nats" };
        let places: Vec<String> = self.addresses.iter().map(Address::place).collect();
        format!("{scheme}://{}", places.join(","))
    }
}

fn addresses(keys: &ServerKeys, document: &Document, mistakes: &mut Vec<Diagnostic>) -> Vec<Address> {
    let mut found: Vec<Address> = Vec::new();
    for (key, url) in std::iter::once(("url", &keys.url)).chain(keys.more.iter().map(|url| ("more", url))) {
        let address = Address::parse(url, SCHEMES).and_then(|address| {
            if !address.user.is_empty() || !address.path.is_empty() {
                return Err("has more than host and port (user and password have keys of their own)".into());
            }
            match found.first() {
                Some(first) if first.tls != address.tls => Err("mixes servers with and without TLS".into()),
                _ => Ok(address),
            }
        });
        match address {
            Ok(address) => found.push(address),
            Err(why) => {
                let help = "write \"nats://host:4222\" or \"tls://host:4222\"";
                mistakes.push(document.mistake(&[key], format!("`{key}` {why}"), help));
            }
        }
    }
    found
}

fn sign_in(keys: &ServerKeys, document: &Document, mistakes: &mut Vec<Diagnostic>) {
    reach::check_password(keys.user.is_some(), keys.password.as_ref(), document, mistakes);
    let ways = [keys.user.is_some(), keys.token.is_some(), keys.credentials.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        let key = if keys.token.is_some() { "token" } else { "credentials" };
        let message = "`user`, `token` and `credentials` are different ways to sign in";
        mistakes.push(document.mistake(&[key], message, "keep one of them"));
    }
}
