//! Requests with a body to one server: a kept connection, answers of bounded size.

use crate::reach::{self, Address};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper_util::rt::TokioIo;
use model::Fault;
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use transport::TlsClient;

/// Longest answer that is read: its words are for a person.
const MAX_ANSWER: usize = 64 * 1024;
/// Longest time that a server may ask us to wait.
const MAX_WAIT: Duration = Duration::from_secs(300);

/// What a server answered.
pub struct Answer {
    /// Status code, e.g. 204.
    pub status: u16,
    /// The beginning of its text, for people.
    pub text: String,
    /// The whole of it, for programs; empty when it is too long.
    pub body: Bytes,
    /// How long it asks us to wait, s.
    pub retry_after_s: Option<u64>,
}

/// A connection that is open; its task ends with it.
struct Open {
    sender: SendRequest<Full<Bytes>>,
    task: AbortHandle,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A way to a server.
pub struct Server {
    address: Address,
    tls: Option<TlsClient>,
    patience: Duration,
    open: Option<Open>,
    wait_s: Option<u64>,
}

impl Server {
    /// Not open yet. A request takes at most `patience`.
    pub fn new(address: Address, tls: Option<TlsClient>, patience: Duration) -> Self {
        Self { address, tls, patience, open: None, wait_s: None }
    }

    /// Opens the connection, if it is not open.
    ///
    /// # Errors
    /// [`Fault::Connect`], [`Fault::Security`], [`Fault::Lost`].
    pub async fn connect(&mut self) -> Result<(), Fault> {
        if self.open.as_ref().is_some_and(|open| !open.sender.is_closed()) {
            return Ok(());
        }
        self.open = None;
        let stream = transport::dial(&reach::target(&self.address, self.tls.as_ref()), self.patience).await?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| Fault::Lost(error.to_string().into()))?;
        // What ends the connection is told to whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        self.open = Some(Open { sender, task });
        Ok(())
    }

    /// How long the server asked us to wait with its last answer (`Retry-After` of 429 or 503), five minutes at most.
    pub fn asked_to_wait(&self) -> Option<Duration> {
        self.wait_s.map(|seconds| Duration::from_secs(seconds).min(MAX_WAIT))
    }

    /// Posts `body` to `path`. Nothing is repeated here: whether it was taken is not known when the answer is missing.
    ///
    /// # Errors
    /// [`Fault::Timeout`], [`Fault::Connect`], [`Fault::Lost`], [`Fault::Security`].
    pub async fn post(&mut self, path: &str, headers: &HeaderMap, body: Bytes) -> Result<Answer, Fault> {
        self.connect().await?;
        let port = if (self.address.tls, self.address.port) == (true, 443)
            || (self.address.tls, self.address.port) == (false, 80)
        {
            self.address.place().rsplit_once(':').map(|(host, _)| host.to_owned())
        } else {
            Some(self.address.place())
        };
        let full = format!("{}{path}", self.address.path);
        let full = if full.starts_with('/') { full } else { format!("/{full}") };
        let mut request = Request::post(full)
            .header(HOST, port.unwrap_or_default())
            .header(USER_AGENT, concat!("ironbridge/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))
            .map_err(|error| Fault::Config(error.to_string().into()))?;
        request.headers_mut().extend(headers.clone());
        let Some(open) = &mut self.open else { return Err(Fault::Lost("no connection".into())) };
        let asking = async {
            let response = open.sender.send_request(request).await.map_err(lost)?;
            let status = response.status().as_u16();
            let after =
                response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&body).chars().take(300).collect();
            Ok(Answer { status, text, body, retry_after_s: after })
        };
        let answer = timeout(self.patience, asking).await.unwrap_or_else(|_| {
            Err(Fault::Timeout { timeout_ms: u64::try_from(self.patience.as_millis()).unwrap_or(u64::MAX) })
        });
        if answer.is_err() {
            self.open = None;
        }
        let busy = answer.as_ref().ok().filter(|answer| matches!(answer.status, 429 | 503));
        self.wait_s = busy.and_then(|answer| answer.retry_after_s);
        answer
    }
}

fn lost(error: hyper::Error) -> Fault {
    Fault::Lost(format!("no answer: {error}").into())
}

/// A header whose value no log shows.
///
/// # Errors
/// [`Fault::Security`] when it has characters that no header can carry.
pub fn sensitive(text: String) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::try_from(text)
        .map_err(|_| Fault::Security("a secret has characters that no header can carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds a header.
///
/// # Errors
/// [`Fault::Config`] when name or value is none.
pub fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), Fault> {
    let wrong = || Fault::Config(format!("the header `{name}` cannot be sent").into());
    let name = HeaderName::try_from(name).map_err(|_| wrong())?;
    headers.insert(name, HeaderValue::try_from(value).map_err(|_| wrong())?);
    Ok(())
}

/// What an answer means for what was sent.
pub enum Verdict {
    /// Taken.
    Taken,
    /// Taken but for so many items, which will never be; the reason. Which ones, it does not say.
    Partly(usize, String),
    /// Will never be taken as it is: the reason.
    Never(String),
    /// Not now.
    Later(Fault),
}

impl Answer {
    /// 2xx: taken. 400, 413, 415, 422: never. Anything else: a person or time has to change something first.
    pub fn verdict(&self) -> Verdict {
        let said = || {
            let text = self.text.trim();
            if text.is_empty() {
                format!("HTTP {}", self.status)
            } else {
                format!("HTTP {}: {text}", self.status)
            }
        };
        match self.status {
            200..=299 => Verdict::Taken,
            400 | 413 | 415 | 422 => Verdict::Never(said()),
            401 | 403 | 407 => Verdict::Later(Fault::Security(said().into())),
            300..=399 | 404 | 405 | 410 => {
                Verdict::Later(Fault::Config(format!("{}; is `url` right?", said()).into()))
            }
            429 | 503 => match self.retry_after_s {
                Some(seconds) => {
                    Verdict::Later(Fault::Lost(format!("{}; asks to wait {seconds} s", said()).into()))
                }
                None => Verdict::Later(Fault::Lost(said().into())),
            },
            _ => Verdict::Later(Fault::Lost(said().into())),
        }
    }
}
