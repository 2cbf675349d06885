//! Who a device is: the identity object (5-2) and the answer to ListIdentity (Volume 2, 2-4.2).

use super::packet::{self, item};
use super::reader::{Reader, put16, put32};
use super::{Error, Limits};

/// What a device says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Vendor id, given by ODVA: 1 is Rockwell Automation.
    pub vendor: u16,
    /// Device type: 14 is a programmable controller, 12 a communications adapter.
    pub device_type: u16,
    /// The vendor's product code.
    pub product: u16,
    /// Major and minor revision of the firmware.
    pub revision: (u8, u8),
    /// Status word (5-2.2.1.5).
    pub status: u16,
    /// Serial number, unique per vendor.
    pub serial: u32,
    /// Product name, at most 32 characters in the standard.
    pub name: String,
}

impl Identity {
    /// Names of vendors that are common on plant floors.
    #[must_use]
    pub const fn vendor_name(&self) -> Option<&'static str> {
        Some(match self.vendor {
            1 => "Rockwell Automation/Allen-Bradley",
            5 => "Rockwell Automation/Reliance Electric",
            40 => "WAGO",
            44 => "Turck",
            46 => "ABB",
            47 => "Omron",
            50 => "Real Time Automation",
            67 => "Pilz",
            90 => "HMS Industrial Networks",
            108 => "Beckhoff Automation",
            161 => "Mitsubishi Electric",
            243 => "Schneider Automation",
            283 => "Hilscher",
            562 => "Phoenix Contact",
            678 => "Cognex",
            _ => return None,
        })
    }

    /// Name of the device type (table 6-8.1).
    #[must_use]
    pub const fn type_name(&self) -> Option<&'static str> {
        Some(match self.device_type {
            0x02 => "AC drive",
            0x03 => "motor overload",
            0x06 => "photoelectric sensor",
            0x07 => "general purpose discrete I/O",
            0x0C => "communications adapter",
            0x0E => "programmable logic controller",
            0x10 => "position controller",
            0x13 => "DC drive",
            0x18 => "operator interface",
            0x22 => "encoder",
            0x23 => "safety discrete I/O",
            0x2C => "managed switch",
            _ => return None,
        })
    }

    fn emit_core(&self, out: &mut Vec<u8>) {
        put16(out, self.vendor);
        put16(out, self.device_type);
        put16(out, self.product);
        out.extend_from_slice(&[self.revision.0, self.revision.1]);
        put16(out, self.status);
        put32(out, self.serial);
        let name = self.name.as_bytes();
        let name = name.get(..name.len().min(255)).unwrap_or_default();
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name);
    }

    fn read_core(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (vendor, device_type, product) = (r.u16()?, r.u16()?, r.u16()?);
        let revision = (r.u8()?, r.u8()?);
        let (status, serial) = (r.u16()?, r.u32()?);
        let count = usize::from(r.u8()?);
        // What a person sees: other bytes than text are shown as such.
        let name = String::from_utf8_lossy(r.take(count)?).into_owned();
        Ok(Self { vendor, device_type, product, revision, status, serial, name })
    }

    /// Appends the answer to Get Attributes All of the identity object.
    pub fn emit_attributes(&self, out: &mut Vec<u8>) {
        self.emit_core(out);
    }

    /// Reads the answer to Get Attributes All of the identity object. Devices add attributes of their own behind.
    ///
    /// # Errors
    /// Too few bytes.
    pub fn parse_attributes(data: &[u8]) -> Result<Self, Error> {
        Self::read_core(&mut Reader::new(data))
    }

    /// Appends the payload of an answer to ListIdentity: `address` is the device's socket address, `state` that of
    /// the device.
    pub fn emit_list(&self, address: ([u8; 4], u16), state: u8, out: &mut Vec<u8>) {
        put16(out, 1);
        packet::emit_item(item::IDENTITY, out, |out| {
            put16(out, 1);
            // A socket address in network order (Volume 2, 2-6.3.3).
            out.extend_from_slice(&2u16.to_be_bytes());
            out.extend_from_slice(&address.1.to_be_bytes());
            out.extend_from_slice(&address.0);
            out.extend_from_slice(&[0; 8]);
            self.emit_core(out);
            out.push(state);
        });
    }

    /// Reads the payload of an answer to ListIdentity.
    ///
    /// # Errors
    /// No identity item, or too few bytes in it.
    pub fn parse_list(payload: &[u8], limits: &Limits) -> Result<Self, Error> {
        let items = packet::items(payload, limits)?;
        let found = items.iter().find(|found| found.code == item::IDENTITY);
        let mut r = Reader::new(found.ok_or(Error::MissingItem(item::IDENTITY))?.data);
        let version = r.u16()?;
        if version != 1 {
            return Err(Error::Value { field: "protocol version", got: version.into() });
        }
        r.take(16)?;
        Self::read_core(&mut r)
    }
}
