//! PROFINET: discovery and basic configuration (DCP) on Ethernet, to look at (IEC 61158-6-10, clause 4.3).
//!
//! ```text
//!   │ frame id 2 │ service │ type │ transaction 4 │ delay 2 │ length 2 │ blocks: option │ suboption │ length 2 │ data ...
//! ```
//!
//! Whoever can send Ethernet frames can rename a device, change its address or reset it: DCP knows no password.

pub mod cyclic;
pub mod identify;

/// Frame ids of DCP: hello, get and set, identify request, identify response.
const FRAME_IDS: [u16; 4] = [0xFEFC, 0xFEFD, 0xFEFE, 0xFEFF];
/// Most blocks that are looked at.
const MAX_BLOCKS: usize = 64;

/// What a DCP message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Service {
    /// Reads parameters.
    Get,
    /// Changes parameters: name, address, factory state.
    Set,
    /// Asks who is there.
    Identify,
    /// A device says that it is there.
    Hello,
}

/// A look at a DCP message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DcpView<'a> {
    /// What it does.
    pub service: Service,
    /// Whether it answers.
    pub is_response: bool,
    blocks: &'a [u8],
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Option: 1 address, 2 device, 3 DHCP, 5 control.
    pub option: u8,
    /// What of it.
    pub suboption: u8,
    /// Behind qualifier or info, where it has one.
    pub data: &'a [u8],
}

impl<'a> DcpView<'a> {
    /// Looks at the payload of a PROFINET frame; `None` if it is no DCP.
    #[must_use]
    pub fn new(payload: &'a [u8]) -> Option<Self> {
        let [f0, f1, service, kind, _, _, _, _, _, _, l0, l1, rest @ ..] = payload else { return None };
        FRAME_IDS.contains(&u16::from_be_bytes([*f0, *f1])).then_some(())?;
        let service = match service {
            3 => Service::Get,
            4 => Service::Set,
            5 => Service::Identify,
            6 => Service::Hello,
            _ => return None,
        };
        let length = usize::from(u16::from_be_bytes([*l0, *l1]));
        Some(Self { service, is_response: kind & 1 != 0, blocks: rest.get(..length).unwrap_or(rest) })
    }

    /// Its blocks, up to the first that does not fit.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let mut rest = self.blocks;
        // Requests to get and to identify have bare data, all others two bytes of qualifier or info in front.
        let skip = match (self.service, self.is_response) {
            (Service::Get | Service::Identify, false) => 0,
            _ => 2,
        };
        std::iter::from_fn(move || {
            let [option, suboption, l0, l1, tail @ ..] = rest else { return None };
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            let data = tail.get(..length)?;
            rest = tail.get(length.next_multiple_of(2)..).unwrap_or_default();
            Some(Block { option: *option, suboption: *suboption, data: data.get(skip..).unwrap_or_default() })
        })
        .take(MAX_BLOCKS)
    }
}

impl Block<'_> {
    /// What it is about, in words.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match (self.option, self.suboption) {
            (1, 1) => "hardware address",
            (1, 2) => "IP address",
            (1, 3) => "IP address and name servers",
            (2, 1) => "kind of station",
            (2, 2) => "name of station",
            (2, 3) => "device id",
            (2, 4) => "role",
            (2, 5) => "options",
            (3, _) => "DHCP",
            (5, 1) => "start of transaction",
            (5, 2) => "end of transaction",
            (5, 3) => "flash",
            (5, 4) => "response",
            (5, 5) => "factory reset",
            (5, 6) => "reset to factory",
            (0xFF, 0xFF) => "all",
            _ => "other parameter",
        }
    }
}

impl std::fmt::Display for DcpView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.service, self.is_response) {
            (Service::Get, false) => "Get",
            (Service::Set, false) => "Set",
            (Service::Identify, false) => "Identify",
            (Service::Hello, _) => "Hello",
            (_, true) => "Answer",
        })?;
        for (index, block) in self.blocks().take(4).enumerate() {
            write!(f, "{} {}", if index == 0 { ":" } else { "," }, block.name())?;
            match (block.option, block.suboption, block.data) {
                (1, 2, [a, b, c, d, ..]) => write!(f, " {a}.{b}.{c}.{d}")?,
                (2, 2, name) => write!(f, " {}", String::from_utf8_lossy(name).escape_debug())?,
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_for_a_person() {
        let set = [
            0xFE, 0xFD, 4, 0, 0, 0, 0, 1, 0, 0, 0, 18, 1, 2, 0, 14, 0, 1, 192, 168, 0, 10, 255, 255, 255, 0,
            0, 0, 0, 0,
        ];
        let view = DcpView::new(&set).unwrap();
        assert_eq!(view.to_string(), "Set: IP address 192.168.0.10");
        let ident = [0xFE, 0xFE, 5, 0, 0, 0, 0, 1, 0, 1, 0, 4, 0xFF, 0xFF, 0, 0];
        assert_eq!(DcpView::new(&ident).unwrap().to_string(), "Identify: all");
        let hello = [0xFE, 0xFF, 5, 1, 0, 0, 0, 1, 0, 0, 0, 9, 2, 2, 0, 5, 0, 0, b'a', b'b', b'c'];
        let block = DcpView::new(&hello).unwrap().blocks().next().unwrap();
        assert_eq!((block.option, block.data), (2, &b"abc"[..]));
        for end in 0..hello.len() {
            let _ = DcpView::new(&hello[..end]).map(|view| view.blocks().count());
        }
        assert_eq!(DcpView::new(&[0x80, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
