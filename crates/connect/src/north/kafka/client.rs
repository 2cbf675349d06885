//! One connection to one broker: a request goes out, its answer comes in.

use super::config::{Mechanism, Servers};
use super::scram::Scram;
use super::words;
use crate::reach;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use model::Fault;
use ring::rand::SecureRandom;
use std::collections::HashMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use transport::Stream;

/// Longest answer that is read.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// How long an answer may take: a broker waits for its copies.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
pub(super) struct Client {
    stream: Stream,
    place: String,
    correlation: i32,
    /// What the broker knows: lowest and highest version of each request.
    versions: HashMap<i16, (i16, i16)>,
}

impl Client {
    /// Dials, asks what the broker knows, signs in.
    pub(super) async fn open(servers: &Servers, host: &str, port: u16) -> Result<Self, Fault> {
        let mut address = servers.first().clone();
        (address.host, address.port) = (host.to_owned(), port);
        let place = address.place();
        let target = reach::target(&address, servers.tls.as_ref());
        let stream = transport::dial(&target, servers.timeout).await?;
        let mut client = Self { stream, place, correlation: 0, versions: HashMap::new() };
        match timeout(servers.timeout, client.ask_versions()).await {
            Ok(Ok(())) => {}
            Ok(Err(Fault::Lost(why) | Fault::Protocol(why))) => {
                return Err(client.stranger(servers, &format!(" ({why})")));
            }
            Ok(Err(other)) => return Err(other),
            Err(_) => return Err(client.stranger(servers, "")),
        }
        if let Some((user, password)) = servers.sign_in.credentials()? {
            client.sign_in(servers.mechanism, &user, &password).await?;
        }
        Ok(client)
    }

    /// What is there does not behave like a broker.
    fn stranger(&self, servers: &Servers, why: &str) -> Fault {
        let tls = if servers.tls.is_some() { "" } else { ", and is it \"kafkas://\"" };
        let words = format!("{} does not say what it knows{why}; is it a Kafka broker{tls}?", self.place);
        Fault::Connect(words.into())
    }

    async fn ask_versions(&mut self) -> Result<(), Fault> {
        let request = ApiVersionsRequest::default();
        let answer: ApiVersionsResponse = self.exchange(ApiKey::ApiVersions, 0, &request).await?;
        check("the question for versions", answer.error_code)?;
        self.versions =
            answer.api_keys.iter().map(|key| (key.api_key, (key.min_version, key.max_version))).collect();
        Ok(())
    }

    async fn sign_in(&mut self, mechanism: Mechanism, user: &str, password: &str) -> Result<(), Fault> {
        let handshake = SaslHandshakeRequest::default().with_mechanism(mechanism.name().into());
        let answer: SaslHandshakeResponse = self.call(ApiKey::SaslHandshake, 1, 1, &handshake).await?;
        if answer.error_code != 0 {
            let known: Vec<&str> = answer.mechanisms.iter().map(|name| name.as_str()).collect();
            let why = format!(
                "{} does not sign in by {}; it knows {}: write it as `mechanism`",
                self.place,
                mechanism.name(),
                known.join(", ")
            );
            return Err(Fault::Security(why.into()));
        }
        match mechanism.hash() {
            None => self.authenticate(format!("\0{user}\0{password}")).await.map(|_| ()),
            Some(hash) => {
                let mut random = [0u8; 18];
                ring::rand::SystemRandom::new()
                    .fill(&mut random)
                    .map_err(|_| Fault::Security("this machine gives no random numbers".into()))?;
                let scram = Scram::new(hash, user, password, &STANDARD_NO_PAD.encode(random));
                let said = self.authenticate(scram.first()).await?;
                let (answer, proof) = scram.answer(&said)?;
                let said = self.authenticate(answer).await?;
                if proof.fits(&said) {
                    return Ok(());
                }
                let why =
                    format!("{} does not prove that it knows the password: it may be a stranger", self.place);
                Err(Fault::Security(why.into()))
            }
        }
    }

    async fn authenticate(&mut self, say: String) -> Result<String, Fault> {
        let request = SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from(say));
        let answer: SaslAuthenticateResponse = self.call(ApiKey::SaslAuthenticate, 0, 1, &request).await?;
        check(&format!("{} refuses the sign-in", self.place), answer.error_code)?;
        Ok(String::from_utf8_lossy(&answer.auth_bytes).into_owned())
    }

    /// The version of a request that both sides know, from `least` to `most`.
    ///
    /// # Errors
    /// None: the broker is too old, or far too new.
    pub(super) fn version(&self, key: ApiKey, least: i16, most: i16) -> Result<i16, Fault> {
        let known = self.versions.get(&(key as i16)).copied();
        let both = known.map(|(low, high)| (low.max(least), high.min(most)));
        both.filter(|(low, high)| low <= high).map(|(_, high)| high).ok_or_else(|| {
            let why =
                format!("{} does not know {key:?} as it is spoken here (Kafka 2.1 to 4 do)", self.place);
            Fault::Config(why.into())
        })
    }

    /// Asks in the newest version that both know, and waits for the answer.
    pub(super) async fn call<Q, R>(
        &mut self,
        key: ApiKey,
        least: i16,
        most: i16,
        request: &Q,
    ) -> Result<R, Fault>
    where
        Q: Encodable + HeaderVersion,
        R: Decodable + HeaderVersion,
    {
        let version = self.version(key, least, most)?;
        self.exchange(key, version, request).await
    }

    async fn exchange<Q, R>(&mut self, key: ApiKey, version: i16, request: &Q) -> Result<R, Fault>
    where
        Q: Encodable + HeaderVersion,
        R: Decodable + HeaderVersion,
    {
        let talk = async {
            self.correlation = self.correlation.wrapping_add(1);
            let header = RequestHeader::default()
                .with_request_api_key(key as i16)
                .with_request_api_version(version)
                .with_correlation_id(self.correlation)
                .with_client_id(Some(StrBytes::from_static_str("ironbridge")));
            let mut out = BytesMut::from(&[0u8; 4][..]);
            header.encode(&mut out, Q::header_version(version)).map_err(|why| unsent(&why))?;
            request.encode(&mut out, version).map_err(|why| unsent(&why))?;
            let length = u32::try_from(out.len().saturating_sub(4)).unwrap_or(u32::MAX);
            if let Some(field) = out.first_chunk_mut() {
                *field = length.to_be_bytes();
            }
            let io = |error: std::io::Error| transport::fault_from_io(&error);
            self.stream.write_all(&out).await.map_err(io)?;
            self.stream.flush().await.map_err(io)?;
            let length = usize::try_from(self.stream.read_u32().await.map_err(io)?).unwrap_or(usize::MAX);
            if length > MAX_ANSWER {
                return Err(Fault::Protocol(
                    format!("an answer of {length} bytes: is it a Kafka broker?").into(),
                ));
            }
            let mut answer = vec![0; length];
            self.stream.read_exact(&mut answer).await.map_err(io)?;
            let mut answer = Bytes::from(answer);
            // The answer about versions has the oldest header, so that anybody can read it (KIP-511).
            let of_header = if key == ApiKey::ApiVersions { 0 } else { R::header_version(version) };
            let header = ResponseHeader::decode(&mut answer, of_header).map_err(|why| unread(&why))?;
            if header.correlation_id != self.correlation {
                return Err(Fault::Protocol("an answer to another question".into()));
            }
            // What follows is not looked at: a newer broker may append something, and librdkafka's mock does.
            R::decode(&mut answer, version).map_err(|why| unread(&why))
        };
        let timeout_ms = u64::try_from(PATIENCE.as_millis()).unwrap_or(u64::MAX);
        timeout(PATIENCE, talk).await.map_err(|_| Fault::Timeout { timeout_ms })?
    }
}

/// Nothing but success will do.
pub(super) fn check(what: &str, code: i16) -> Result<(), Fault> {
    if code == 0 { Ok(()) } else { Err(words::fault(what, code)) }
}

fn unsent(why: &impl std::fmt::Display) -> Fault {
    Fault::Protocol(format!("a request cannot be written: {why}").into())
}

fn unread(why: &impl std::fmt::Display) -> Fault {
    Fault::Protocol(format!("the broker's answer cannot be read: {why}").into())
}
