//! The transport function (clause 8): segments of a fragment.

use super::MAX_FRAGMENT;

const FIN: u8 = 0x80;
const FIR: u8 = 0x40;

/// Joins segments of one direction between two stations. Holds at most one fragment.
#[derive(Debug, Clone, Default)]
pub struct Joiner {
    held: Vec<u8>,
    next: u8,
    open: bool,
}

impl Joiner {
    /// Takes the user data of a frame: transport header and segment. `Ok(Some)` is a whole fragment, `Ok(None)` needs
    /// more.
    ///
    /// # Errors
    /// A sentence: a segment that does not continue what was begun, or too many of them; what was begun is forgotten.
    pub fn feed<'a>(&'a mut self, data: &'a [u8]) -> Result<Option<&'a [u8]>, &'static str> {
        let Some((header, segment)) = data.split_first() else { return Err("no transport header") };
        let sequence = header & 0x3F;
        if header & FIR != 0 {
            self.open = false;
            self.held.clear();
            if header & FIN != 0 {
                return Ok(Some(segment));
            }
        } else if !self.open || sequence != self.next {
            self.open = false;
            return Err("a transport segment that continues nothing");
        }
        if self.held.len() + segment.len() > MAX_FRAGMENT {
            self.open = false;
            return Err("a fragment larger than any master takes");
        }
        self.held.extend_from_slice(segment);
        self.next = (sequence + 1) & 0x3F;
        self.open = header & FIN == 0;
        Ok((!self.open).then_some(self.held.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_join_in_order_only() {
        let mut joiner = Joiner::default();
        assert_eq!(joiner.feed(&[FIR | FIN | 9, 1, 2]), Ok(Some(&[1, 2][..])));
        assert_eq!(joiner.feed(&[FIR | 63, 1]), Ok(None));
        assert_eq!(joiner.feed(&[0, 2]), Ok(None));
        assert_eq!(joiner.feed(&[FIN | 1, 3]), Ok(Some(&[1, 2, 3][..])));
        assert!(joiner.feed(&[FIN | 2, 3]).is_err());
        assert_eq!(joiner.feed(&[FIR | 4, 1]), Ok(None));
        assert!(joiner.feed(&[FIN | 6, 2]).is_err());
        assert!(joiner.feed(&[]).is_err());
    }
}
