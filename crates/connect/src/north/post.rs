//! Posting items to a web server: what it will never take is found by halving, everything else arrives or is tried again.

use super::{Feed, Reject};
use crate::http::{self, Answer, Server, Verdict};
use crate::kind::{Context, Secrets};
use crate::reach;
use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use model::config::{Diagnostic, Document, SecretRef};
use model::{Fault, Position};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One thing that is sent, and what it is about.
pub(super) struct Item {
    /// Its record.
    pub position: Position,
    /// A point's path or an event's id.
    pub about: String,
    /// What is sent of it.
    pub bytes: Vec<u8>,
}

/// Headers and body of a request for some items.
pub(super) type Make<'a> = &'a (dyn Fn(&[Item]) -> Result<(HeaderMap, Bytes), Fault> + Sync);

/// What an answer means; [`Answer::verdict`] mostly.
pub(super) type Judge<'a> = &'a (dyn Fn(&Answer) -> Verdict + Sync);

/// Posts all items, in order; returns dead letters.
pub(super) async fn post(
    server: &mut Server,
    path: &str,
    items: &[Item],
    make: Make<'_>,
    judge: Judge<'_>,
    feed: &Feed,
) -> Result<Vec<Reject>, Fault> {
    let mut rejects = Vec::new();
    let mut parts = vec![items];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let (headers, body) = make(part)?;
        let reject = |item: &Item, path: String, reason: String| Reject {
            position: item.position,
            path,
            reason,
            time: feed.now(),
        };
        match (judge(&server.post(path, &headers, body).await?), part) {
            (Verdict::Taken, _) => {}
            (Verdict::Later(fault), _) => return Err(fault),
            (Verdict::Partly(refused, why), [first, ..]) if refused < part.len() => {
                let one = format!("one of {} from {} on", part.len(), first.about);
                rejects.extend((0..refused).map(|_| reject(first, one.clone(), why.clone())));
            }
            (Verdict::Partly(_, why), all) => {
                rejects.extend(all.iter().map(|one| reject(one, one.about.clone(), why.clone())));
            }
            (Verdict::Never(reason), [one]) => rejects.push(reject(one, one.about.clone(), reason)),
            (Verdict::Never(_), many) => {
                let (first, second) = many.split_at(many.len() / 2);
                // The older half first.
                parts.extend([second, first]);
            }
        }
    }
    Ok(rejects)
}

/// Hands `done` on; when the server asked for a pause, after it.
pub(super) async fn patient<T>(
    done: Result<T, Fault>,
    server: &mut Server,
    feed: &mut Feed,
) -> Result<T, Fault> {
    if let (Err(_), Some(pause)) = (&done, server.asked_to_wait()) {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = feed.stopping() => {}
        }
    }
    done
}

/// Keys of what every request carries; to be flattened into those of a kind.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct HeaderKeys {
    /// a token, { secret = "NAME" }, sent as `Authorization: Bearer ...`
    #[serde(default)]
    bearer: Option<SecretRef>,
    /// further headers, e.g. { X-Plant = "leeds" }
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// further headers whose values are secrets, e.g. { X-Api-Key = { secret = "NAME" } }
    #[serde(default)]
    secret_headers: BTreeMap<String, SecretRef>,
}

/// Headers of every request: sign-in, and what a person adds.
pub(super) struct Headers {
    bearer: Option<String>,
    plain: BTreeMap<String, String>,
    secret: BTreeMap<String, String>,
    secrets: Arc<dyn Secrets>,
}

impl Headers {
    pub fn new(keys: HeaderKeys, context: &Context) -> Self {
        let HeaderKeys { bearer, headers, secret_headers } = keys;
        Self {
            bearer: bearer.map(|secret| secret.secret),
            plain: headers,
            secret: secret_headers.into_iter().map(|(key, secret)| (key, secret.secret)).collect(),
            secrets: context.secrets.clone(),
        }
    }

    /// Names that no header may have here, as mistakes at their places.
    pub fn check(&self, document: &Document, mistakes: &mut Vec<Diagnostic>) {
        for name in self.plain.keys().chain(self.secret.keys()) {
            let lower = name.to_ascii_lowercase();
            let reserved =
                ["host", "authorization", "content-length", "connection", super::webhook::SIGNATURE];
            if reserved.contains(&lower.as_str()) || http::add(&mut HeaderMap::new(), &lower, "x").is_err() {
                let key = if self.plain.contains_key(name) { "headers" } else { "secret_headers" };
                let help = "headers are words with dashes like X-Api-Key; sign-in has keys of its own";
                mistakes.push(document.mistake(
                    &[key, name],
                    format!("the header `{name}` cannot be set here"),
                    help,
                ));
            }
        }
    }

    /// How it signs in, for people, if it does.
    pub fn sign_in(&self) -> Option<&'static str> {
        match (&self.bearer, self.secret.is_empty()) {
            (Some(_), _) => Some("token"),
            (None, false) => Some("secret header"),
            (None, true) => None,
        }
    }

    /// With the secrets as they are now, so that a changed one counts from the next session on.
    pub fn fixed(&self, media: &'static str) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
        for (name, value) in &self.plain {
            http::add(&mut headers, name, value)?;
        }
        for (name, secret) in &self.secret {
            http::add(&mut headers, name, &reach::secret(&*self.secrets, secret)?)?;
        }
        if let Some(secret) = &self.bearer {
            let token = reach::secret(&*self.secrets, secret)?;
            headers.insert(AUTHORIZATION, http::sensitive(format!("Bearer {token}"))?);
        }
        Ok(headers)
    }
}
