//! What this machine knows without asking: the addresses it has talked to, and their hardware addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

/// The kernel's table of neighbours (proc(5), `/proc/net/arp`).
const TABLE: &str = "/proc/net/arp";
/// Most lines that are read of it.
const MOST: usize = 8_192;

/// Address to hardware address, e.g. `00:80:f4:01:02:03`.
pub type Neighbours = BTreeMap<IpAddr, String>;

/// The neighbours now; empty where the kernel has no such table. Sends nothing.
pub fn neighbours() -> Neighbours {
    std::fs::read_to_string(Path::new(TABLE)).map(|text| parse(&text)).unwrap_or_default()
}

/// Columns: address, type, flags (0x2: complete), hardware address, mask, interface.
fn parse(text: &str) -> Neighbours {
    let line = |line: &str| {
        let mut columns = line.split_ascii_whitespace();
        let address: IpAddr = columns.next()?.parse().ok()?;
        let flags = columns.nth(1)?.strip_prefix("0x")?.to_owned();
        let complete = u32::from_str_radix(&flags, 16).ok()? & 2 != 0;
        let hardware = columns.next().filter(|hardware| complete && *hardware != "00:00:00:00:00:00")?;
        Some((address, hardware.to_ascii_lowercase()))
    };
    text.lines().skip(1).take(MOST).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_count() {
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
                    10.20.1.11       0x1         0x2         00:80:F4:01:02:03     *        eth0\n\
                    10.20.1.12       0x1         0x0         00:00:00:00:00:00     *        eth0\n\
                    nonsense\n";
        let found = parse(text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[&"10.20.1.11".parse::<IpAddr>().unwrap()], "00:80:f4:01:02:03");
    }
}
