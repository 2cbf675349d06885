//! The keys of `kind = "iceberg"`.

use super::{Iceberg, fault};
use crate::kind::{Built, Context, Security};
use crate::north::{Sink, settings};
use crate::reach::{Address, Scheme, SignIn};
use lake::{Bucket, Key, LakeError, Opener, Place, Tidy, Whereabouts};
use model::Fault;
use model::config::{Diagnostic, Document, Period, SecretRef};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const SCHEMES: &[Scheme] =
    &[Scheme { name: "https", port: 443, tls: true }, Scheme { name: "http", port: 80, tls: false }];

/// Bounds of `commit`: below, the table drowns in small files.
const COMMIT: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(3_600)];
/// Bounds of `history`.
const HISTORY: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(30 * 86_400)];

#[derive(Debug, Deserialize, JsonSchema)]
struct Keys {
    /// where the tables are: "s3://BUCKET/FOLDER", or a folder of this machine, "/srv/lake"
    url: String,
    /// address of the S3 store, "https://s3.hq:9000"; AWS if left out
    #[serde(default)]
    endpoint: Option<String>,
    /// region of the bucket
    #[serde(default = "region")]
    region: String,
    /// public part of the key by which we sign in
    #[serde(default)]
    access_key: Option<String>,
    /// secret part of that key: { secret = "NAME" }, given with `ironbridge secret set NAME`
    #[serde(default)]
    secret_key: Option<SecretRef>,
    /// PEM file of the authorities that the store's certificate must come from; the usual ones if left out
    #[serde(default)]
    ca: Option<String>,
    /// how long samples are gathered for one commit, 500 ms to 1 h; a large heap is committed sooner
    #[serde(default = "commit")]
    commit: Period,
    /// how long older states of the tables stay readable, 1 min to 30 d
    #[serde(default = "history")]
    history: Period,
}

fn region() -> String {
    "us-east-1".into()
}

const fn commit() -> Period {
    Period(Duration::from_secs(60))
}

const fn history() -> Period {
    Period(Duration::from_secs(3_600))
}

pub(super) fn schema() -> serde_json::Value {
    settings::schema::<Keys>()
}

/// Where the tables are, and when to commit.
pub(super) struct Target {
    at: Whereabouts,
    sign_in: SignIn,
    pub(super) commit: Duration,
    pub(super) tidy: Tidy,
    /// `SITE:NAME`.
    pub(super) gateway: String,
}

impl Target {
    /// Opens the place; the secret is looked up anew each time.
    pub(super) fn place(&self, make: bool) -> Result<Place, Fault> {
        place(&self.at, &self.sign_in, make)
    }

    /// For those who read.
    pub(super) fn opener(&self) -> Opener {
        let (at, sign_in) = (self.at.clone(), self.sign_in.clone());
        Arc::new(move || place(&at, &sign_in, false).map_err(|why| LakeError::Unreachable(why.to_string())))
    }

    pub(super) fn security(&self) -> Security {
        match &self.at {
            Whereabouts::Folder(_) => Security::none("a folder: its rights say who may read and change it"),
            Whereabouts::Bucket(bucket) => {
                let secure = bucket.endpoint.as_ref().is_none_or(|at| at.starts_with("https://"));
                let who = if self.sign_in.user().is_some() { "access key" } else { "no sign-in" };
                crate::reach::security(secure, "HTTP", who)
            }
        }
    }
}

fn place(at: &Whereabouts, sign_in: &SignIn, make: bool) -> Result<Place, Fault> {
    let key = sign_in.credentials()?.map(|(id, secret)| Key { id, secret });
    Place::open(at, key.as_ref(), make).map_err(fault)
}

/// `s3://BUCKET/FOLDER`, `file:///FOLDER` or `/FOLDER`.
fn whereabouts(url: &str) -> Option<Whereabouts> {
    if let Some(rest) = url.strip_prefix("s3://") {
        let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/').to_owned();
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=');
        let sound = (3..=63).contains(&name.len()) && name.chars().all(letter);
        let sound = sound && prefix.chars().all(plain) && !prefix.split('/').any(|part| part == "..");
        let bucket = Bucket { name: name.into(), prefix, endpoint: None, region: String::new(), ca: None };
        return sound.then_some(Whereabouts::Bucket(bucket));
    }
    let folder = url.strip_prefix("file://").unwrap_or(url);
    folder.starts_with('/').then(|| Whereabouts::Folder(PathBuf::from(folder)))
}

pub(super) fn build(document: &Document, context: &Context) -> Result<Built<dyn Sink>, Vec<Diagnostic>> {
    let keys: Keys = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    let mut wrong = |key: &str, message: String, help: &str| {
        mistakes.push(document.mistake(&[key], message, help));
    };
    let at = whereabouts(&keys.url);
    if at.is_none() {
        let help = "write \"s3://BUCKET/FOLDER\" or \"/FOLDER\"";
        wrong("url", "`url` names no bucket and no folder".into(), help);
    }
    for (name, value, [low, high]) in [("commit", keys.commit, COMMIT), ("history", keys.history, HISTORY)] {
        if value.0 < low || value.0 > high {
            let what =
                if value.0 < low { format!("shorter than {low:?}") } else { format!("longer than {high:?}") };
            wrong(name, format!("`{name}` is {what}"), "write e.g. \"60s\" or \"1h\"");
        }
    }
    match (&keys.access_key, &keys.secret_key) {
        (Some(_), None) => {
            let help = "write `secret_key = { secret = \"NAME\" }` as well";
            wrong("access_key", "`access_key` without `secret_key`".into(), help);
        }
        (None, Some(_)) => {
            wrong(
                "secret_key",
                "`secret_key` without `access_key`".into(),
                "write `access_key = \"...\"` as well",
            );
        }
        _ => {}
    }
    if document.root.get("catch_up").and_then(|node| node.as_text()) == Some("live_first") {
        let message = "rows go into the table in order, so that each stands there once";
        wrong("catch_up", message.into(), "leave `catch_up` out");
    }
    let endpoint = keys.endpoint.as_ref().map(|text| Address::parse(text, SCHEMES));
    if let Some(Err(why)) = &endpoint {
        wrong("endpoint", format!("`endpoint` {why}"), "write \"https://HOST:PORT\"");
    }
    if matches!(at, Some(Whereabouts::Folder(_))) {
        for key in ["endpoint", "region", "access_key", "secret_key", "ca"] {
            if document.root.get(key).is_some() {
                wrong(key, format!("only a bucket has `{key}`, and `url` is a folder"), "leave it out");
            }
        }
    }
    let ca = keys.ca.as_ref().map(|name| std::fs::read(context.file(document, name)));
    if let Some(Err(why)) = &ca {
        wrong("ca", format!("`ca` cannot be read: {why}"), "put the PEM file in place");
    }
    let (Some(mut at), true) = (at, mistakes.is_empty()) else { return Err(mistakes) };
    if let Whereabouts::Bucket(bucket) = &mut at {
        bucket.endpoint = endpoint.and_then(Result::ok).map(|at| format!("{}://{}", at.scheme, at.place()));
        (bucket.region, bucket.ca) = (keys.region, ca.and_then(Result::ok));
    }
    let target = Target {
        sign_in: SignIn::new(keys.access_key, keys.secret_key.as_ref(), context),
        commit: keys.commit.0,
        tidy: Tidy { history: keys.history.0, ..Tidy::default() },
        gateway: format!("{}:{}", context.site, context.name),
        at,
    };
    let security = target.security();
    Ok(Built::destination(
        Iceberg { target, commits: 0, swept: None, proofs: super::Proofs::default() },
        keys.url,
        security,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let bucket = |url: &str| match whereabouts(url) {
            Some(Whereabouts::Bucket(bucket)) => Some((bucket.name, bucket.prefix)),
            _ => None,
        };
        assert_eq!(bucket("s3://plant-data/lake/a/"), Some(("plant-data".into(), "lake/a".into())));
        assert_eq!(bucket("s3://plant-data"), Some(("plant-data".into(), String::new())));
        for url in
            ["s3://", "s3://A", "s3://ab", "s3://plant/../x", "s3://plant/a b", "srv/lake", "http://x/y"]
        {
            assert_eq!(whereabouts(url), None, "{url}");
        }
        for url in ["/srv/lake", "file:///srv/lake"] {
            assert_eq!(whereabouts(url), Some(Whereabouts::Folder("/srv/lake".into())), "{url}");
        }
    }
}
