//! The network layer (6.2): from which network to which, through routers.

use super::{Error, Reader};

/// Longest address on any of BACnet's links, in bytes (6.2.2).
const MAX_ADDRESS: usize = 18;

/// A network and an address on it; without bytes it is all of the network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Network number, 1 to 65,534; 65,535 stands for all networks.
    pub network: u16,
    /// Address on it.
    pub mac: Vec<u8>,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "network {}", self.network)?;
        match self.mac.as_slice() {
            [] => Ok(()),
            [one] => write!(f, " address {one}"),
            many => {
                let bytes: Vec<String> = many.iter().map(|byte| format!("{byte:02X}")).collect();
                write!(f, " address {}", bytes.join(":"))
            }
        }
    }
}

/// A message of the network layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Npdu<'a> {
    /// Where to; `None`: this network.
    pub to: Option<Address>,
    /// Routers it may still pass, with `to`.
    pub hops: u8,
    /// Where from; `None`: this network.
    pub from: Option<Address>,
    /// Whether an answer is awaited.
    pub expects_reply: bool,
    /// 0 to 3: normal, urgent, critical, life safety.
    pub priority: u8,
    /// What routers say to each other, by its type; `None`: an APDU.
    pub network_message: Option<u8>,
    /// The APDU, or the network message.
    pub body: &'a [u8],
}

impl<'a> Npdu<'a> {
    /// An APDU on this network, or for `to`.
    pub const fn apdu(to: Option<Address>, expects_reply: bool, body: &'a [u8]) -> Self {
        Self { to, hops: 255, from: None, expects_reply, priority: 0, network_message: None, body }
    }

    /// Reads an NPDU.
    ///
    /// # Errors
    /// It has another version, reserved bits, or addresses that no link has.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != 1 {
            return Err(Error::Unexpected("the network layer has version 1"));
        }
        let control = reader.u8()?;
        if control & 0x50 != 0 {
            return Err(Error::Unexpected("reserved bits of the network layer are set"));
        }
        let to = if control & 0x20 != 0 { Some(address(&mut reader)?) } else { None };
        let from = if control & 0x08 != 0 { Some(address(&mut reader)?) } else { None };
        if from.as_ref().is_some_and(|from| from.mac.is_empty() || from.network == u16::MAX) {
            return Err(Error::Unexpected("a message comes from one device"));
        }
        let hops = if to.is_some() { reader.u8()? } else { 255 };
        let network_message = if control & 0x80 != 0 { Some(reader.u8()?) } else { None };
        Ok(Self {
            to,
            hops,
            from,
            expects_reply: control & 0x04 != 0,
            priority: control & 3,
            network_message,
            body: reader.all(),
        })
    }

    /// Writes the NPDU.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let flag = |on: bool, bit: u8| if on { bit } else { 0 };
        let control = flag(self.network_message.is_some(), 0x80)
            | flag(self.to.is_some(), 0x20)
            | flag(self.from.is_some(), 0x08)
            | flag(self.expects_reply, 0x04)
            | self.priority & 3;
        out.extend([1, control]);
        for address in [&self.to, &self.from].into_iter().flatten() {
            out.extend(address.network.to_be_bytes());
            let mac = address.mac.get(..address.mac.len().min(MAX_ADDRESS)).unwrap_or_default();
            out.push(mac.len() as u8);
            out.extend(mac);
        }
        if self.to.is_some() {
            out.push(self.hops);
        }
        out.extend(self.network_message);
        out.extend(self.body);
    }
}

fn address(reader: &mut Reader<'_>) -> Result<Address, Error> {
    let network = reader.u16()?;
    let length = usize::from(reader.u8()?);
    if network == 0 || length > MAX_ADDRESS {
        return Err(Error::Unexpected("no network has this address"));
    }
    Ok(Address { network, mac: reader.take(length)?.to_vec() })
}
