//! The same traffic in another plant: other addresses, another time, other pieces, on a VLAN, in another order. What a
//! detection finds must not depend on any of these.

/// How a capture is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutation {
    /// Exclusive or with the last two bytes of each IPv4 address, and the last byte of each hardware address.
    pub addresses: [u8; 2],
    /// Added to each time, in nanoseconds.
    pub shift_ns: i64,
    /// Time passes so many hundredths as fast.
    pub pace: i64,
    /// Puts each frame on this VLAN.
    pub vlan: Option<u16>,
    /// Cuts the data of every so many-th TCP segment into two.
    pub cut: usize,
    /// Swaps every so many-th frame with the next, if they belong to different conversations.
    pub swap: usize,
}

/// As it was captured.
pub const NONE: Mutation =
    Mutation { addresses: [0, 0], shift_ns: 0, pace: 100, vlan: None, cut: 0, swap: 0 };

const DAY_NS: i64 = 86_400_000_000_000;

/// Six others.
pub const OTHERS: [Mutation; 6] = [
    Mutation { addresses: [0x15, 0x2A], ..NONE },
    Mutation { shift_ns: 1_234 * DAY_NS + 5_678_901_234, pace: 120, ..NONE },
    Mutation { vlan: Some(77), ..NONE },
    Mutation { cut: 3, ..NONE },
    Mutation { swap: 5, ..NONE },
    Mutation { addresses: [0x6B, 0x05], shift_ns: -321 * DAY_NS, pace: 80, vlan: Some(9), cut: 5, swap: 7 },
];

impl Mutation {
    /// When something happens now.
    pub fn time(&self, time_ns: i64) -> i64 {
        // All captures began after this.
        const START_NS: i64 = 1_300_000_000_000_000_000;
        START_NS + (time_ns - START_NS) / 100 * self.pace + self.shift_ns
    }

    fn address(&self, octets: &mut [u8]) {
        // Groups and broadcasts stay what they are.
        if octets[0] < 224 && octets[3] != 255 && octets[..] != [0; 4] {
            octets[2] ^= self.addresses[0];
            octets[3] ^= self.addresses[1];
        }
    }

    fn card(&self, octets: &mut [u8]) {
        if octets[0] & 1 == 0 && octets[..] != [0; 6] {
            octets[5] ^= self.addresses[1];
        }
    }

    /// What a host with this name in the changed capture is called in the other one.
    pub fn name(&self, id: &str) -> String {
        if let Some(group) = id.strip_suffix(" (everybody)") {
            return format!("{} (everybody)", self.name(group));
        }
        if let Ok(std::net::IpAddr::V4(ip)) = id.parse() {
            let mut octets = ip.octets();
            self.address(&mut octets);
            return std::net::Ipv4Addr::from(octets).to_string();
        }
        let octets: Result<Vec<u8>, _> = id.split(':').map(|octet| u8::from_str_radix(octet, 16)).collect();
        match octets {
            Ok(mut octets) if octets.len() == 6 => {
                self.card(&mut octets);
                octets.iter().map(|octet| format!("{octet:02x}")).collect::<Vec<_>>().join(":")
            }
            _ => id.to_owned(),
        }
    }

    /// One frame of Ethernet, as one or two others.
    fn frame(&self, number: usize, frame: &[u8]) -> Vec<Vec<u8>> {
        let mut out = frame.to_vec();
        self.card(&mut out[..6]);
        self.card(&mut out[6..12]);
        match (out[12], out[13]) {
            (8, 0) if out.len() >= 34 => {
                self.address(&mut out[26..30]);
                self.address(&mut out[30..34]);
            }
            (8, 6) if out.len() >= 42 => {
                self.card(&mut out[22..28]);
                self.address(&mut out[28..32]);
                self.card(&mut out[32..38]);
                self.address(&mut out[38..42]);
            }
            _ => {}
        }
        let mut all = match self.cut {
            0 => vec![out],
            every if number.is_multiple_of(every) => cut(out),
            _ => vec![out],
        };
        if let Some(vlan) = self.vlan {
            let [high, low] = vlan.to_be_bytes();
            all.iter_mut().for_each(|frame| drop(frame.splice(12..12, [0x81, 0, high, low])));
        }
        all
    }

    /// A whole capture of Ethernet, frame by frame.
    pub fn capture(&self, frames: impl Iterator<Item = (i64, Vec<u8>)>, mut each: impl FnMut(i64, &[u8])) {
        let mut held: Option<(i64, Vec<u8>)> = None;
        for (number, (time_ns, frame)) in frames.enumerate() {
            let time_ns = self.time(time_ns);
            if frame.len() < 14 {
                continue;
            }
            for frame in self.frame(number, &frame) {
                let Some((held_ns, before)) = held.replace((time_ns, frame)) else { continue };
                let swaps = self.swap > 0 && number % self.swap == 0;
                let (now_ns, now) = held.as_mut().unwrap();
                let apart = swaps && before.get(26..38) != now.get(26..38);
                if apart && *now_ns - held_ns < 2_000_000 && is_other_pair(&before, now) {
                    // The later one first, at the time of the earlier one.
                    each(held_ns, now);
                    held = Some((*now_ns, before));
                } else {
                    each(held_ns, &before);
                }
            }
        }
        if let Some((time_ns, frame)) = held {
            each(time_ns, &frame);
        }
    }
}

/// Whether two frames are not of one conversation: what one says can be the answer to the other.
fn is_other_pair(a: &[u8], b: &[u8]) -> bool {
    let mut ends = [&a[..6], &a[6..12]];
    let mut others = [&b[..6], &b[6..12]];
    ends.sort_unstable();
    others.sort_unstable();
    ends != others
}

/// The data of a TCP segment as two segments.
fn cut(frame: Vec<u8>) -> Vec<Vec<u8>> {
    let header = 14 + usize::from(frame[14] & 15) * 4;
    if frame[12..14] != [8, 0] || frame.len() < header + 20 || frame[23] != 6 {
        return vec![frame];
    }
    let total = 14 + usize::from(u16::from_be_bytes([frame[16], frame[17]]));
    let data = header + usize::from(frame[header + 12] >> 4) * 4;
    if total > frame.len() || total < data + 2 {
        return vec![frame];
    }
    let half = (total - data) / 2;
    let piece = |from: usize, to: usize| {
        let mut out = [&frame[..data], &frame[data + from..data + to]].concat();
        let length = u16::try_from(out.len() - 14).unwrap().to_be_bytes();
        out[16..18].copy_from_slice(&length);
        let sequence = u32::from_be_bytes(frame[header + 4..header + 8].try_into().unwrap());
        let sequence = sequence.wrapping_add(u32::try_from(from).unwrap());
        out[header + 4..header + 8].copy_from_slice(&sequence.to_be_bytes());
        // A connection ends with its last byte.
        if to < total - data {
            out[header + 13] &= !1;
        }
        out
    };
    vec![piece(0, half), piece(half, total - data)]
}
