//! A foreign device's registration at a broadcast management device (annex J.5): asked for, renewed at half its time.

use super::build::Endpoint;
use super::session::Out;
use super::socket::{Socket, resolve};
use crate::south::Link;
use model::{Event, EventKind, Fault};
use std::net::SocketAddrV4;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use wire::bacnet::{Exchange, Heard, register};

/// Renewals that may go unanswered before a person is told.
const PATIENCE: u32 = 3;

/// Where we are registered.
#[derive(Debug)]
pub(super) struct Registration {
    pub(super) at: SocketAddrV4,
    seconds: u16,
    renew: Instant,
    unanswered: u32,
    told: bool,
}

impl Registration {
    /// Registers, and waits for the yes.
    ///
    /// # Errors
    /// The device does not answer, or says no.
    pub(super) async fn begin(socket: &mut Socket, endpoint: &Endpoint) -> Result<Option<Self>, Fault> {
        let Some(bbmd) = &endpoint.bbmd else { return Ok(None) };
        let at = resolve(&bbmd.host, bbmd.port).await?;
        let seconds = u16::try_from(bbmd.lifetime.0.as_secs()).unwrap_or(u16::MAX);
        for _ in 0..=endpoint.timing.retries {
            let io = |error: std::io::Error| Fault::Connect(format!("the BBMD at {at}: {error}").into());
            socket.send(at, &register(seconds)).await.map_err(io)?;
            match timeout(endpoint.timing.timeout, answer(socket, at)).await {
                Ok(0) => {
                    let renew = Instant::now() + half(seconds);
                    return Ok(Some(Self { at, seconds, renew, unanswered: 0, told: false }));
                }
                Ok(code) => return Err(refused(at, code)),
                Err(_) => {}
            }
        }
        let why =
            format!("the BBMD at {at} does not answer; check its address, and that it takes foreign devices");
        Err(Fault::Connect(why.into()))
    }

    /// When something is to be done.
    pub(super) const fn due(&self) -> Instant {
        self.renew
    }

    /// Renews what is due.
    pub(super) fn renew(&mut self, now: Instant, out: &mut Out, link: &Link) {
        if now < self.renew {
            return;
        }
        self.unanswered += 1;
        if self.unanswered > PATIENCE && !self.told {
            self.told = true;
            tell(link, &format!("the BBMD at {} does not renew our registration", self.at));
        }
        out.push((self.at, register(self.seconds)));
        self.renew = now + half(self.seconds);
    }

    /// What the device says.
    pub(super) fn heard(&mut self, code: u16, now: Instant, link: &Link) {
        if code == 0 {
            self.unanswered = 0;
            self.told = false;
        } else {
            // It may have forgotten us after a restart: once more, soon.
            self.renew = self.renew.min(now + Duration::from_secs(1));
            if !self.told {
                self.told = true;
                tell(link, &format!("the BBMD at {} says no (code {code:04X})", self.at));
            }
        }
    }
}

const fn half(seconds: u16) -> Duration {
    Duration::from_millis(seconds as u64 * 500)
}

async fn answer(socket: &mut Socket, at: SocketAddrV4) -> u16 {
    let (mut buffer, mut exchange, mut out) =
        ([0; wire::bacnet::MAX_MESSAGE], Exchange::default(), Vec::new());
    loop {
        match socket.receive(&mut buffer).await {
            Ok((count, Some(from))) if from == at => {
                let heard = exchange.hear(from, buffer.get(..count).unwrap_or_default(), &mut out);
                if let Heard::Result { code, .. } = heard {
                    return code;
                }
            }
            Ok(_) => {}
            // Nobody listens there: the time-out says so.
            Err(_) => std::future::pending().await,
        }
    }
}

fn refused(at: SocketAddrV4, code: u16) -> Fault {
    Fault::Connect(
        format!("the BBMD at {at} takes no foreign device (code {code:04X}): allow it there, or make room in its table")
            .into(),
    )
}

fn tell(link: &Link, what: &str) {
    let at = link.clock().now();
    let source = format!("connection/{}", link.name());
    let id = format!("{source}/bbmd/{:x}", at.0);
    let event = Event::info(EventKind::Fault, id, source, at, format!("Connection {}: {what}", link.name()));
    let next = "Devices that are known are read as before. Look at the BBMD: is it on, and is its table of foreign devices full?";
    link.namespace().event(event.explained("New devices cannot be found through it.", next));
}
