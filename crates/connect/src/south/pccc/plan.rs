//! Which words to ask for: consecutive elements of one data file in one request. Pure.

use super::value::Codec;
use crate::south::planner::{self, Barriers, Item, Rules};
use std::collections::BTreeMap;
use wire::enip::pccc::{FileKind, Place};

/// Words that are read by one request, and the rows in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) at: Place,
    /// Even, 2 to 236.
    pub(super) bytes: u8,
    /// Where in its file it begins, in words.
    pub(super) first: u16,
    pub(super) rows: Vec<u32>,
}

/// Words that one request may have, and may read in vain between two rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    pub(super) max_bytes: u8,
    pub(super) max_gap: u8,
}

/// A range of elements that nothing touches; of inputs and outputs by slot, of slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excluded {
    pub(super) kind: FileKind,
    pub(super) file: u16,
    pub(super) first: u16,
    pub(super) last: u16,
}

impl Excluded {
    /// Whether an element lies in it.
    pub(super) fn holds(&self, at: &Place) -> bool {
        (self.kind, self.file) == (at.kind, at.file) && (self.first..=self.last).contains(&at.element)
    }
}

/// Its element in words of the file. Timers, floats and the like are read whole.
pub(super) fn item(codec: &Codec) -> Item {
    let address = &codec.address;
    let width = u16::from(address.place.kind.bytes()) / 2;
    let words = u16::try_from(address.offset() / 2).unwrap_or(u16::MAX);
    Item { first: words - words % width.max(1), width }
}

/// Where in its block a value begins, in bytes.
pub(super) fn within(block: &Block, codec: &Codec) -> Option<usize> {
    (codec.address.offset() as usize).checked_sub(usize::from(block.first) * 2)
}

/// The blocks that read the rows given, as few as the sizes allow.
pub(super) fn blocks<'a>(
    rows: impl IntoIterator<Item = (u32, &'a Codec)>,
    excluded: &[Excluded],
    sizes: Sizes,
) -> Vec<Block> {
    // One file, or one slot, is one table of words.
    let mut tables: BTreeMap<(Place, bool), Vec<(u32, Item)>> = BTreeMap::new();
    for (row, codec) in rows {
        let (place, slot) = (codec.address.place, codec.address.by_slot());
        let table = Place { element: if slot { place.element } else { 0 }, word: 0, ..place };
        tables.entry((table, slot)).or_default().push((row, item(codec)));
    }
    let rules = Rules { max_gap: u16::from(sizes.max_gap) / 2, max_size: u16::from(sizes.max_bytes) / 2 };
    let mut blocks = Vec::new();
    for ((table, slot), items) in tables {
        let width = u16::from(table.kind.bytes()) / 2;
        let of_file = excluded.iter().filter(|one| !slot && (one.kind, one.file) == (table.kind, table.file));
        let words = |one: &Excluded| {
            (one.first.saturating_mul(width), one.last.saturating_mul(width).saturating_add(width - 1))
        };
        let barriers = Barriers { exclude: of_file.map(words).collect(), cuts: Vec::new() };
        blocks.extend(planner::plan(items, &barriers, rules).into_iter().map(|block| {
            let at = if slot {
                Place { word: block.first, ..table }
            } else {
                Place { element: block.first / width.max(1), ..table }
            };
            let bytes = u8::try_from(block.count.saturating_mul(2)).unwrap_or(u8::MAX - 1);
            Block { at, bytes, first: block.first, rows: block.items }
        }));
    }
    blocks
}

/// A block's rows in two halves, each with a block of its own; `None` for a single row.
pub(super) fn halves<'a>(block: &Block, codec: impl Fn(u32) -> Option<&'a Codec>) -> Option<Vec<Block>> {
    let middle = block.rows.len() / 2;
    let (head, tail) = block.rows.split_at_checked(middle).filter(|(head, _)| !head.is_empty())?;
    let sizes = Sizes { max_bytes: u8::MAX - 1, max_gap: u8::MAX - 1 };
    let build = |rows: &[u32]| {
        let rows: Vec<_> = rows.iter().filter_map(|row| Some((*row, codec(*row)?))).collect();
        blocks(rows, &[], sizes)
    };
    Some([build(head), build(tail)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::pccc::value::Type;
    use wire::enip::pccc::{Address, Family};

    fn codecs(addresses: &[&str], family: Family) -> Vec<Codec> {
        let codec = |at: &&str| {
            let address = Address::parse(at, family).unwrap();
            Codec { address, kind: Type::of(&address), family, scaling: None }
        };
        addresses.iter().map(codec).collect()
    }

    fn planned(codecs: &[Codec], excluded: &[Excluded], max_bytes: u8) -> Vec<(String, u16, u16, u8, usize)> {
        let blocks = blocks((0..).zip(codecs), excluded, Sizes { max_bytes, max_gap: 20 });
        let shown = |block: Block| {
            let at = block.at;
            (format!("{}{}", at.kind.letters(), at.file), at.element, at.word, block.bytes, block.rows.len())
        };
        blocks.into_iter().map(shown).collect()
    }

    #[test]
    fn neighbours_of_one_file_are_read_together() {
        let slc = codecs(
            &[
                "N7:0", "N7:3/4", "N7:90", "T4:1.ACC", "T4:2/DN", "F8:0", "F8:1", "I:1.0/3", "I:1.2", "I:2",
                "B3/20",
            ],
            Family::Slc,
        );
        let expected = [
            ("I1", 1, 0, 6, 2),
            ("I1", 2, 0, 2, 1),
            ("B3", 1, 0, 2, 1),
            ("T4", 1, 0, 12, 2),
            ("N7", 0, 0, 8, 2),
            ("N7", 90, 0, 2, 1),
            ("F8", 0, 0, 8, 2),
        ];
        let expected =
            expected.map(|(file, element, word, bytes, rows)| (file.to_owned(), element, word, bytes, rows));
        assert_eq!(planned(&slc, &[], 200), expected);
        // A PLC-5 counts the words of its inputs through the whole file.
        let plc5 = codecs(&["I:010", "I:012/7"], Family::Plc5);
        assert_eq!(planned(&plc5, &[], 200), [("I1".to_owned(), 8, 0, 6, 2)]);
    }

    #[test]
    fn sizes_and_what_is_excluded_part_blocks() {
        let slc = codecs(&["N7:0", "N7:1", "N7:2", "N7:5"], Family::Slc);
        let rows =
            |found: Vec<(String, u16, u16, u8, usize)>| found.iter().map(|one| one.4).collect::<Vec<_>>();
        assert_eq!(rows(planned(&slc, &[], 4)), [2, 1, 1]);
        let excluded = Excluded { kind: FileKind::Integer, file: 7, first: 3, last: 4 };
        assert_eq!(rows(planned(&slc, &[excluded], 200)), [3, 1]);
        assert!(excluded.holds(&Place { kind: FileKind::Integer, file: 7, element: 4, word: 0 }));
        let sizes = Sizes { max_bytes: 200, max_gap: 20 };
        let all = blocks((0..).zip(&slc), &[], sizes);
        let two = halves(&all[0], |row| slc.get(row as usize)).unwrap();
        assert_eq!((two[0].rows.as_slice(), two[1].rows.as_slice()), (&[0, 1][..], &[2, 3][..]));
        assert_eq!((two[1].at.element, two[1].bytes, within(&two[1], &slc[3])), (2, 8, Some(6)));
        let one = Block { rows: vec![0], ..all[0].clone() };
        assert_eq!(halves(&one, |row| slc.get(row as usize)), None);
    }
}
