//! One server: a kept connection, requests with their headers, answers of bounded size.

use super::config::File;
use super::url::Url;
use crate::kind::Secrets;
use crate::south::tags::{Plan, Timing};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use model::Fault;
use std::sync::Arc;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use transport::Target;

/// An answer that was read to its end.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) location: Option<String>,
    /// `None`: it is longer than may be read.
    pub(super) body: Option<Bytes>,
}

/// A way to a server.
pub(super) struct Client {
    target: Target,
    url: Url,
    timing: Timing,
    max_body: usize,
    headers: Vec<(String, String)>,
    secret_headers: Vec<(String, String)>,
    bearer: Option<String>,
    basic: Option<(String, Option<String>)>,
    secrets: Arc<dyn Secrets>,
    open: Option<Open>,
}

/// A connection that is open; its task ends with it.
struct Open {
    sender: SendRequest<Empty<Bytes>>,
    task: AbortHandle,
    /// It has answered before: the server may have closed it since.
    used: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Keys that do not fit together, and headers that cannot be sent.
pub(super) fn check(plan: &mut Plan<'_>, file: &File) {
    if file.bearer.is_some() && file.user.is_some() {
        plan.mistake(&["bearer"], "`bearer` and `user` are two ways to sign in", "keep one of them");
    }
    if file.password.is_some() && file.user.is_none() {
        plan.mistake(&["password"], "a password without `user`", "write `user = \"...\"` as well");
    }
    let reserved = |name: &str| ["host", "authorization", "content-length", "connection"].contains(&name);
    let names = file.headers.keys().map(|name| ("headers", name));
    for (key, name) in names.chain(file.secret_headers.keys().map(|name| ("secret_headers", name))) {
        let lower = name.to_ascii_lowercase();
        if HeaderName::try_from(lower.as_str()).is_err() || reserved(&lower) {
            let help = "headers are words with dashes like X-Api-Key; sign-in has keys of its own";
            plan.mistake(&[key, name], format!("the header `{name}` cannot be set here"), help);
        }
    }
    for (name, value) in &file.headers {
        if HeaderValue::try_from(value.as_str()).is_err() {
            let message = format!("the value of the header `{name}` cannot be sent");
            plan.mistake(&["headers", name], message, "use plain ASCII");
        }
    }
}

impl Client {
    pub(super) fn new(
        target: Target,
        url: Url,
        timing: Timing,
        file: &File,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        let secret = |reference: &model::config::SecretRef| reference.secret.clone();
        let secret_headers = file.secret_headers.iter().map(|(name, value)| (name.clone(), secret(value)));
        Self {
            target,
            url,
            timing,
            max_body: usize::try_from(file.max_body).unwrap_or(usize::MAX),
            headers: file.headers.clone().into_iter().collect(),
            secret_headers: secret_headers.collect(),
            bearer: file.bearer.as_ref().map(secret),
            basic: file.user.clone().map(|user| (user, file.password.as_ref().map(secret))),
            secrets,
            open: None,
        }
    }

    /// Opens the connection, if it is not open.
    pub(super) async fn connect(&mut self) -> Result<(), Fault> {
        if self.open.as_ref().is_some_and(|open| !open.sender.is_closed()) {
            return Ok(());
        }
        self.open = None;
        let stream = transport::dial(&self.target, self.timing.connect_timeout).await?;
        let (sender, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| Fault::Lost(error.to_string().into()))?;
        // What ends the connection is told to whoever waits for an answer.
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        self.open = Some(Open { sender, task, used: false });
        Ok(())
    }

    fn secret(&self, name: &str) -> Result<String, Fault> {
        crate::reach::secret(&*self.secrets, name)
    }

    fn request(&self, path: &str) -> Result<Request<Empty<Bytes>>, Fault> {
        let full = format!("{}{path}", self.url.base);
        let full = if full.starts_with('/') { full } else { format!("/{full}") };
        let mut request = Request::get(full).header(HOST, self.url.authority());
        request = request.header(USER_AGENT, concat!("ironbridge/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let sensitive = |text: String| -> Result<HeaderValue, Fault> {
            let mut value = HeaderValue::try_from(text)
                .map_err(|_| Fault::Security("a secret has characters that no header can carry".into()))?;
            value.set_sensitive(true);
            Ok(value)
        };
        for (name, secret) in &self.secret_headers {
            request = request.header(name, sensitive(self.secret(secret)?)?);
        }
        if let Some(secret) = &self.bearer {
            request = request.header(AUTHORIZATION, sensitive(format!("Bearer {}", self.secret(secret)?))?);
        }
        if let Some((user, secret)) = &self.basic {
            let password = secret.as_ref().map(|secret| self.secret(secret)).transpose()?.unwrap_or_default();
            let pair = STANDARD.encode(format!("{user}:{password}"));
            request = request.header(AUTHORIZATION, sensitive(format!("Basic {pair}"))?);
        }
        request.body(Empty::new()).map_err(|error| Fault::Config(error.to_string().into()))
    }

    /// Asks for a path. The whole takes at most the time-out; a kept connection that the server has closed meanwhile is
    /// opened anew once.
    ///
    /// # Errors
    /// [`Fault::Timeout`], [`Fault::Connect`], [`Fault::Lost`], [`Fault::Security`], [`Fault::Protocol`].
    pub(super) async fn get(&mut self, path: &str) -> Result<Answer, Fault> {
        let patience = self.timing.timeout;
        let timeout_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        if let Ok(answer) = timeout(patience, self.get_now(path)).await {
            return answer;
        }
        // Its answer may still come; nobody must take it for that of the next request.
        self.open = None;
        Err(Fault::Timeout { timeout_ms })
    }

    async fn get_now(&mut self, path: &str) -> Result<Answer, Fault> {
        loop {
            self.connect().await?;
            let request = self.request(path)?;
            let Some(open) = &mut self.open else { return Err(Fault::Lost("no connection".into())) };
            let used = std::mem::replace(&mut open.used, true);
            let lost = match open.sender.send_request(request).await {
                Ok(response) => return self.read(response).await,
                Err(error) => error,
            };
            self.open = None;
            if !used || lost.is_parse() {
                return Err(Fault::Protocol(format!("no HTTP answer: {lost}").into()));
            }
        }
    }

    async fn read(&mut self, response: Response<hyper::body::Incoming>) -> Result<Answer, Fault> {
        let status = response.status();
        let location =
            response.headers().get(LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
        match Limited::new(response.into_body(), self.max_body).collect().await {
            Ok(body) => Ok(Answer { status, location, body: Some(body.to_bytes()) }),
            Err(error) => {
                self.open = None;
                if error.is::<LengthLimitError>() {
                    return Ok(Answer { status, location, body: None });
                }
                Err(Fault::Lost(format!("the answer broke off: {error}").into()))
            }
        }
    }
}
