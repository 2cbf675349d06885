//! The other hosts of the plant: an HMI that writes as it should, and one that nobody invited.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use wire::modbus::{Limits, Request, Response, mbap};

use crate::modbus::WordOrder;
use crate::plant::{Plant, Switch};
use crate::rng::Rng;

/// Where the HMI calls from, as far as the system lets it.
pub(super) const HMI: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Where the rogue writer calls from.
pub(super) const ROGUE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 66);
/// Register of the filler's target speed, as a wire offset.
pub(super) const TARGET: u16 = 200;
const FILLER: u8 = 1;
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// A client of one request at a time.
struct Client {
    stream: TcpStream,
    transaction: u16,
}

impl Client {
    async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        if to.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST) {
            // A host of its own on the loopback; where that does not exist, any address will do.
            if let Err(error) = socket.bind(SocketAddr::new(from.into(), 0)) {
                tracing::debug!(%error, %from, "no such loopback address");
            }
        }
        let stream = tokio::time::timeout(ANSWER_WITHIN, socket.connect(to)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream, transaction: 0 })
    }

    async fn ask(&mut self, request: &Request) -> io::Result<()> {
        self.transaction = self.transaction.wrapping_add(1);
        let mut out = Vec::new();
        mbap::emit_adu_with(self.transaction, FILLER, &mut out, |out| request.emit(out));
        self.stream.write_all(&out).await?;
        tokio::time::timeout(ANSWER_WITHIN, self.answer(request)).await?
    }

    async fn answer(&mut self, request: &Request) -> io::Result<()> {
        let (mut deframer, mut buffer) = (mbap::Deframer::new(), [0; mbap::MAX_ADU]);
        loop {
            let count = self.stream.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut input = buffer.get(..count).unwrap_or_default();
            if let Some(frame) = deframer.feed(&mut input).map_err(io::Error::other)? {
                return match Response::parse(request, frame.pdu, &Limits::STANDARD)
                    .map_err(io::Error::other)?
                {
                    Response::Exception { code, .. } => Err(io::Error::other(code.to_string())),
                    _ => Ok(()),
                };
            }
        }
    }

    async fn write_target(&mut self, speed: f64) -> io::Result<()> {
        let values = WordOrder::LowFirst.split((speed as f32).to_bits()).to_vec();
        self.ask(&Request::WriteMultipleRegisters { address: TARGET, values }).await
    }
}

/// Looks at the filler every two seconds, and sets the speed of each recipe.
pub(super) async fn hmi(plant: Arc<Mutex<Plant>>, line: SocketAddr, seed: u64) {
    let mut rng = Rng::new(seed);
    loop {
        if let Err(error) = hmi_session(&plant, line, &mut rng).await {
            tracing::debug!(%error, "HMI");
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

async fn hmi_session(plant: &Mutex<Plant>, line: SocketAddr, rng: &mut Rng) -> io::Result<()> {
    let mut client = Client::connect(HMI, line).await?;
    let (mut last, mut rounds) = (None, 0u32);
    loop {
        let recipe = plant.lock().line.recipe();
        // A new recipe, or an operator who turns the knob a little, about every minute.
        if last != Some(recipe.name) || rounds.is_multiple_of(30) {
            client.write_target(recipe.speed + (rng.between(-1.0, 1.0) * 4.0).round() * 5.0).await?;
            last = Some(recipe.name);
        }
        client.ask(&Request::ReadHoldingRegisters { address: 100, quantity: 14 }).await?;
        client.ask(&Request::ReadHoldingRegisters { address: 119, quantity: 16 }).await?;
        rounds = rounds.wrapping_add(1);
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

/// Writes a dangerous speed every few seconds while its switch is on.
pub(super) async fn rogue(plant: Arc<Mutex<Plant>>, line: SocketAddr) {
    loop {
        let on = plant.lock().switch(Switch::RogueWriter);
        if on {
            let attack = async { Client::connect(ROGUE, line).await?.write_target(595.0).await };
            if let Err(error) = attack.await {
                tracing::debug!(%error, "rogue writer");
            }
        }
        tokio::time::sleep(Duration::from_secs(if on { 4 } else { 1 })).await;
    }
}
