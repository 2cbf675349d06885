//! Which addresses are meant: ranges as people write them.

use crate::south::tags::Wrong;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Most addresses of one scan (a /20).
pub const MOST_ADDRESSES: usize = 4_096;
/// Most entries in a list of targets or exclusions.
pub(super) const MOST_TARGETS: usize = 64;

/// One entry of a list of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// IPv4 addresses, both ends included.
    Range(Ipv4Addr, Ipv4Addr),
    /// One address.
    Address(IpAddr),
    /// A name to be looked up.
    Name(String),
    /// The addresses that this machine has talked to lately.
    Neighbours,
}

const FORMS: &str =
    "write 10.20.1.0/24, 10.20.1.10-10.20.1.40, 10.20.1.10-40, 10.20.1.11, a host name, or neighbours";

/// Reads one entry.
pub(super) fn parse(text: &str) -> Result<Target, Wrong> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("neighbours") {
        return Ok(Target::Neighbours);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return single(address, text);
    }
    if let Some((base, bits)) = text.split_once('/') {
        return network(text, base, bits);
    }
    if let Some((first, last)) = text.split_once('-')
        && let Ok(first) = first.trim().parse::<Ipv4Addr>()
    {
        return range(text, first, last.trim());
    }
    let is_name = !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && text.bytes().any(|b| b.is_ascii_alphabetic());
    if is_name {
        Ok(Target::Name(text.to_owned()))
    } else {
        Err(Wrong::new(format!("`{text}` is no address"), FORMS))
    }
}

fn single(address: IpAddr, text: &str) -> Result<Target, Wrong> {
    if is_one_host(address) {
        Ok(Target::Address(address))
    } else {
        Err(Wrong::new(format!("`{text}` is not the address of one device"), FORMS))
    }
}

fn network(text: &str, base: &str, bits: &str) -> Result<Target, Wrong> {
    let wrong = || Wrong::new(format!("`{text}` is no IPv4 network"), FORMS);
    let base: Ipv4Addr = base.trim().parse().map_err(|_| wrong())?;
    let bits: u32 = bits.trim().parse().ok().filter(|bits| *bits <= 32).ok_or_else(wrong)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    let (first, last) = (u32::from(base) & mask, u32::from(base) | !mask);
    // The first address names the network, the last one is everybody (RFC 919); not so in /31 and /32 (RFC 3021).
    let (first, last) =
        if bits < 31 { (first.saturating_add(1), last.saturating_sub(1)) } else { (first, last) };
    Ok(Target::Range(first.into(), last.into()))
}

fn range(text: &str, first: Ipv4Addr, last: &str) -> Result<Target, Wrong> {
    let [a, b, c, _] = first.octets();
    let last = match last.parse::<Ipv4Addr>() {
        Ok(last) => last,
        Err(_) => match last.parse::<u8>() {
            Ok(d) => Ipv4Addr::new(a, b, c, d),
            Err(_) => return Err(Wrong::new(format!("`{text}` is no range of addresses"), FORMS)),
        },
    };
    if last < first {
        return Err(Wrong::new(format!("`{text}` ends before it begins"), "write the lower address first"));
    }
    Ok(Target::Range(first, last))
}

/// Whether packets to it go to one device.
pub(super) fn is_one_host(address: IpAddr) -> bool {
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    !(address.is_multicast() || address.is_unspecified() || broadcast)
}

/// Adds the addresses of a range, those that are no single device left out.
pub(super) fn add_range(into: &mut BTreeSet<IpAddr>, first: Ipv4Addr, last: Ipv4Addr) -> Result<(), Wrong> {
    let count = u32::from(last).saturating_sub(u32::from(first)).saturating_add(1);
    if usize::try_from(count).unwrap_or(usize::MAX) > MOST_ADDRESSES {
        return Err(too_many());
    }
    into.extend(
        (u32::from(first)..=u32::from(last))
            .map(|n| IpAddr::from(Ipv4Addr::from(n)))
            .filter(|a| is_one_host(*a)),
    );
    if into.len() > MOST_ADDRESSES { Err(too_many()) } else { Ok(()) }
}

fn too_many() -> Wrong {
    Wrong::new(
        format!("that is more than {MOST_ADDRESSES} addresses"),
        "ask a smaller range; several small ones, one after the other, disturb nobody",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<String> {
        let mut set = BTreeSet::new();
        match parse(text).unwrap() {
            Target::Range(first, last) => add_range(&mut set, first, last).unwrap(),
            Target::Address(address) => drop(set.insert(address)),
            other => panic!("{other:?}"),
        }
        set.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ranges_as_people_write_them() {
        assert_eq!(addresses("10.20.1.11"), ["10.20.1.11"]);
        assert_eq!(addresses("10.20.1.0/30"), ["10.20.1.1", "10.20.1.2"]);
        assert_eq!(addresses("10.20.1.7/31"), ["10.20.1.6", "10.20.1.7"]);
        assert_eq!(addresses("10.20.1.7/32"), ["10.20.1.7"]);
        assert_eq!(addresses("10.20.1.9 - 11"), ["10.20.1.9", "10.20.1.10", "10.20.1.11"]);
        assert_eq!(addresses("10.20.1.255-10.20.2.0"), ["10.20.1.255", "10.20.2.0"]);
        assert_eq!(addresses("10.20.1.77/24").len(), 254);
        assert_eq!(addresses("fd00::1"), ["fd00::1"]);
        assert_eq!(parse("Neighbours"), Ok(Target::Neighbours));
        assert_eq!(parse("plc-1.local"), Ok(Target::Name("plc-1.local".into())));
    }

    #[test]
    fn refusals_say_what_to_write() {
        for text in [
            "",
            "10.20.1",
            "10.20.1.0/33",
            "10.20.1.9-8",
            "10.20.1.9-x",
            "fd00::/64",
            "224.0.0.1",
            "255.255.255.255",
            "0.0.0.0",
            "a b",
            "300.1.1.1",
        ] {
            let wrong = parse(text).unwrap_err();
            assert!(!wrong.message.is_empty() && !wrong.help.is_empty(), "{text}");
        }
        let mut set = BTreeSet::new();
        let Ok(Target::Range(first, last)) = parse("10.0.0.0/8") else { panic!() };
        assert!(add_range(&mut set, first, last).unwrap_err().message.contains("4096"));
        assert!(set.is_empty());
    }
}
