//! Values at some of the 65,536 addresses of a table; the rest are holes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Sorted runs of existing addresses. Reading a range works only if all of it exists.
#[derive(Debug, Clone, Default)]
pub struct Cells<T> {
    runs: Vec<Run<T>>,
}

#[derive(Debug, Clone)]
struct Run<T> {
    start: usize,
    values: Vec<T>,
}

impl<T: Copy + Default> Cells<T> {
    /// Makes the addresses exist; those that exist keep their values.
    pub fn add(&mut self, range: RangeInclusive<u16>) {
        let mut all = self.flat();
        for address in range {
            all.entry(address).or_default();
        }
        self.rebuild(all);
    }

    /// Makes holes.
    pub fn remove(&mut self, range: &RangeInclusive<u16>) {
        let mut all = self.flat();
        all.retain(|address, _| !range.contains(address));
        self.rebuild(all);
    }

    /// The values from `address` on, if all `quantity` of them exist.
    #[must_use]
    pub fn get(&self, address: u16, quantity: usize) -> Option<&[T]> {
        let address = usize::from(address);
        let run = self.runs.get(self.runs.partition_point(|run| run.start <= address).checked_sub(1)?)?;
        let offset = address - run.start;
        run.values.get(offset..offset + quantity)
    }

    /// The same, for writing.
    pub fn get_mut(&mut self, address: u16, quantity: usize) -> Option<&mut [T]> {
        let address = usize::from(address);
        let index = self.runs.partition_point(|run| run.start <= address).checked_sub(1)?;
        let run = self.runs.get_mut(index)?;
        let offset = address - run.start;
        run.values.get_mut(offset..offset + quantity)
    }

    /// Sets values; makes their addresses exist if they do not. For building a bank.
    pub fn put(&mut self, address: u16, values: &[T]) {
        if let Some(cells) = self.get_mut(address, values.len()) {
            cells.copy_from_slice(values);
            return;
        }
        let mut all = self.flat();
        for (address, value) in (address..=u16::MAX).zip(values) {
            all.insert(address, *value);
        }
        self.rebuild(all);
    }

    fn flat(&self) -> BTreeMap<u16, T> {
        let cells = self.runs.iter().flat_map(|run| (run.start..).zip(run.values.iter().copied()));
        cells.filter_map(|(address, value)| Some((u16::try_from(address).ok()?, value))).collect()
    }

    fn rebuild(&mut self, all: BTreeMap<u16, T>) {
        self.runs.clear();
        for (address, value) in all {
            let address = usize::from(address);
            match self.runs.last_mut() {
                Some(run) if run.start + run.values.len() == address => run.values.push(value),
                _ => self.runs.push(Run { start: address, values: vec![value] }),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found() {
        let mut cells = Cells::<u16>::default();
        cells.add(10..=19);
        cells.put(20, &[7, 8]);
        cells.add(65_535..=65_535);
        assert_eq!(cells.get(10, 12).map(<[u16]>::len), Some(12));
        assert_eq!(cells.get(10, 13), None);
        assert_eq!(cells.get(9, 1), None);
        assert_eq!(cells.get(65_535, 1), Some(&[0][..]));
        assert_eq!(cells.get(65_535, 2), None);
        cells.remove(&(12..=12));
        assert_eq!((cells.get(10, 2), cells.get(12, 1)), (Some(&[0, 0][..]), None));
        assert_eq!(cells.get(20, 2), Some(&[7, 8][..]));
        cells.get_mut(21, 1).unwrap().fill(9);
        assert_eq!(cells.get(21, 1), Some(&[9][..]));
    }
}
