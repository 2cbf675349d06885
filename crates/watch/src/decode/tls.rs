//! TLS: who asks for whom with which program, and with which certificate the server answers. What follows is hidden.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::hosts::Field;
use crate::operation::{Effect, Kind};
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean;
use std::borrow::Cow;
use wire::tls::{self, Certificate, ClientHello, HANDSHAKE, MAX_HANDSHAKE, ServerHello, frame_length};

/// Function numbers: hello of the client; of the server, with the version; its certificate, sound or expired.
const HELLO: u32 = 1;
/// The server's hello; the version stands in the lower half.
pub const CHOSEN: u32 = 0x2_0000;
const CERTIFICATE: u32 = 0xB;
/// A certificate whose time is over, or not yet there.
pub const EXPIRED: u32 = 0x10B;

/// One conversation.
#[derive(Debug, Default)]
pub struct Tls {
    /// Handshake messages that are not whole: from the server, from the client.
    held: [Vec<u8>; 2],
    /// Nothing more can be read.
    done: bool,
}

impl Decoder for Tls {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        let mut rest = bytes;
        while !self.done {
            let length = match frame_length(rest) {
                Ok(Some(length)) => length,
                Ok(None) => return Step::Took(bytes.len() - rest.len()),
                Err(_) => return Step::Lost,
            };
            let Some((record, tail)) = rest.split_at_checked(length) else {
                return Step::Took(bytes.len() - rest.len());
            };
            rest = tail;
            let (kind, content) = (record.first(), record.get(tls::HEADER..).unwrap_or_default());
            if kind == Some(&HANDSHAKE) {
                self.handshake(content, talk, core);
            } else if kind != Some(&tls::ALERT) {
                // From here on it is encrypted.
                self.done = !talk.from_client;
            }
        }
        self.held = Default::default();
        Step::Took(bytes.len())
    }
}

impl Tls {
    fn handshake(&mut self, content: &[u8], talk: &Talk, core: &mut Core) {
        let Some(held) = self.held.get_mut(usize::from(talk.from_client)) else { return };
        if held.len() + content.len() > MAX_HANDSHAKE {
            self.done = true;
            return;
        }
        let mut all = std::mem::take(held);
        all.extend_from_slice(content);
        let mut rest = all.as_slice();
        while let Some((kind, content, tail)) = tls::handshake(rest) {
            rest = tail;
            match (kind, talk.from_client) {
                (1, true) => client(content, talk, core),
                (2, false) => server(content, talk, core),
                (0xB, false) => certificate(content, talk, core),
                _ => {}
            }
        }
        *held = rest.to_vec();
    }
}

fn client(content: &[u8], talk: &Talk, core: &mut Core) {
    let Some(hello) = ClientHello::new(content) else {
        return core.malformed(talk, Protocol::Tls, "a client hello that ends too early");
    };
    let fingerprint = hello.fingerprint();
    core.identity(talk.client, Field::Description, fingerprint.as_bytes(), "TLS (JA4)", talk);
    if let Some(server) = hello.server {
        core.identity(talk.server, Field::Name, server, "TLS", talk);
    }
    let mut told = Told::new(Protocol::Tls, HELLO);
    told.effect = Effect::Session;
    let to = clean(hello.server.unwrap_or_default());
    told.tell(&format!("{to} {} {fingerprint}", tls::version_name(hello.version)), talk, core);
}

fn server(content: &[u8], talk: &Talk, core: &mut Core) {
    let Some(hello) = ServerHello::new(content) else {
        return core.malformed(talk, Protocol::Tls, "a server hello that ends too early");
    };
    let mut told = Told::new(Protocol::Tls, CHOSEN | u32::from(hello.version));
    told.kind = Kind::Response;
    told.outcome = Core::outcome(None);
    told.tell(&format!("cipher {:04x}", hello.cipher), talk, core);
}

fn certificate(content: &[u8], talk: &Talk, core: &mut Core) {
    let Some(seen) = tls::first_certificate(content).and_then(Certificate::new) else { return };
    let seconds = talk.time_ns.div_euclid(1_000_000_000);
    let over =
        seen.until.is_some_and(|until| until.0 < seconds) || seen.from.is_some_and(|from| from.0 > seconds);
    let until = seen.until.map_or_else(String::new, |until| {
        let time = model::Time(until.0.saturating_mul(1_000_000_000)).rfc3339();
        format!(", until {}", time.get(..10).unwrap_or_default())
    });
    let issuer = if seen.is_self_signed { "itself".into() } else { clean(seen.issuer.unwrap_or_default()) };
    let words =
        format!("certificate of {}, signed by {issuer}{until}", clean(seen.subject.unwrap_or_default()));
    core.identity(talk.server, Field::Description, words.as_bytes(), "TLS", talk);
    let mut told = Told::new(Protocol::Tls, if over { EXPIRED } else { CERTIFICATE });
    told.kind = Kind::Response;
    told.outcome = Core::outcome(None);
    told.tell(&words, talk, core);
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    match function {
        HELLO => "Client hello".into(),
        CERTIFICATE => "Certificate".into(),
        EXPIRED => "Certificate out of its time".into(),
        chosen if chosen & CHOSEN != 0 => {
            let version = u16::try_from(chosen & 0xFFFF).unwrap_or_default();
            format!("Server hello, {}", tls::version_name(version)).into()
        }
        other => format!("message {other}").into(),
    }
}
