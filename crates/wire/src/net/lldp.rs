//! LLDP: what a neighbour says of itself (IEEE 802.1AB, clause 8).

/// What was said. Bytes as they stand; text is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lldp<'a> {
    /// What names the system (type 1) and the port (type 2): subtype, then its bytes. PROFINET devices put the name of
    /// the station there.
    pub chassis: Option<(u8, &'a [u8])>,
    /// The port's.
    pub port_id: Option<(u8, &'a [u8])>,
    /// Name of the system (type 5).
    pub name: Option<&'a [u8]>,
    /// What it is, often with model and firmware (type 6).
    pub description: Option<&'a [u8]>,
    /// The port that sent it (type 4 of the description of a port).
    pub port: Option<&'a [u8]>,
    /// Enabled capabilities (type 7): bit 2 bridge, bit 3 wireless access point, bit 4 router.
    pub capabilities: u16,
    /// IPv4 address of its management (type 8).
    pub management: Option<[u8; 4]>,
}

/// Looks at the TLVs of a frame; stops at the first that does not fit.
#[must_use]
pub fn read(payload: &[u8]) -> Lldp<'_> {
    let mut seen = Lldp::default();
    let mut rest = payload;
    for _ in 0..64 {
        let Some((head, tail)) = rest.split_first_chunk::<2>() else { break };
        let head = u16::from_be_bytes(*head);
        let (kind, length) = (head >> 9, usize::from(head & 0x1FF));
        let Some((value, tail)) = tail.split_at_checked(length) else { break };
        rest = tail;
        match kind {
            0 => break,
            1 => seen.chassis = value.split_first().map(|(subtype, id)| (*subtype, id)),
            2 => seen.port_id = value.split_first().map(|(subtype, id)| (*subtype, id)),
            4 => seen.port = Some(value),
            5 => seen.name = Some(value),
            6 => seen.description = Some(value),
            7 => seen.capabilities = super::be16(value, 2).unwrap_or_default(),
            8 => {
                if let [5, 1, a, b, c, d, ..] = value {
                    seen.management = Some([*a, *b, *c, *d]);
                }
            }
            _ => {}
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_capabilities() {
        let bytes =
            [2, 3, 4, 1, 2, 10, 3, b's', b'w', b'1', 14, 4, 0, 20, 0, 4, 16, 6, 5, 1, 10, 0, 0, 9, 0, 0];
        let seen = read(&bytes);
        assert_eq!((seen.chassis, seen.port_id), (Some((4, &[1, 2][..])), None));
        assert_eq!(seen.name, Some(&b"sw1"[..]));
        assert_eq!((seen.capabilities, seen.management), (4, Some([10, 0, 0, 9])));
        assert_eq!(read(&[255]), Lldp::default());
    }
}
