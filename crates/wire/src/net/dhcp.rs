//! DHCP: the names that clients give (RFC 2131, options of RFC 2132).

use super::Mac;
use std::net::Ipv4Addr;

/// What a message tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dhcp<'a> {
    /// Message type (option 53): 1 discover, 2 offer, 3 request, 5 acknowledge.
    pub kind: u8,
    /// Hardware address of the client.
    pub client: Mac,
    /// Address that the client gets or has, if it is known.
    pub address: Option<Ipv4Addr>,
    /// Host name (option 12).
    pub name: Option<&'a [u8]>,
    /// Vendor class (option 60).
    pub vendor_class: Option<&'a [u8]>,
}

/// Looks at a message; `None` if it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Dhcp<'_>> {
    let [1 | 2, 1, 6, ..] = bytes else { return None };
    (bytes.get(236..240)? == [99, 130, 83, 99]).then_some(())?;
    let address = |at: usize| {
        bytes.get(at..)?.first_chunk::<4>().filter(|octets| **octets != [0; 4]).map(|o| Ipv4Addr::from(*o))
    };
    let client = Mac(*bytes.get(28..)?.first_chunk()?);
    let mut seen = Dhcp {
        kind: 0,
        client,
        address: address(16).or_else(|| address(12)),
        name: None,
        vendor_class: None,
    };
    let mut rest = bytes.get(240..)?;
    for _ in 0..128 {
        let Some((code, tail)) = rest.split_first() else { break };
        if *code == 0 {
            rest = tail;
            continue;
        }
        let Some((length, tail)) = tail.split_first().filter(|_| *code != 255) else { break };
        let Some((value, tail)) = tail.split_at_checked(usize::from(*length)) else { break };
        rest = tail;
        match code {
            12 => seen.name = Some(value),
            53 => seen.kind = value.first().copied().unwrap_or_default(),
            60 => seen.vendor_class = Some(value),
            _ => {}
        }
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients() {
        let mut bytes = vec![1, 1, 6, 0];
        bytes.resize(236, 0);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        bytes.extend_from_slice(&[99, 130, 83, 99, 53, 1, 3, 12, 2, b'h', b'i', 255]);
        let seen = read(&bytes).unwrap();
        assert_eq!((seen.kind, seen.name, seen.address), (3, Some(&b"hi"[..]), None));
        for end in 0..bytes.len() {
            let _ = read(&bytes[..end]);
        }
    }
}
