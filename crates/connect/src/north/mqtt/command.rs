//! Commands that come in as messages: `{"id":"...","path":"...","value":...,"ttl_ms":10000,"reason":"..."}`.

use crate::mqtt::session::Message;
use crate::north::Feed;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use model::{Command, Outcome, Path, Time, Value};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;

/// Longest and default time-to-live.
const MAX_TTL_MS: u64 = 60_000;
const DEFAULT_TTL_MS: u64 = 10_000;
/// Most answers that wait to be sent.
const MAX_ANSWERS: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    id: String,
    path: String,
    value: Value,
    #[serde(default)]
    ttl_ms: Option<u64>,
    #[serde(default)]
    reason: String,
}

/// Commands of one session that are being executed.
pub struct Commands {
    outcome_topic: String,
    running: FuturesUnordered<BoxFuture<'static, Vec<u8>>>,
}

impl Commands {
    /// Outcomes go to `topic/outcome`.
    pub fn new(topic: &str) -> Self {
        Self { outcome_topic: format!("{topic}/outcome"), running: FuturesUnordered::new() }
    }

    /// Takes a message as a command. A retained one never is: it was not sent now.
    pub fn take(&mut self, message: &Message, feed: &mut Feed) {
        if message.retained || self.running.len() >= MAX_ANSWERS {
            tracing::warn!(
                destination = feed.name(),
                topic = message.topic,
                retained = message.retained,
                "a command was ignored"
            );
            return;
        }
        match read(&message.payload, feed.now()) {
            Ok(command) => {
                let id = command.id.clone();
                let outcome = feed.request(command);
                self.running.push(Box::pin(async move { answer(&id, &outcome.await) }));
            }
            Err((id, why)) => {
                self.running.push(Box::pin(std::future::ready(answer(&id, &Outcome::rejected(why)))))
            }
        }
    }

    /// The next outcome to publish, with its topic. Pending while there is none. Cancel-safe.
    pub async fn next(&mut self) -> (String, Vec<u8>) {
        match self.running.next().await {
            Some(payload) => (self.outcome_topic.clone(), payload),
            None => std::future::pending().await,
        }
    }
}

fn answer(id: &str, outcome: &Outcome) -> Vec<u8> {
    let readback = match outcome {
        Outcome::Confirmed { readback } => serde_json::to_value(readback).unwrap_or_default(),
        _ => serde_json::Value::Null,
    };
    let answer = json!({ "id": id, "outcome": outcome.word(), "why": outcome.why(), "readback": readback });
    serde_json::to_vec(&answer).unwrap_or_default()
}

fn read(payload: &[u8], now: Time) -> Result<Command, (String, String)> {
    let asked: Asked =
        serde_json::from_slice(payload).map_err(|why| (String::new(), format!("not a command: {why}")))?;
    let path = Path::new(&asked.path).map_err(|why| (asked.id.clone(), why.to_string()))?;
    if asked.id.is_empty() || asked.id.len() > 128 {
        return Err((asked.id, "`id` must have 1 to 128 characters".into()));
    }
    let ttl = Duration::from_millis(asked.ttl_ms.unwrap_or(DEFAULT_TTL_MS).min(MAX_TTL_MS));
    Ok(Command { id: asked.id, path, value: asked.value, expires: now.after(ttl), reason: asked.reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads() {
        let now = Time::from_millis(1_000);
        let good = read(br#"{"id":"7","path":"a/b","value":1.5,"ttl_ms":500}"#, now).unwrap();
        assert_eq!((good.value, good.expires), (Value::F64(1.5), Time::from_millis(1_500)));
        let long = read(br#"{"id":"7","path":"a/b","value":true,"ttl_ms":99999999999}"#, now).unwrap();
        assert_eq!(long.expires, now.after(Duration::from_millis(MAX_TTL_MS)));
        for bad in [
            &b"1.5"[..],
            b"{\"id\":\"\",\"path\":\"a\",\"value\":1}",
            b"{\"id\":\"1\",\"path\":\"a//b\",\"value\":1}",
            b"\xff",
        ] {
            assert!(read(bad, now).is_err());
        }
    }
}
