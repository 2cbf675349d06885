//! The common packet format: an address item and a data item (Volume 2, 2-6).

use super::encapsulation::{Command, Header};
use super::reader::{Reader, fill16, put16, put32};
use super::{Error, Limits};

/// Item types (Volume 2, table 2-6.3).
pub mod item {
    /// No address: an unconnected message.
    pub const NULL: u16 = 0x0000;
    /// An identity, in the answer to ListIdentity.
    pub const IDENTITY: u16 = 0x000C;
    /// The connection a message belongs to.
    pub const CONNECTION: u16 = 0x00A1;
    /// Data of a connection.
    pub const CONNECTED: u16 = 0x00B1;
    /// An unconnected message.
    pub const UNCONNECTED: u16 = 0x00B2;
    /// Services, in the answer to ListServices.
    pub const SERVICES: u16 = 0x0100;
    /// Socket address, originator to target.
    pub const SOCKET_TO_TARGET: u16 = 0x8000;
    /// Socket address, target to originator.
    pub const SOCKET_TO_ORIGINATOR: u16 = 0x8001;
    /// Address of I/O data on UDP: connection and sequence.
    pub const SEQUENCED: u16 = 0x8002;
}

/// One item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// Its type.
    pub code: u16,
    /// Its data.
    pub data: &'a [u8],
}

/// Reads a counted list of items that takes all of `bytes`.
///
/// # Errors
/// Lengths or a count that do not fit.
pub fn items<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Vec<Item<'a>>, Error> {
    let mut r = Reader::new(bytes);
    let count = usize::from(r.u16()?);
    if count > limits.items {
        return Err(Error::Quantity { what: "items", got: count, min: 0, max: limits.items });
    }
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        let (code, length) = (r.u16()?, r.u16()?);
        items.push(Item { code, data: r.take(usize::from(length))? });
    }
    r.finish()?;
    Ok(items)
}

/// Appends one item of which `emit` appends the data.
pub fn emit_item(code: u16, out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    put16(out, code);
    let at = out.len();
    put16(out, 0);
    emit(out);
    let length = out.len().saturating_sub(at + 2);
    fill16(out, at, length);
}

/// A CIP message in its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Null address and unconnected data.
    Unconnected {
        /// The message.
        message: &'a [u8],
    },
    /// Of a connection of class 3.
    Connected {
        /// The connection, as its receiver named it.
        connection: u32,
        /// Counts messages of the connection; a reply repeats its request's.
        sequence: u16,
        /// The message.
        message: &'a [u8],
    },
}

impl<'a> Packet<'a> {
    /// Reads what follows the header of SendRRData or SendUnitData.
    ///
    /// # Errors
    /// Items that are not an address and the data that belongs to it; other items may follow.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let interface = r.u32()?;
        if interface != 0 {
            return Err(Error::Value { field: "interface handle", got: interface });
        }
        r.u16()?;
        let items = items(r.all(), limits)?;
        let mut items = items.into_iter();
        let address = items.next().ok_or(Error::MissingItem(item::NULL))?;
        let data = items.next().ok_or(Error::MissingItem(item::UNCONNECTED))?;
        match (address.code, data.code) {
            (item::NULL, item::UNCONNECTED) => Ok(Self::Unconnected { message: data.data }),
            (item::CONNECTION, item::CONNECTED) => {
                let mut r = Reader::new(address.data);
                let connection = r.u32()?;
                r.finish()?;
                let mut r = Reader::new(data.data);
                Ok(Self::Connected { connection, sequence: r.u16()?, message: r.all() })
            }
            (item::NULL, _) => Err(Error::MissingItem(item::UNCONNECTED)),
            (item::CONNECTION, _) => Err(Error::MissingItem(item::CONNECTED)),
            (code, _) => Err(Error::Value { field: "address item", got: code.into() }),
        }
    }
}

/// Appends a frame with an unconnected message that `emit` appends.
pub fn emit_unconnected(header: &Header, timeout_s: u16, out: &mut Vec<u8>, emit: impl FnOnce(&mut Vec<u8>)) {
    let header = Header { command: Command::SendRrData, ..*header };
    header.emit_with(out, |out| {
        put32(out, 0);
        put16(out, timeout_s);
        put16(out, 2);
        emit_item(item::NULL, out, |_| {});
        emit_item(item::UNCONNECTED, out, emit);
    });
}

/// Appends a frame with a message of a connection that `emit` appends.
pub fn emit_connected(
    header: &Header,
    connection: u32,
    sequence: u16,
    out: &mut Vec<u8>,
    emit: impl FnOnce(&mut Vec<u8>),
) {
    let header = Header { command: Command::SendUnitData, ..*header };
    header.emit_with(out, |out| {
        put32(out, 0);
        put16(out, 0);
        put16(out, 2);
        emit_item(item::CONNECTION, out, |out| put32(out, connection));
        emit_item(item::CONNECTED, out, |out| {
            put16(out, sequence);
            emit(out);
        });
    });
}
