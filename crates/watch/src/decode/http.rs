//! HTTP/1: what is asked for and how, without bodies.

use super::{Decoder, Told};
use crate::core::{Core, Talk};
use crate::detect::net;
use crate::hosts::Field;
use crate::operation::{Effect, Kind};
use crate::protocol::Protocol;
use crate::stream::Step;
use crate::text::clean;
use std::borrow::Cow;
use wire::http::{self, Head, METHODS, Start};

/// How a client begins that knows that the server speaks HTTP/2 (RFC 9113, 3.4).
const PRIOR_KNOWLEDGE: &[u8] = b"PRI * HTTP/2.0\r\n";
/// Function number of all that HTTP/2 carries.
const HTTP2: u32 = 0x100;

/// One direction.
#[derive(Debug, Default, Clone, Copy)]
struct Side {
    /// Bytes of a body that are passed over.
    skip: u64,
}

/// One conversation.
#[derive(Debug, Default)]
pub struct Http {
    /// From the server, from the client.
    sides: [Side; 2],
    /// Method of the latest request.
    asked: usize,
    /// Another protocol goes on here.
    over: bool,
}

impl Decoder for Http {
    fn stream(&mut self, bytes: &[u8], talk: &Talk, core: &mut Core) -> Step {
        if bytes.starts_with(PRIOR_KNOWLEDGE) && !self.over {
            // Frames of binary headers follow (RFC 9113, 3.4): named, not read.
            self.over = true;
            core.coverage.http2_flows += 1;
            Told::new(Protocol::Http, HTTP2).tell("", talk, core);
        }
        if self.over {
            return Step::Took(bytes.len());
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let Some(side) = self.sides.get_mut(usize::from(talk.from_client)) else { break };
            if side.skip > 0 {
                let over = usize::try_from(side.skip).unwrap_or(usize::MAX).min(rest.len());
                side.skip -= over as u64;
                rest = rest.get(over..).unwrap_or_default();
                continue;
            }
            // Bodies without a length, and what is lost of others: up to the next segment that begins with a head.
            if !http::looks_like_head(rest) {
                return Step::Took(bytes.len());
            }
            match http::head(rest) {
                Ok(Some(head)) => {
                    rest = rest.get(head.length..).unwrap_or_default();
                    self.head(&head, talk, core);
                }
                Ok(None) => break,
                Err(problem) => {
                    core.malformed(talk, Protocol::Http, problem);
                    return Step::Lost;
                }
            }
        }
        Step::Took(bytes.len() - rest.len())
    }
}

impl Http {
    fn head(&mut self, head: &Head<'_>, talk: &Talk, core: &mut Core) {
        let mut body = head.body.unwrap_or(0);
        match head.start {
            Start::Request(method, target) => {
                self.asked = method;
                // What is behind a question mark may be a secret.
                let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
                let words = format!("{}{}", clean(head.host.unwrap_or_default()), clean(path));
                if head.sign_in.is_some_and(|kind| kind.eq_ignore_ascii_case(b"basic")) {
                    core.findings.raise(
                        &net::PASSWORD,
                        talk.scene(),
                        format_args!("HTTP sign-in at {words}"),
                    );
                }
                if let Some(agent) = head.agent {
                    core.identity(talk.client, Field::Description, agent, "HTTP", talk);
                }
                let mut told = Told::new(Protocol::Http, u32::try_from(method).unwrap_or_default());
                told.effect = if matches!(method, 0 | 1 | 6) { Effect::Read } else { Effect::Unknown };
                told.tell(&words, talk, core);
            }
            Start::Answer(status) => {
                // Nothing follows the answer to HEAD, and these.
                if self.asked == 1 || status < 200 || matches!(status, 204 | 304) {
                    body = 0;
                }
                self.over = status == 101;
                if let Some(server) = head.server {
                    core.identity(talk.server, Field::Description, server, "HTTP", talk);
                }
                let mut told = Told::new(Protocol::Http, u32::try_from(self.asked).unwrap_or_default());
                told.kind = Kind::Response;
                told.outcome = Core::outcome((status >= 400).then_some(status.into()));
                if matches!(status, 401 | 403) {
                    told.effect = Effect::Security;
                }
                told.tell(&status.to_string(), talk, core);
            }
        }
        if let Some(side) = self.sides.get_mut(usize::from(talk.from_client)) {
            side.skip = if head.is_chunked { 0 } else { body };
        }
    }
}

/// Name of a function number.
pub fn function_name(function: u32) -> Cow<'static, str> {
    if function == HTTP2 {
        return "HTTP/2, not read".into();
    }
    usize::try_from(function).ok().and_then(|at| METHODS.get(at)).copied().unwrap_or("request").into()
}
