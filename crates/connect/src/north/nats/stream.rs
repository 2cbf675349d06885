//! The stream that keeps the messages: made once, checked at each session, asked whether it forgot something.

use super::config::StreamKeys;
use super::position_of;
use crate::nats::{STREAM_NOT_FOUND, Session, api, error_of, is_name};
use crate::north::{Feed, Found, Proof};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{Fault, Path, Position, Time};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::time::Instant;

/// Messages that a stream will never take: larger than its limit; headers larger than theirs.
const NEVER: [u64; 2] = [10_054, 10_097];
/// There is no message of this number.
const NO_MESSAGE: u64 = 10_037;
/// How often it is kept on our disk how far the stream is.
const REMEMBER: Duration = Duration::from_secs(2);
/// Names under which it is kept.
const SEQ: &str = "nats stream";

/// See the module.
pub(super) struct Stream {
    name: String,
    domain: Option<String>,
    origin: String,
    config: Json,
    remembered: Option<Instant>,
    /// The newest number that the stream gave since the start.
    seq: u64,
}

impl Stream {
    pub(super) fn new(keys: &StreamKeys, site: &Path, origin: &str, published: Vec<String>) -> Self {
        let name = keys.name.clone().unwrap_or_else(|| site.as_str().replace('/', "_").to_ascii_uppercase());
        let mut subjects = if keys.subjects.is_empty() { published } else { keys.subjects.clone() };
        // A stream's subjects must not overlap.
        if let [first, second] = subjects.as_slice()
            && first.strip_suffix('>').is_some_and(|under| second.starts_with(under))
        {
            subjects.truncate(1);
        }
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let config = json!({
            "name": name, "subjects": subjects, "retention": "limits", "storage": "file", "discard": "old",
            "num_replicas": keys.replicas.unwrap_or(1), "max_consumers": -1, "max_msgs": -1,
            "max_bytes": keys.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            "max_age": keys.max_age.map_or(0, |age| nanos(age.0)), "max_msg_size": -1,
            "duplicate_window": nanos(keys.duplicates.map_or(Duration::from_secs(120), |span| span.0)),
        });
        Self { name, domain: keys.domain.clone(), origin: origin.into(), config, remembered: None, seq: 0 }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a server takes the name.
    pub(super) fn is_named_well(&self) -> bool {
        is_name(&self.name) && self.domain.as_deref().is_none_or(is_name)
    }

    /// The subject of a request about the stream.
    fn api(&self, what: &str) -> String {
        api(self.domain.as_deref(), &format!("STREAM.{what}.{}", self.name))
    }

    /// Makes the stream if it is not there. One that was emptied behind our back is said, and gets again what the
    /// journal still has.
    pub(super) async fn ready(&mut self, session: &mut Session, feed: &mut Feed) -> Result<(), Fault> {
        let mut info = session.request(&self.api("INFO"), "").await?;
        if error_of(&info).is_some_and(|(code, _)| code == STREAM_NOT_FOUND) {
            info = session.request(&self.api("CREATE"), &self.config.to_string()).await?;
        }
        if let Some((_, why)) = error_of(&info) {
            return Err(Fault::Config(format!("the stream `{}` cannot be used: {why}", self.name).into()));
        }
        let last = info.pointer("/state/last_seq").and_then(Json::as_u64).unwrap_or(0);
        let known = feed.recall(SEQ).unwrap_or(0).max(self.seq);
        if last < known {
            let position = self.last_position(session, last).await;
            self.forgot(feed, known - last, position);
        }
        // From here on, what the stream has is what counts.
        self.seq = last;
        feed.remember(SEQ, last).await
    }

    /// The position of the newest message, if it is one of ours.
    async fn last_position(&self, session: &mut Session, last: u64) -> Option<Position> {
        if last == 0 {
            return None;
        }
        let answer = session.request(&self.api("MSG.GET"), &json!({ "seq": last }).to_string()).await.ok()?;
        position_of(&id_of(&answer)?, &self.origin)
    }

    /// Whether the stream still has a message of ours. What its own limits removed is not missed.
    pub(super) async fn has(
        &self,
        session: &mut Session,
        proof: &Proof<u64>,
        now: Time,
    ) -> Result<Found, Fault> {
        let ask = json!({ "seq": proof.key }).to_string();
        let answer = session.request(&self.api("MSG.GET"), &ask).await?;
        let Some((code, why)) = error_of(&answer) else {
            let ours = id_of(&answer).is_some_and(|id| position_of(&id, &self.origin).is_some());
            let other = || Found::Gone("another message has this number now".into());
            return Ok(if ours { Found::There } else { other() });
        };
        if code == STREAM_NOT_FOUND {
            return Ok(Found::Gone("there is no such stream any more".into()));
        }
        if code != NO_MESSAGE {
            return Ok(Found::Unsaid(format!("the stream does not say what it has: {why}")));
        }
        let info = session.request(&self.api("INFO"), "").await?;
        Ok(match limit_of(&info, now.since(proof.time)) {
            Some(limit) => Found::Unsaid(format!("the stream keeps too little to be asked ({limit})")),
            None => Found::Gone("it was removed from the stream".into()),
        })
    }

    fn forgot(&self, feed: &mut Feed, messages: u64, position: Option<Position>) {
        let text = format!(
            "The stream {} was put back to an older state, or made anew. What the journal still holds is sent again.",
            self.name
        );
        let next = "Ask who runs the cluster. What is older than the journal stands in the history: read it there with SQL.";
        feed.forgot(&format!("{messages} messages"), &text, next, position.unwrap_or(Position::START));
    }

    /// Keeps from time to time how far the stream is.
    pub(super) async fn remember(&mut self, feed: &mut Feed, seq: u64) -> Result<(), Fault> {
        self.seq = self.seq.max(seq);
        if self.remembered.is_some_and(|at| at.elapsed() < REMEMBER) {
            return Ok(());
        }
        self.remembered = Some(Instant::now());
        feed.remember(SEQ, self.seq).await
    }
}

/// The id in the headers of a message that was asked for.
fn id_of(answer: &Json) -> Option<String> {
    let headers = STANDARD.decode(answer.pointer("/message/hdrs")?.as_str()?).ok()?;
    let headers = String::from_utf8(headers).ok()?;
    let id = headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id:"))?;
    Some(id.trim().to_owned())
}

/// The limit by which a stream may have removed a message of this age by itself.
fn limit_of(info: &Json, age: Duration) -> Option<&'static str> {
    let number = |at: &str| info.pointer(at).and_then(Json::as_i64).unwrap_or(0);
    let full = |limit: &str, now: &str| {
        let most = number(limit);
        // It removes whole messages and blocks: near the limit is at it.
        most > 0 && number(now) >= most - most / 10
    };
    let max_age = u64::try_from(number("/config/max_age")).unwrap_or(0);
    let retention = info.pointer("/config/retention").and_then(Json::as_str).unwrap_or("limits");
    [
        (retention != "limits", "its messages go when they are read"),
        (max_age > 0 && age >= Duration::from_nanos(max_age), "max_age"),
        (full("/config/max_msgs", "/state/messages"), "max_msgs"),
        (full("/config/max_bytes", "/state/bytes"), "max_bytes"),
        (number("/config/max_msgs_per_subject") > 0, "max_msgs_per_subject"),
    ]
    .into_iter()
    .find_map(|(may, limit)| may.then_some(limit))
}

#[derive(Deserialize)]
struct PubAck {
    #[serde(default)]
    seq: u64,
    #[serde(default)]
    error: Option<Json>,
}

/// What the answer to a message says: its number in the stream, or why it will never be taken.
///
/// # Errors
/// The message was not stored, but may be: the session starts anew.
pub(super) fn stored(answer: &Option<Vec<u8>>) -> Result<Result<u64, String>, Fault> {
    let Some(answer) = answer else {
        return Err(Fault::Lost(
            "no stream takes this subject now; its cluster may be choosing a leader".into(),
        ));
    };
    let ack: PubAck = serde_json::from_slice(answer).map_err(|why| {
        Fault::Protocol(format!("an acknowledgement that nobody understands: {why}").into())
    })?;
    let Some(error) = ack.error else { return Ok(Ok(ack.seq)) };
    let (code, why) = error_of(&json!({ "error": error })).unwrap_or_default();
    if NEVER.contains(&code) {
        return Ok(Err(why));
    }
    Err(Fault::Lost(format!("the stream does not store: {why}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements() {
        let of = |text: &str| stored(&Some(text.as_bytes().to_vec()));
        assert_eq!(of(r#"{"stream":"X","seq":7,"duplicate":true}"#), Ok(Ok(7)));
        let large =
            r#"{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}"#;
        assert_eq!(of(large), Ok(Err("message size exceeds maximum allowed".into())));
        let full = r#"{"error":{"code":503,"err_code":10023,"description":"insufficient resources"}}"#;
        assert!(matches!(of(full), Err(Fault::Lost(why)) if why.contains("insufficient")));
        assert!(matches!(stored(&None), Err(Fault::Lost(_))) && matches!(of("x"), Err(Fault::Protocol(_))));
    }

    #[test]
    fn what_a_stream_removed_by_its_limits_is_not_missed() {
        let of = |config: Json, state: Json| {
            limit_of(&json!({ "config": config, "state": state }), Duration::from_secs(60))
        };
        let none = json!({ "max_age": 0, "max_msgs": -1, "max_bytes": -1, "retention": "limits" });
        assert_eq!(of(none, json!({ "messages": 5, "bytes": 500 })), None);
        assert_eq!(of(json!({ "max_age": 30_000_000_000_u64 }), json!({})), Some("max_age"));
        assert_eq!(of(json!({ "max_age": 90_000_000_000_u64 }), json!({})), None);
        assert_eq!(of(json!({ "max_bytes": 1_000 }), json!({ "bytes": 950 })), Some("max_bytes"));
        assert_eq!(of(json!({ "max_bytes": 1_000 }), json!({ "bytes": 100 })), None);
        assert!(of(json!({ "retention": "workqueue" }), json!({})).is_some());
    }

    #[test]
    fn a_stream_takes_each_subject_once() {
        let site = Path::new("acme/leeds").unwrap();
        let events = "acme.leeds._ironbridge.events".to_owned();
        let one =
            Stream::new(&StreamKeys::default(), &site, "o", vec!["acme.leeds.>".into(), events.clone()]);
        assert_eq!((one.name(), &one.config["subjects"]), ("ACME_LEEDS", &json!(["acme.leeds.>"])));
        let two = Stream::new(&StreamKeys::default(), &site, "o", vec!["plant.>".into(), events.clone()]);
        assert_eq!(two.config["subjects"], json!(["plant.>", events]));
    }
}
