//! One secure channel to the server: requests out, answers in, each within its time.
//!
//! Rationale: of the library we take encodings, chunks, encryption and the renewal of keys. Sessions, subscriptions and
//! what happens after a cut are ours (`session`, `subscription`): the library's own session neither asks for
//! notifications again that a cut swallowed, nor proves itself with the right random number on a new channel.

use super::certificates::Own;
use super::status;
use crate::south::budget::Budget;
use model::Fault;
use opcua::client::transport::{StreamConnection, StreamConnector};
use opcua::client::{AsyncSecureChannel, ClientBuilder, ClientConfig, SessionBuilder};
use opcua::core::comms::tcp_codec::TcpCodec;
use opcua::core::{RequestMessage, ResponseMessage, sync::RwLock};
use opcua::crypto::CertificateStore;
use opcua::types::{
    CloseSessionRequest, DateTime, DecodingOptions, EndpointDescription, Error, GetEndpointsRequest, NodeId,
    RequestHeader, StatusCode,
};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::codec::FramedRead;
use transport::{Stream, Target};

/// Largest message in either direction, in bytes, and chunks of one.
const MAX_MESSAGE: usize = 32 << 20;
const MAX_CHUNKS: usize = 4_096;
/// Largest array, text and byte string inside a message.
const MAX_ARRAY: usize = 100_000;
const MAX_TEXT: usize = 1 << 20;
/// Lifetime of a channel's keys in ms; the library renews them at three quarters.
const LIFETIME_MS: u32 = 600_000;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// An open channel: what requests need.
pub(super) struct Channel {
    inner: AsyncSecureChannel,
    /// Token of the session on it; null before there is one.
    token: Mutex<NodeId>,
    /// How long an answer may take.
    timeout: Duration,
    /// What every request but one for notifications is counted in; nothing for those who count themselves.
    budget: OnceLock<Arc<Budget>>,
    /// Every request lets polling go first: the session is being opened, or somebody looks around.
    patient: AtomicBool,
}

/// The connection under a channel. Dropped, it says goodbye in the background and closes.
pub(super) struct Line {
    pub(super) channel: Arc<Channel>,
    /// Moves bytes; ends when the connection does.
    pump: Option<JoinHandle<StatusCode>>,
    /// The connection is gone, or is left to come back to: no goodbye.
    silent: bool,
}

/// Within how long things must be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Opening connection and channel, each.
    pub(super) connect: Duration,
    /// One answer.
    pub(super) answer: Duration,
}

impl Line {
    /// Opens a connection and a channel to `endpoint`, whose certificate must have been judged before.
    ///
    /// # Errors
    /// [`Fault::Connect`], [`Fault::Security`] when the server does not take us.
    pub(super) async fn open(
        endpoint: EndpointDescription,
        folder: &Path,
        patience: Patience,
    ) -> Result<Self, Fault> {
        let stream = dial(&endpoint, patience).await?;
        Self::over(stream, endpoint, folder, patience).await
    }

    /// Opens a channel on a connection that [`dial`] opened.
    ///
    /// # Errors
    /// As [`Line::open`].
    pub(super) async fn over(
        stream: Stream,
        endpoint: EndpointDescription,
        folder: &Path,
        patience: Patience,
    ) -> Result<Self, Fault> {
        let url = endpoint.endpoint_url.as_ref().to_owned();
        let Stream::Tcp(stream) = stream else {
            return Err(Fault::Connect("the connection is not plain TCP".into()));
        };
        let once = Mutex::new(Some(stream));
        let connector = StreamConnector::new(
            move |url: String, options: DecodingOptions| {
                let taken = once.lock().take();
                async move {
                    let stream =
                        taken.ok_or_else(|| Error::new(StatusCode::BadNotConnected, "connected twice"))?;
                    let (reader, writer) = tokio::io::split(stream);
                    Ok(StreamConnection::new(FramedRead::new(reader, TcpCodec::new(options)), writer, url))
                }
            },
            url,
        );
        let store = Arc::new(RwLock::new(CertificateStore::new(folder)));
        let inner = SessionBuilder::new(&config())
            .connect_to_endpoint_directly(endpoint)
            .and_then(|builder| builder.build_channel(store))
            .map_err(|error| opening_fault(&error))?;
        let mut events =
            match tokio::time::timeout(patience.connect, inner.connect_no_retry(&connector)).await {
                Ok(opened) => opened.map_err(|error| opening_fault(&error))?,
                Err(_) => {
                    let text = format!(
                        "the server did not open a secure channel within {} ms; is this an OPC UA port?",
                        patience.connect.as_millis()
                    );
                    return Err(Fault::Connect(text.into()));
                }
            };
        let pump = tokio::spawn(async move {
            loop {
                if let opcua::client::transport::TransportPollResult::Closed(code) = events.poll().await {
                    return code;
                }
            }
        });
        let (token, timeout) = (Mutex::new(NodeId::null()), patience.answer);
        let (budget, patient) = (OnceLock::new(), AtomicBool::new(true));
        let channel = Channel { inner, token, timeout, budget, patient };
        Ok(Self { channel: Arc::new(channel), pump: Some(pump), silent: false })
    }

    /// The endpoints that a server offers, asked without encryption as the standard has it (OPC 10000-4, 5.5.4).
    ///
    /// # Errors
    /// As [`Line::open`].
    pub(super) async fn endpoints(
        url: &str,
        folder: &Path,
        patience: Patience,
        budget: Option<&Arc<Budget>>,
    ) -> Result<Vec<EndpointDescription>, Fault> {
        let line = Self::open(EndpointDescription::from(url), folder, patience).await?;
        let channel = &line.channel;
        budget.into_iter().for_each(|budget| channel.keep_to(budget));
        let request = GetEndpointsRequest {
            request_header: channel.header(),
            endpoint_url: url.into(),
            ..Default::default()
        };
        match channel.ask(request, "asking for the server's endpoints").await? {
            ResponseMessage::GetEndpoints(answer) => Ok(answer.endpoints.unwrap_or_default()),
            other => Err(unexpected(&other)),
        }
    }

    /// Waits until the connection ends. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Fault {
        let Some(pump) = &mut self.pump else { return Fault::Lost("it was closed".into()) };
        let outcome = pump.await;
        self.pump = None;
        self.silent = true;
        match outcome {
            Ok(code) if code.is_good() => Fault::Lost("the connection was closed".into()),
            Ok(code) => match status::fault(code, "the server closed the connection") {
                Fault::Exception { text, .. } => Fault::Lost(text),
                fault => fault,
            },
            Err(_) => Fault::Protocol("what the server sent could not be decoded".into()),
        }
    }

    /// Leaves without a goodbye, so that the session on the server stays for a while.
    pub(super) fn leave(&mut self) {
        self.silent = true;
    }
}

impl Channel {
    pub(super) fn set_token(&self, token: NodeId) {
        self.inner.set_auth_token(token.clone());
        *self.token.lock() = token;
    }

    /// A request header for this session.
    pub(super) fn header(&self) -> RequestHeader {
        self.header_within(self.timeout)
    }

    pub(super) fn header_within(&self, within: Duration) -> RequestHeader {
        RequestHeader {
            authentication_token: self.token.lock().clone(),
            timestamp: DateTime::now(),
            request_handle: self.inner.request_handle(),
            timeout_hint: u32::try_from(within.as_millis()).unwrap_or(u32::MAX),
            ..RequestHeader::default()
        }
    }

    /// One request, one answer. `what` says what was tried, for messages.
    ///
    /// # Errors
    /// By [`status::fault`].
    pub(super) async fn ask(
        &self,
        request: impl Into<RequestMessage>,
        what: &str,
    ) -> Result<ResponseMessage, Fault> {
        self.ask_within(request, what, self.timeout).await
    }

    /// From now on requests are counted in this budget. Until [`Channel::polling`] they let others go first, too.
    pub(super) fn keep_to(&self, budget: &Arc<Budget>) {
        // There is one budget for a channel's life: a second one would be the same.
        let _ = self.budget.set(budget.clone());
    }

    /// From now on the link says when something is asked.
    pub(super) fn polling(&self) {
        self.patient.store(false, Relaxed);
    }

    /// As [`Channel::ask`], with another time.
    ///
    /// # Errors
    /// By [`status::fault`].
    pub(super) async fn ask_within(
        &self,
        request: impl Into<RequestMessage>,
        what: &str,
        within: Duration,
    ) -> Result<ResponseMessage, Fault> {
        if let Some(budget) = self.budget.get() {
            if self.patient.load(Relaxed) {
                budget.leave().await;
            }
            budget.spend();
        }
        self.await_within(request, what, within).await
    }

    /// As [`Channel::ask_within`], for what the server answers when it has something to tell: no budget counts that.
    ///
    /// # Errors
    /// By [`status::fault`].
    pub(super) async fn await_within(
        &self,
        request: impl Into<RequestMessage>,
        what: &str,
        within: Duration,
    ) -> Result<ResponseMessage, Fault> {
        let answer = self.inner.send(request, within).await.map_err(|error| {
            match status::fault(error.status(), what) {
                Fault::Timeout { .. } => Fault::Timeout { timeout_ms: millis(within) },
                fault => fault,
            }
        })?;
        let result = answer.response_header().service_result;
        if result.is_bad() {
            return Err(status::fault(result, what));
        }
        Ok(answer)
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let Some(pump) = self.pump.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return pump.abort() };
        if self.silent {
            return pump.abort();
        }
        let channel = self.channel.clone();
        let in_session = !channel.token.lock().is_null();
        let close = in_session.then(|| CloseSessionRequest {
            request_header: channel.header_within(GOODBYE),
            delete_subscriptions: true,
        });
        runtime.spawn(async move {
            let mut pump = pump;
            let goodbye = async {
                if let Some(close) = close {
                    let _ = channel.inner.send(close, GOODBYE).await;
                }
                channel.inner.close_channel().await;
                let _ = (&mut pump).await;
            };
            if tokio::time::timeout(GOODBYE, goodbye).await.is_err() {
                pump.abort();
            }
        });
    }
}

/// Opens the connection to an endpoint.
///
/// # Errors
/// [`Fault::Connect`].
pub(super) async fn dial(endpoint: &EndpointDescription, patience: Patience) -> Result<Stream, Fault> {
    let url = endpoint.endpoint_url.as_ref();
    let (host, port, _) =
        super::endpoint::parts(url).map_err(|why| Fault::Config(format!("`{url}`: {why}").into()))?;
    transport::dial(&Target::Tcp { host, port }, patience.connect).await
}

fn config() -> ClientConfig {
    ClientBuilder::new()
        .application_name("Ironbridge")
        .application_uri("urn:ironbridge")
        .max_message_size(MAX_MESSAGE)
        .max_chunk_count(MAX_CHUNKS)
        .max_array_length(MAX_ARRAY)
        .max_string_length(MAX_TEXT)
        .max_byte_string_length(MAX_TEXT)
        .channel_lifetime(LIFETIME_MS)
        .into_config()
}

/// A failure before the session: what is no question of security is one of the connection.
fn opening_fault(error: &Error) -> Fault {
    match status::fault(error.status(), "opening a secure channel") {
        fault @ Fault::Security(_) => fault,
        _ => Fault::Connect(format!("the secure channel could not be opened: {error}").into()),
    }
}

pub(super) fn unexpected(answer: &ResponseMessage) -> Fault {
    Fault::Protocol(format!("an answer of another kind came ({})", answer.type_name()).into())
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// What we sign and prove ourselves with.
pub(super) fn own_certificate(own: Option<&Own>) -> opcua::types::ByteString {
    own.map(|own| own.certificate.as_byte_string()).unwrap_or_default()
}
