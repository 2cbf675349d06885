//! The connection manager: opening, closing, and messages through a route (3-5.5).

use super::reader::{Reader, put16, put32};
use super::{Error, Limits, Path};

/// One direction of a connection (3-5.5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Direction {
    /// Requested packet interval in microseconds.
    pub interval_us: u32,
    /// Largest packet in bytes, sequence count included: at most 511, in a large open 65,535.
    pub size: u16,
    /// Bits 9 to 15 of the network connection parameters: redundant owner, type, priority, fixed or variable.
    pub flags: u16,
}

/// Point to point, low priority, variable size.
pub const EXPLICIT: u16 = 0x4200;
/// Transport class 3, server, application triggered (3-4.4.3).
pub const CLASS_3: u8 = 0xA3;
/// Largest size of an ordinary Forward Open.
pub const SMALL_MAX: u16 = 511;

/// What names a connection on both sides (3-5.5.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Triad {
    /// Serial number of the connection, chosen by the originator.
    pub connection: u16,
    /// Vendor id of the originator.
    pub vendor: u16,
    /// Serial number of the originator.
    pub originator: u32,
}

impl Triad {
    pub(super) fn emit(&self, out: &mut Vec<u8>) {
        put16(out, self.connection);
        put16(out, self.vendor);
        put32(out, self.originator);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { connection: r.u16()?, vendor: r.u16()?, originator: r.u32()? })
    }
}

/// How long a router waits (3-5.5.1.2): 2^`tick` ms times `ticks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Priority and time tick, as they stand there.
    pub tick: u8,
    /// Ticks.
    pub ticks: u8,
}

impl Patience {
    /// At least this many milliseconds, in ticks of 128 ms; at most 32 s.
    #[must_use]
    pub fn millis(millis: u64) -> Self {
        Self { tick: 0x07, ticks: u8::try_from(millis.div_ceil(128).max(1)).unwrap_or(u8::MAX) }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self { tick: r.u8()?, ticks: r.u8()? })
    }
}

/// Forward Open and Large Forward Open (3-5.5.2, 3-5.5.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardOpen {
    /// Whether sizes have 16 bits.
    pub large: bool,
    /// Time-out of the request.
    pub patience: Patience,
    /// Id of the direction to the target; the target chooses its own for point to point.
    pub to_target_id: u32,
    /// Id of the direction to the originator.
    pub to_originator_id: u32,
    /// Names the connection.
    pub triad: Triad,
    /// Time-out multiplier: 4 << this, at most 7.
    pub multiplier: u8,
    /// To the target.
    pub to_target: Direction,
    /// To the originator.
    pub to_originator: Direction,
    /// Transport class and trigger.
    pub transport: u8,
    /// Route and application path.
    pub path: Path,
}

impl ForwardOpen {
    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.patience.tick, self.patience.ticks]);
        put32(out, self.to_target_id);
        put32(out, self.to_originator_id);
        self.triad.emit(out);
        out.extend_from_slice(&[self.multiplier, 0, 0, 0]);
        for direction in [self.to_target, self.to_originator] {
            put32(out, direction.interval_us);
            if self.large {
                put32(out, u32::from(direction.size) | u32::from(direction.flags) << 16);
            } else {
                put16(out, direction.size.min(SMALL_MAX) | direction.flags & 0xFE00);
            }
        }
        out.push(self.transport);
        self.path.emit_sized(out)
    }

    pub(super) fn read(large: bool, r: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let patience = Patience::read(r)?;
        let (to_target_id, to_originator_id) = (r.u32()?, r.u32()?);
        let triad = Triad::read(r)?;
        let multiplier = r.u8()?;
        if multiplier > 7 {
            return Err(Error::Value { field: "time-out multiplier", got: multiplier.into() });
        }
        r.take(3)?;
        let direction = |r: &mut Reader<'_>| -> Result<Direction, Error> {
            let interval_us = r.u32()?;
            let (size, flags) = if large {
                let word = r.u32()?;
                ((word & 0xFFFF) as u16, (word >> 16) as u16)
            } else {
                let word = r.u16()?;
                (word & SMALL_MAX, word & 0xFE00)
            };
            Ok(Direction { interval_us, size, flags })
        };
        let (to_target, to_originator) = (direction(r)?, direction(r)?);
        let transport = r.u8()?;
        let path = Path::read_sized(r, limits)?;
        Ok(Self {
            large,
            patience,
            to_target_id,
            to_originator_id,
            triad,
            multiplier,
            to_target,
            to_originator,
            transport,
            path,
        })
    }
}

/// What the target answers to an open (table 3-5.19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Id to be used towards the target.
    pub to_target_id: u32,
    /// Id the target uses towards the originator.
    pub to_originator_id: u32,
    /// Names the connection.
    pub triad: Triad,
    /// Actual packet interval to the target, in microseconds.
    pub to_target_us: u32,
    /// Actual packet interval to the originator, in microseconds.
    pub to_originator_us: u32,
}

impl Opened {
    /// Appends it, without application data.
    pub fn emit(&self, out: &mut Vec<u8>) {
        put32(out, self.to_target_id);
        put32(out, self.to_originator_id);
        self.triad.emit(out);
        put32(out, self.to_target_us);
        put32(out, self.to_originator_us);
        out.extend_from_slice(&[0, 0]);
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let opened = Self {
            to_target_id: r.u32()?,
            to_originator_id: r.u32()?,
            triad: Triad::read(r)?,
            to_target_us: r.u32()?,
            to_originator_us: r.u32()?,
        };
        application_data(r)?;
        Ok(opened)
    }
}

fn application_data(r: &mut Reader<'_>) -> Result<(), Error> {
    let words = usize::from(r.u8()?);
    r.u8()?;
    r.take(words * 2)?;
    Ok(())
}

/// Forward Close (3-5.5.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardClose {
    /// Time-out of the request.
    pub patience: Patience,
    /// Names the connection.
    pub triad: Triad,
    /// The path of its open.
    pub path: Path,
}

impl ForwardClose {
    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.patience.tick, self.patience.ticks]);
        self.triad.emit(out);
        emit_padded(&self.path, out)
    }

    pub(super) fn read(r: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let (patience, triad) = (Patience::read(r)?, Triad::read(r)?);
        Ok(Self { patience, triad, path: read_padded(r, limits)? })
    }
}

/// Appends the answer to a close.
pub fn emit_closed(triad: &Triad, out: &mut Vec<u8>) {
    triad.emit(out);
    out.extend_from_slice(&[0, 0]);
}

pub(super) fn read_closed(r: &mut Reader<'_>) -> Result<Triad, Error> {
    let triad = Triad::read(r)?;
    application_data(r)?;
    Ok(triad)
}

/// A path with its length in words and a reserved byte between.
fn emit_padded(path: &Path, out: &mut Vec<u8>) -> Result<(), Error> {
    let at = out.len();
    path.emit_sized(out)?;
    out.insert(at + 1, 0);
    Ok(())
}

fn read_padded(r: &mut Reader<'_>, limits: &Limits) -> Result<Path, Error> {
    let words = usize::from(r.u8()?);
    r.u8()?;
    Path::parse(r.take(words * 2)?, limits)
}

/// Unconnected Send: a message to the end of a route (3-5.5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnconnectedSend {
    /// How long routers wait.
    pub patience: Patience,
    /// The message for the end of the route.
    pub message: Vec<u8>,
    /// Ports and link addresses.
    pub route: Path,
}

impl UnconnectedSend {
    pub(super) fn emit(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        out.extend_from_slice(&[self.patience.tick, self.patience.ticks]);
        let bytes = self.message.len();
        put16(out, u16::try_from(bytes).map_err(|_| Error::TooLong { bytes, max: 65_535 })?);
        out.extend_from_slice(&self.message);
        if bytes % 2 == 1 {
            out.push(0);
        }
        emit_padded(&self.route, out)
    }

    pub(super) fn read(r: &mut Reader<'_>, limits: &Limits) -> Result<Self, Error> {
        let patience = Patience::read(r)?;
        let length = usize::from(r.u16()?);
        let message = r.take(length)?.to_vec();
        r.take(length % 2)?;
        Ok(Self { patience, message, route: read_padded(r, limits)? })
    }
}
