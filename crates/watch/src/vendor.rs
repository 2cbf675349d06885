//! Who made a network card.

use std::sync::OnceLock;
use wire::net::Mac;

/// Organisations and their prefixes.
const TABLE: &str = include_str!("../data/oui.tsv");

/// Prefixes with their length in bits, sorted, and where the line of their organisation begins.
fn index() -> &'static [(u64, u32)] {
    static INDEX: OnceLock<Vec<(u64, u32)>> = OnceLock::new();
    INDEX.get_or_init(|| {
        let mut index = Vec::with_capacity(54_000);
        let mut at = 0u32;
        for line in TABLE.split_inclusive('\n') {
            let prefixes = line.split_once('\t').map_or("", |(_, prefixes)| prefixes.trim_end());
            for prefix in prefixes.split(' ').filter(|_| !line.starts_with('#')) {
                index
                    .extend(u64::from_str_radix(prefix, 16).ok().map(|value| (key(value, prefix.len()), at)));
            }
            at = at.saturating_add(u32::try_from(line.len()).unwrap_or(u32::MAX));
        }
        index.sort_unstable();
        index
    })
}

/// Digits of a prefix and their number in one value.
const fn key(value: u64, digits: usize) -> u64 {
    value << 8 | digits as u64
}

/// The organisation to which the address was given; `None` for addresses that somebody chose, and unknown ones.
#[must_use]
pub fn vendor(mac: Mac) -> Option<&'static str> {
    if mac.is_local() || mac.is_group() {
        return None;
    }
    let value = mac.0.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    let index = index();
    // The longest prefix is the most exact: parts of one block belong to several organisations.
    let at = [(9, 12), (7, 20), (6, 24)].into_iter().find_map(|(digits, shift)| {
        let wanted = key(value >> shift, digits);
        let at = index.binary_search_by_key(&wanted, |entry| entry.0).ok()?;
        index.get(at).map(|entry| entry.1 as usize)
    })?;
    TABLE.get(at..)?.split_once('\t').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makers_of_the_plant() {
        assert_eq!(vendor(Mac([0x00, 0x00, 0xBC, 1, 2, 3])), Some("Rockwell Automation"));
        assert_eq!(vendor(Mac([0x00, 0x1B, 0x1B, 1, 2, 3])), Some("Siemens AG"));
        assert_eq!(vendor(Mac([0x00, 0xA0, 0x45, 1, 2, 3])), Some("Phoenix Contact GmbH & Co. KG"));
        assert_eq!(vendor(Mac([0x02, 0xA0, 0x45, 1, 2, 3])), None);
        assert_eq!(vendor(Mac::BROADCAST), None);
        assert!(index().len() > 50_000);
    }
}
