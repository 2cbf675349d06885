//! Devices for benchmarks: every value says when it was sent.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::Clock;
use wire::modbus::{ExceptionCode, Table};

use super::bank::Device;
use super::server::{Framing, Server, listen};
use super::station::{Station, Unit};

/// Every register pair at an even address is a big-endian int32, high word first: the milliseconds since 1970 of the
/// response, modulo 2^31. A reader learns from any value how old it is.
pub struct BenchDevice {
    clock: Arc<dyn Clock>,
}

impl BenchDevice {
    /// Stamps with this clock.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock }
    }
}

impl Device for BenchDevice {
    fn read_registers(
        &self,
        _table: Table,
        address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        let stamp = (self.clock.now().millis() & 0x7FFF_FFFF) as u32;
        let [a, b, c, d] = stamp.to_be_bytes();
        let (high, low) = ([a, b], [c, d]);
        let mut odd = address % 2 == 1;
        for _ in 0..quantity {
            out.extend_from_slice(if odd { &low } else { &high });
            odd = !odd;
        }
        Ok(())
    }

    fn read_bits(
        &self,
        _table: Table,
        _address: u16,
        quantity: u16,
        out: &mut Vec<u8>,
    ) -> Result<(), ExceptionCode> {
        out.resize(out.len() + usize::from(quantity).div_ceil(8), 0x55);
        Ok(())
    }
}

/// Listens on `ports` ports from `first_port` on (0: free ones), each a device that answers to every unit id.
///
/// # Errors
/// If a port cannot be bound.
pub async fn bench(
    host: IpAddr,
    first_port: u16,
    ports: u16,
    clock: Arc<dyn Clock>,
) -> io::Result<Vec<Server>> {
    let device: Arc<dyn Device> = Arc::new(BenchDevice::new(clock));
    let mut servers = Vec::with_capacity(ports.into());
    for index in 0..ports {
        let port = if first_port == 0 { 0 } else { first_port.saturating_add(index) };
        let station = Station::new(u64::from(index)).with_any(Arc::new(Unit::new(Arc::clone(&device))));
        servers.push(listen(SocketAddr::new(host, port), Framing::Tcp, station).await?);
    }
    Ok(servers)
}
