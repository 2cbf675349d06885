//! System status lists ("SZL"): what a CPU tells about itself (Siemens, "System Software for S7-300/400, System and
//! Standard Functions", chapter on system status lists).

use super::be16;

/// Module identification: order number, hardware and firmware version.
pub const MODULE: u16 = 0x0011;
/// Component identification: names and serial numbers.
pub const COMPONENT: u16 = 0x001C;
/// Operating state: index 0 of list 0x0424.
pub const STATE: u16 = 0x0424;
/// Most bytes of a list that are collected.
pub const MAX_LIST: usize = 16 * 1024;

/// A whole list: header and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List<'a> {
    /// Which list.
    pub id: u16,
    /// Which part of it.
    pub index: u16,
    /// Bytes of one record, at least 1.
    pub record: u16,
    records: &'a [u8],
}

impl<'a> List<'a> {
    /// Reads a list whose parts were joined; `None` if it has no header or its records are of no length.
    #[must_use]
    pub fn parse(data: &'a [u8]) -> Option<Self> {
        let (id, index, record) = (be16(data, 0)?, be16(data, 2)?, be16(data, 4)?);
        let _count = be16(data, 6)?;
        (record > 0).then_some(())?;
        Some(Self { id, index, record, records: data.get(8..)? })
    }

    /// Its whole records.
    pub fn records(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.records.chunks_exact(self.record.max(1).into())
    }

    /// Appends a list of these records, which must all have the length `record`.
    pub fn emit<'r>(
        id: u16,
        index: u16,
        record: u16,
        records: impl ExactSizeIterator<Item = &'r [u8]>,
        out: &mut Vec<u8>,
    ) {
        let count = u16::try_from(records.len()).unwrap_or(u16::MAX);
        [id, index, record, count].into_iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
        records.for_each(|bytes| out.extend_from_slice(bytes));
    }
}

/// What [`MODULE`] and [`COMPONENT`] tell. Empty where the device says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Order number, e.g. `6ES7 315-2EH14-0AB0`.
    pub order: String,
    /// Firmware, e.g. `V3.2.6`.
    pub firmware: String,
    /// Hardware version.
    pub hardware: u16,
    /// Name of the station or automation system.
    pub system: String,
    /// Name of the module.
    pub module: String,
    /// Plant designation.
    pub plant: String,
    /// Serial number of the module.
    pub serial: String,
    /// Type of the module, e.g. `CPU 315-2 PN/DP`.
    pub kind: String,
}

/// Text that ends with the first zero, without blanks at its end; only printable Latin-1.
fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    let printable = bytes.iter().take(end).map(|b| char::from(*b)).filter(|c| !c.is_control());
    printable.collect::<String>().trim_end().to_owned()
}

impl Identity {
    /// Takes what a list tells.
    pub fn take(&mut self, list: &List<'_>) {
        for record in list.records() {
            let Some(index) = be16(record, 0) else { continue };
            let words = record.get(2..).unwrap_or_default();
            match (list.id, index) {
                (MODULE, 1) => {
                    self.order = text(words.get(..20).unwrap_or(words));
                    self.hardware = be16(record, 24).unwrap_or_default();
                }
                (MODULE, 7) => {
                    if let Some([b'V', major, minor, patch]) = record.get(24..28) {
                        self.firmware = format!("V{major}.{minor}.{patch}");
                    }
                }
                (COMPONENT, 1) => self.system = text(words),
                (COMPONENT, 2) => self.module = text(words),
                (COMPONENT, 3) => self.plant = text(words),
                (COMPONENT, 5) => self.serial = text(words),
                (COMPONENT, 7) => self.kind = text(words),
                _ => {}
            }
        }
    }
}

/// Operating state of the CPU: the low half of the third state byte of [`STATE`].
#[must_use]
pub fn state(list: &List<'_>) -> Option<u8> {
    (list.id == STATE).then_some(())?;
    list.records().next()?.get(3).map(|byte| byte & 15)
}

/// Operating states by number.
pub const STATES: [(u8, &str); 13] = [
    (1, "STOP (update)"),
    (2, "STOP (memory reset)"),
    (3, "STOP (initialisation)"),
    (4, "STOP"),
    (5, "STARTUP (cold)"),
    (6, "STARTUP (warm)"),
    (7, "STARTUP (hot)"),
    (8, "RUN"),
    (9, "RUN (redundant)"),
    (10, "HOLD"),
    (11, "LINK-UP"),
    (12, "UPDATE"),
    (13, "DEFECT"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_of_a_real_cpu() {
        let mut list = vec![0, 0x11, 0, 0, 0, 0x1C, 0, 2];
        list.extend_from_slice(&[0, 1]);
        list.extend_from_slice(b"6ES7 315-2EH14-0AB0 ");
        list.extend_from_slice(&[0, 0xC0, 0, 3, 0, 1]);
        list.extend_from_slice(&[0, 7]);
        list.extend_from_slice(&[b' '; 20]);
        list.extend_from_slice(&[0, 0xC0, b'V', 3, 2, 6]);
        let mut identity = Identity::default();
        identity.take(&List::parse(&list).unwrap());
        assert_eq!((identity.order.as_str(), identity.firmware.as_str()), ("6ES7 315-2EH14-0AB0", "V3.2.6"));
        assert_eq!(identity.hardware, 3);
    }

    #[test]
    fn state_of_a_real_cpu() {
        let list = [
            4, 0x24, 0, 0, 0, 0x14, 0, 1, 0x51, 0x44, 0xFF, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x16, 2, 8, 0x14,
            0x51, 0x37, 0x56, 0x92,
        ];
        assert_eq!(state(&List::parse(&list).unwrap()), Some(8));
        assert_eq!(List::parse(&list[..7]), None);
        assert_eq!(List::parse(&[0; 8]), None);
    }
}
