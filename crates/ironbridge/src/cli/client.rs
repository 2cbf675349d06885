//! Talks to a running Ironbridge over its owner-only socket: the HTTP API, with the peer's credentials as sign-in.

use super::exit;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// Name of the socket in the data folder.
pub const SOCKET: &str = "control.sock";

/// Why a request did not work.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nothing listens.
    #[error("no Ironbridge runs on the data folder `{}`", .0.display())]
    NotRunning(PathBuf),
    /// The socket belongs to somebody else.
    #[error("the socket in `{}` belongs to another user; run this as the user that runs Ironbridge", .0.display())]
    NotAllowed(PathBuf),
    /// The running Ironbridge refused.
    #[error("{title}{}", more(.meaning, .next))]
    Refused {
        /// What happened.
        title: String,
        /// What it means.
        meaning: String,
        /// The next step.
        next: String,
    },
    /// The line broke.
    #[error("the running Ironbridge did not answer: {0}")]
    Broken(String),
    /// Whoever read what is printed has seen enough, such as `head`.
    #[error("nobody reads on")]
    NobodyReads,
    /// What is printed could not be written.
    #[error("the output cannot be written: {0}")]
    Output(std::io::Error),
}

fn more(meaning: &str, next: &str) -> String {
    [meaning, next].iter().filter(|text| !text.is_empty()).map(|text| format!("\n  {text}")).collect()
}

impl ClientError {
    /// The exit code for it.
    pub const fn code(&self) -> u8 {
        match self {
            Self::NotRunning(_) => exit::NOT_RUNNING,
            Self::NobodyReads => exit::OK,
            _ => exit::FAILED,
        }
    }
}

/// One request; each opens the socket anew.
pub struct Client {
    data: PathBuf,
}

impl Client {
    /// For the Ironbridge on this data folder.
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// GET.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<Json, ClientError> {
        self.json(Method::GET, path, None).await
    }

    /// POST with a JSON body.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn post(&self, path: &str, body: &Json) -> Result<Json, ClientError> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// Any method.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn json(&self, method: Method, path: &str, body: Option<&Json>) -> Result<Json, ClientError> {
        let bytes = whole(self.send(method, path, body).await?).await?;
        if bytes.is_empty() {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&bytes).map_err(|e| ClientError::Broken(e.to_string()))
    }

    /// GET of a file.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn bytes(&self, path: &str) -> Result<Bytes, ClientError> {
        whole(self.send(Method::GET, path, None).await?).await
    }

    /// POST whose answer is a stream of server-sent events; `each` gets event name and data, and ends it with false.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn events(
        &self,
        path: &str,
        body: &Json,
        mut each: impl FnMut(&str, &str) -> bool,
    ) -> Result<(), ClientError> {
        let mut response = self.send(Method::POST, path, Some(body)).await?;
        let mut pending: Vec<u8> = Vec::new();
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|e| ClientError::Broken(e.to_string()))?;
            let Some(data) = frame.data_ref() else { continue };
            pending.extend_from_slice(data);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let block: Vec<u8> = pending.drain(..end + 2).collect();
                if !dispatch(&String::from_utf8_lossy(&block), &mut each) {
                    return Ok(());
                }
            }
        }
        Err(ClientError::Broken("it stopped".into()))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Json>,
    ) -> Result<Response<Incoming>, ClientError> {
        let broken = |e: &dyn std::fmt::Display| ClientError::Broken(e.to_string());
        let stream =
            UnixStream::connect(self.data.join(SOCKET)).await.map_err(|error| match error.kind() {
                std::io::ErrorKind::PermissionDenied => ClientError::NotAllowed(self.data.clone()),
                _ => ClientError::NotRunning(self.data.clone()),
            })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(&e))?;
        tokio::spawn(connection);
        let bytes = body.map(ToString::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(bytes)))
            .map_err(|e| broken(&e))?;
        let response = sender.send_request(request).await.map_err(|e| broken(&e))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

async fn refusal(response: Response<Incoming>) -> ClientError {
    let status = response.status();
    let body = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let json: Json = serde_json::from_slice(&body).unwrap_or_default();
    let part = |name: &str| {
        json.pointer(&format!("/error/{name}")).and_then(Json::as_str).unwrap_or_default().to_owned()
    };
    let title = match part("title") {
        empty if empty.is_empty() => status_words(status),
        title => title,
    };
    ClientError::Refused { title, meaning: part("meaning"), next: part("next") }
}

fn status_words(status: StatusCode) -> String {
    format!("the running Ironbridge answered {status}")
}

fn dispatch(block: &str, each: &mut impl FnMut(&str, &str) -> bool) -> bool {
    let (mut name, mut data) = ("message", String::new());
    for line in block.lines() {
        if let Some(value) = line.strip_prefix("event:") {
            name = value.trim_start();
        } else if let Some(value) = line.strip_prefix("data:") {
            data.push_str(value.trim_start());
        }
    }
    data.is_empty() || each(name, &data)
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = response.into_body().collect().await;
    body.map(|body| body.to_bytes()).map_err(|error| ClientError::Broken(error.to_string()))
}

/// A path or a name as one query value.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
