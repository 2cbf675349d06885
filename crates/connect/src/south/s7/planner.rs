//! Which variables and requests fetch a set of points with the fewest bytes and round trips. Pure.
//!
//! ```text
//!  points    ▆▆ ▆   ▆▆▆▆     ░ exclude ░   ▆▆      M ▆     a text longer than an answer ▆▆▆▆▆▆▆▆▆▆▆▆▆▆
//!  chunks    └─────────┘                   └┘        └┘                                 └───────┘└────┘
//!  requests  └──────── up to 20 chunks whose question and answer fit the negotiated PDU ──────────────┘
//! ```
//! Rationale: a variable costs 12 bytes to ask for and 4 to answer, so that reading a small gap along is cheaper than
//! another variable; and a request costs a cycle of the CPU, so that they are filled.

use super::address::Region;
use std::collections::BTreeMap;
use wire::s7::{Item, MAX_ITEMS};

/// Bytes of an answer before its items: header 12, function and count 2.
const ANSWER: usize = 14;
/// Bytes of a question before its items: header 10, function and count 2.
const QUESTION: usize = 12;
/// Bytes of an answered item before its data.
const ANSWERED: usize = 4;

/// One point: `width` addresses from `first`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where.
    pub region: Region,
    /// First address.
    pub first: u32,
    /// Addresses, at least 1.
    pub width: u16,
}

impl Span {
    const fn end(self) -> u32 {
        self.first.saturating_add(self.width as u32)
    }
}

/// One variable of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What it fetches.
    pub span: Span,
    /// Which points: indices into those given, by address.
    pub rows: Vec<u32>,
    /// Where in its only point it begins, if that is longer than an answer.
    pub part: u32,
}

impl Chunk {
    /// The variable.
    pub fn item(&self) -> Item {
        self.span.region.item(self.span.first, self.span.width)
    }

    fn answered(&self) -> usize {
        (ANSWERED + self.item().data_length()).next_multiple_of(2)
    }
}

/// What the plan must keep to.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Most addresses between two points that are read along.
    pub max_gap: u16,
    /// Negotiated size of a PDU in bytes.
    pub pdu: u16,
    /// Addresses that nothing touches, first and last included.
    pub exclude: BTreeMap<Region, Vec<(u32, u32)>>,
    /// Addresses that must not stand in one chunk with the address before them, learned from the device.
    pub cuts: BTreeMap<Region, Vec<u32>>,
}

impl Rules {
    /// Most bytes of data in one answer.
    pub fn capacity(&self) -> u16 {
        self.pdu.saturating_sub((ANSWER + ANSWERED) as u16).max(1)
    }

    /// Whether nothing may touch these addresses.
    pub fn excludes(&self, span: Span) -> bool {
        self.between(span.region, span.first, span.end())
    }

    /// Whether an excluded address lies in `from..to`.
    fn between(&self, region: Region, from: u32, to: u32) -> bool {
        self.exclude.get(&region).into_iter().flatten().any(|(first, last)| *first < to && *last >= from)
    }

    fn cut(&self, region: Region, after: u32, up_to: u32) -> bool {
        self.cuts.get(&region).into_iter().flatten().any(|cut| after < *cut && *cut <= up_to)
    }
}

/// The chunks that fetch all points.
pub fn chunks(points: impl IntoIterator<Item = (u32, Span)>, rules: &Rules) -> Vec<Chunk> {
    let mut points: Vec<_> = points.into_iter().collect();
    points.sort_by_key(|(row, span)| (span.region, span.first, span.width, *row));
    let mut chunks: Vec<Chunk> = Vec::new();
    let mut last_start = 0;
    for (row, span) in points {
        let most = (rules.capacity() / span.region.unit()).max(1);
        if span.width > most {
            chunks.extend(parts(row, span, most));
            continue;
        }
        if let Some(open) = chunks.last_mut().filter(|open| open.part == 0 && open.span.width <= most)
            && open.span.region == span.region
            && !(open.rows.len() == 1 && open.span.width == most)
        {
            let end = open.span.end();
            let joined = end.max(span.end()) - open.span.first;
            let fits = joined <= most.into()
                && span.first <= end.saturating_add(rules.max_gap.into())
                && !rules.between(span.region, end, span.first)
                && !rules.cut(span.region, last_start, span.first);
            if fits {
                open.span.width = u16::try_from(joined).unwrap_or(u16::MAX);
                open.rows.push(row);
                last_start = span.first;
                continue;
            }
        }
        last_start = span.first;
        chunks.push(Chunk { span, rows: vec![row], part: 0 });
    }
    chunks
}

/// A point that is longer than an answer, in pieces.
fn parts(row: u32, span: Span, most: u16) -> impl Iterator<Item = Chunk> {
    let pieces = (0..u32::from(span.width)).step_by(usize::from(most));
    pieces.map(move |part| {
        let width = u16::try_from((u32::from(span.width) - part).min(most.into())).unwrap_or(most);
        let piece = Span { region: span.region, first: span.first + part, width };
        Chunk { span: piece, rows: vec![row], part }
    })
}

/// Packs chunks into requests: each goes into the first that has room for it.
pub fn pack<C: std::borrow::Borrow<Chunk>>(chunks: impl IntoIterator<Item = C>, pdu: u16) -> Vec<Vec<C>> {
    struct Bin<C> {
        chunks: Vec<C>,
        answer: usize,
    }
    let room = usize::from(pdu);
    let most = ((room.saturating_sub(QUESTION)) / Item::LENGTH).clamp(1, MAX_ITEMS);
    let mut bins: Vec<Bin<C>> = Vec::new();
    // Bins before it are full: looking at them again would make a plan of thousands of points slow.
    let mut open = 0;
    for chunk in chunks {
        let size = chunk.borrow().answered();
        let fits = |bin: &Bin<C>| bin.chunks.len() < most && bin.answer + size <= room;
        match bins.iter_mut().skip(open).find(|bin| fits(bin)) {
            Some(bin) => {
                bin.answer += size;
                bin.chunks.push(chunk);
            }
            None => bins.push(Bin { chunks: vec![chunk], answer: ANSWER + size }),
        }
        while bins.get(open).is_some_and(|bin| bin.chunks.len() >= most || bin.answer + 8 > room) {
            open += 1;
        }
    }
    bins.into_iter().map(|bin| bin.chunks).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use wire::s7::{Area, Request};

    fn region(db: u16) -> Region {
        Region { area: if db == 0 { Area::Timers } else { Area::Db }, db }
    }

    fn span(db: u16, first: u32, width: u16) -> Span {
        Span { region: region(db), first, width }
    }

    fn rules(max_gap: u16, pdu: u16) -> Rules {
        Rules { max_gap, pdu, ..Rules::default() }
    }

    fn planned(spans: &[Span], rules: &Rules) -> Vec<(u32, u16)> {
        let numbered = spans.iter().enumerate().map(|(row, span)| (row as u32, *span));
        chunks(numbered, rules).iter().map(|chunk| (chunk.span.first, chunk.span.width)).collect()
    }

    #[test]
    fn merges_up_to_the_gap_and_the_size() {
        let r = rules(16, 240);
        assert_eq!(planned(&[span(1, 0, 4), span(1, 20, 2)], &r), [(0, 22)]);
        assert_eq!(planned(&[span(1, 0, 4), span(1, 21, 2)], &r), [(0, 4), (21, 2)]);
        assert_eq!(planned(&[span(1, 0, 4), span(2, 4, 4)], &r), [(0, 4), (4, 4)]);
        let dense: Vec<_> = (0..100).map(|i| span(1, i * 4, 4)).collect();
        assert_eq!(planned(&dense, &r), [(0, 220), (220, 180)]);
        assert_eq!(planned(&[span(1, 0, 256)], &r), [(0, 222), (222, 34)]);
        assert_eq!(
            planned(&[span(0, 0, 1), span(0, 110, 1)], &rules(200, 240)),
            [(0, 111)],
            "timers are words"
        );
    }

    #[test]
    fn never_across_exclude_or_a_cut() {
        let mut r = rules(50, 240);
        r.exclude.insert(region(1), vec![(10, 12)]);
        r.cuts.insert(region(1), vec![21]);
        let spans = [span(1, 8, 2), span(1, 13, 1), span(1, 20, 1), span(1, 21, 1)];
        assert_eq!(planned(&spans, &r), [(8, 2), (13, 8), (21, 1)]);
        assert!(r.excludes(span(1, 12, 1)) && !r.excludes(span(1, 13, 5)) && !r.excludes(span(2, 10, 1)));
    }

    #[test]
    fn requests_are_filled() {
        let bits: Vec<_> = (0..100).map(|i| (i, span(1, i * 100, 1))).collect();
        let chunks = chunks(bits, &rules(16, 240));
        // (240 - 12) / 12 = 19 variables of a byte each.
        assert_eq!(pack(&chunks, 240).iter().map(Vec::len).collect::<Vec<_>>(), [19, 19, 19, 19, 19, 5]);
        assert_eq!(pack(&chunks, 960).iter().map(Vec::len).collect::<Vec<_>>(), [20; 5]);
    }

    fn map() -> impl Strategy<Value = (Vec<Span>, Rules)> {
        let spans = prop::collection::vec(
            (0u16..3, 0u32..600, 1u16..300).prop_map(|(db, first, width)| {
                // Many small points, few long ones.
                span(db, first, if width > 290 { width } else { width % 9 + 1 })
            }),
            1..150,
        );
        let exclude =
            prop::collection::vec((0u32..600, 0u32..6).prop_map(|(from, len)| (from, from + len)), 0..4);
        let cuts = prop::collection::vec(0u32..600, 0..4);
        (spans, 0u16..40, prop::sample::select(vec![64u16, 112, 240, 480, 960]), exclude, cuts).prop_map(
            |(mut spans, max_gap, pdu, exclude, cuts)| {
                let mut rules = rules(max_gap, pdu);
                rules.exclude.insert(region(1), exclude);
                rules.cuts.insert(region(2), cuts);
                spans.retain(|span| !rules.excludes(*span));
                (spans, rules)
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

        #[test]
        fn every_byte_is_read_once_and_every_request_fits((spans, rules) in map()) {
            let chunks = chunks(spans.iter().enumerate().map(|(row, span)| (row as u32, *span)), &rules);
            let mut got = vec![0u32; spans.len()];
            for chunk in &chunks {
                prop_assert!(!rules.excludes(chunk.span), "{:?}", chunk);
                prop_assert!(chunk.item().validate().is_ok() && chunk.item().data_length() <= rules.capacity().max(2).into());
                for row in &chunk.rows {
                    let span = spans[*row as usize];
                    let (from, to) = (span.first.max(chunk.span.first), span.end().min(chunk.span.end()));
                    prop_assert!(from < to && span.region == chunk.span.region);
                    got[*row as usize] += to - from;
                    prop_assert!(chunk.part > 0 || from == span.first);
                }
            }
            let wanted: Vec<u32> = spans.iter().map(|span| u32::from(span.width)).collect();
            prop_assert_eq!(got, wanted);
            let requests = pack(&chunks, rules.pdu);
            prop_assert_eq!(requests.iter().map(Vec::len).sum::<usize>(), chunks.len());
            for request in &requests {
                let items: Vec<Item> = request.iter().map(|chunk| chunk.item()).collect();
                let answer = 14 + request.iter().map(|chunk| chunk.answered()).sum::<usize>();
                prop_assert!(answer <= usize::from(rules.pdu) && items.len() <= MAX_ITEMS);
                prop_assert!(Request::Read(items).length() <= usize::from(rules.pdu));
            }
            // Never worse than a request for each point would be, and no two half-empty requests side by side.
            prop_assert!(requests.len() <= chunks.len());
            let half = |request: &Vec<&Chunk>| {
                request.len() * 24 + 24 < rules.pdu.into() && request.len() < MAX_ITEMS / 2
                    && request.iter().map(|c| c.answered()).sum::<usize>() * 2 + 28 < rules.pdu.into()
            };
            prop_assert!(requests.iter().filter(|request| half(request)).count() <= 1);
        }
    }
}
