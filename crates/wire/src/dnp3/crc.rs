//! The checksum of the link layer (clause 9.2.3, annex E).

const TABLE: [u16; 256] = table();

const fn table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u16;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 != 0 { value >> 1 ^ 0xA6BC } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// Of these bytes, as it stands behind them, low byte first.
#[must_use]
pub fn crc(bytes: &[u8]) -> u16 {
    let step = |value: u16, byte: &u8| {
        let index = usize::from((value ^ u16::from(*byte)) & 0xFF);
        value >> 8 ^ TABLE.get(index).copied().unwrap_or_default()
    };
    !bytes.iter().fold(0, step)
}

#[cfg(test)]
mod tests {
    #[test]
    fn of_a_frame_from_a_plant() {
        // A header as real masters send it.
        assert_eq!(super::crc(&[0x05, 0x64, 0x19, 0xC4, 0x0A, 0x00, 0x01, 0x00]).to_le_bytes(), [0xDA, 0x8F]);
        assert_eq!(super::crc(b"123456789"), 0xEA82);
    }
}
