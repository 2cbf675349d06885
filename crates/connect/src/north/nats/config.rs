//! The keys of `kind = "nats"`.

use super::Nats;
use super::nkey::Nkey;
use super::stream::Stream;
use crate::kind::{Built, Context, Secrets, Security};
use crate::north::payload::{self, PayloadKeys, template};
use crate::north::{Sink, settings};
use crate::reach::{self, Address, Scheme, SignIn, TlsKeys};
use model::config::{Diagnostic, Document, Period, SecretRef};
use model::{Fault, Path};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use transport::TlsClient;

const SCHEMES: &[Scheme] =
    &[Scheme { name: "nats", port: 4222, tls: false }, Scheme { name: "tls", port: 4222, tls: true }];
/// Longest subject that is configured.
const MAX_SUBJECT: usize = 500;

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
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
    #[serde(flatten)]
    shape: PayloadKeys,
    /// subject with {path} {below} {parent} {name} {connection} {device} {enterprise} {site}, folders become tokens; if
    /// left out "{path}", "{parent}" for "flat-json", "{enterprise}.{site}.{connection}" for "nested-json"
    #[serde(default)]
    subject: Option<String>,
    /// subject for events; "ENTERPRISE.SITE._ironbridge.events" if left out
    #[serde(default)]
    events_subject: Option<String>,
    /// the stream that keeps the messages; made if it is not there
    #[serde(default)]
    stream: StreamKeys,
    /// most messages under way without acknowledgement, 1 to 65,536
    #[serde(default = "window")]
    #[schemars(range(min = 1, max = 65_536))]
    window: u32,
}

/// How the stream is made; one that is there stays as it is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamKeys {
    /// its name; ENTERPRISE_SITE if left out
    pub(super) name: Option<String>,
    /// the subjects that it takes; those that this destination publishes to if left out
    #[serde(default)]
    pub(super) subjects: Vec<String>,
    /// the JetStream domain in which it is, where `url` names a leaf node and the stream is at the hub
    pub(super) domain: Option<String>,
    /// copies in the cluster, 1 to 5
    #[schemars(range(min = 1, max = 5))]
    pub(super) replicas: Option<u32>,
    /// how long messages are kept, e.g. "30d"; for ever if left out
    pub(super) max_age: Option<Period>,
    /// most bytes that are kept; the oldest go
    pub(super) max_bytes: Option<u64>,
    /// within which time the stream leaves out a message that it has already, "2min" if left out
    pub(super) duplicates: Option<Period>,
}

const fn window() -> u32 {
    4_096
}

pub(super) fn schema() -> Json {
    settings::schema::<Keys>()
}

/// The servers of one cluster.
pub(super) struct Servers {
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

    pub(super) fn security(&self) -> Security {
        let who = match (&self.token, &self.credentials) {
            (Some(_), _) => "token",
            (_, Some(_)) => "nkey",
            _ => reach::who(self.sign_in.user().is_some(), self.certificate),
        };
        reach::security(self.tls.is_some(), "NATS", who)
    }

    fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "tls" } else { "nats" };
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

fn sign_in(keys: &Keys, document: &Document, mistakes: &mut Vec<Diagnostic>) {
    reach::check_password(keys.user.is_some(), keys.password.as_ref(), document, mistakes);
    let ways = [keys.user.is_some(), keys.token.is_some(), keys.credentials.is_some()];
    if ways.iter().filter(|way| **way).count() > 1 {
        let key = if keys.token.is_some() { "token" } else { "credentials" };
        let message = "`user`, `token` and `credentials` are different ways to sign in";
        mistakes.push(document.mistake(&[key], message, "keep one of them"));
    }
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let addresses = addresses(&keys, document, &mut mistakes);
    sign_in(&keys, document, &mut mistakes);
    let secure = addresses.first().map_or(keys.tls.any(), |address| address.tls);
    let tls = reach::tls(&keys.tls, secure, "tls://...", document, context, &mut mistakes);
    let format = payload::format(&keys.shape, document, &mut mistakes);
    let default = keys.shape.format.default_topic().replace('/', ".");
    let text = keys.subject.as_deref().unwrap_or(&default);
    let subject = template::parse(text, false).unwrap_or_else(|word| {
        let help = format!("there are {}", template::words(false));
        mistakes.push(document.mistake(&["subject"], format!("`{{{word}}}` is no word for a subject"), help));
        Vec::new()
    });
    let own = context.site.as_str().replace('/', ".");
    let events_subject = keys.events_subject.clone().unwrap_or_else(|| format!("{own}._ironbridge.events"));
    let plain = text.replace(['{', '}'], "");
    for (key, subject) in [("subject", plain.as_str()), ("events_subject", events_subject.as_str())] {
        if !wire::nats::is_subject(subject) || subject.len() > MAX_SUBJECT {
            let help = "write tokens joined by `.`, without spaces, `*` and `>`";
            mistakes.push(document.mistake(&[key], format!("`{key}` is no subject to publish to"), help));
        }
    }
    let cover = cover(&subject, &context.site);
    if keys.stream.subjects.is_empty() && cover == ">" {
        let help = "write `stream = { subjects = [\"plant.>\"] }`, or begin `subject` with a fixed word";
        mistakes.push(document.mistake(&["subject"], "the subjects of the stream cannot be told", help));
    }
    let origin = format!("{}:{}", context.site, context.name);
    let stream = Stream::new(&keys.stream, &context.site, &origin, vec![cover, events_subject.clone()]);
    if !stream.is_named_well() {
        let help = "write letters, digits, `-` and `_`, e.g. \"PLANT\"";
        mistakes.push(document.mistake(&["stream"], "this is no name for a stream or a domain", help));
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let secret = |reference: &SecretRef| reference.secret.clone();
    let servers = Servers {
        addresses,
        next: 0,
        tls,
        timeout: Duration::from_secs(10),
        sign_in: SignIn::new(keys.user.clone(), keys.password.as_ref(), context),
        token: keys.token.as_ref().map(secret),
        credentials: keys.credentials.as_ref().map(secret),
        secrets: context.secrets.clone(),
        certificate: keys.tls.certificate.is_some(),
    };
    let (endpoint, security) = (servers.endpoint(), servers.security());
    let sink = Nats {
        servers,
        stream,
        site: context.site.clone(),
        origin,
        format,
        subject,
        events_subject,
        window: usize::try_from(keys.window).unwrap_or(1).max(1),
    };
    Ok(Built::destination(sink, endpoint, security))
}

/// The subjects that a template can become: its fixed beginning and `>`.
fn cover(parts: &[template::Part], site: &Path) -> String {
    use template::{Part, PointWord};
    let mut fixed = String::new();
    for part in parts {
        match part {
            Part::Text(text) => fixed.push_str(text),
            Part::Point(PointWord::Enterprise) => fixed.push_str(site.segments().next().unwrap_or_default()),
            Part::Point(PointWord::Site) => {
                fixed.push_str(&site.as_str().split_once('/').map_or("", |(_, rest)| rest).replace('/', "."));
            }
            Part::Point(PointWord::Path | PointWord::Parent) => {
                fixed.push_str(&site.as_str().replace('/', "."));
                fixed.push('.');
                break;
            }
            Part::Point(_) | Part::Sample(_) => break,
        }
    }
    let whole = fixed.rsplit_once('.').map_or("", |(whole, _)| whole);
    if whole.is_empty() { ">".into() } else { format!("{whole}.>") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_takes_what_is_published() {
        let site = Path::new("acme/leeds").unwrap();
        for (subject, expected) in [
            ("{path}", "acme.leeds.>"),
            ("{enterprise}.{site}.{connection}", "acme.leeds.>"),
            ("plant.{device}.x", "plant.>"),
            ("plant.raw-{device}", "plant.>"),
            ("{device}.x", ">"),
        ] {
            assert_eq!(cover(&template::parse(subject, false).unwrap(), &site), expected, "{subject}");
        }
    }
}
