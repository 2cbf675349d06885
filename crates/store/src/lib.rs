//! The historian.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod cache;
mod catalogue;
pub mod codec;
mod error;
mod events;
mod flush;
mod head;
mod keeper;
mod lines;
mod merge;
mod metadata;
mod options;
mod query;
pub mod rollup;
pub mod run;
pub mod segment;
mod store;
mod worker;

pub use catalogue::Entry;
pub use error::StoreError;
pub use events::EventFilter;
pub use metadata::Effective;
pub use options::{Options, Rule, SegmentInfo, StoreNotice, StoreState, StoreStats};
pub use query::{Newest, Order, Part, Samples, Trend};
pub use rollup::Bucket;
pub use run::Run;
pub use store::Store;

#[cfg(test)]
mod measure {
    use super::run::*;
    use super::segment::{read::Segment, write::{Levels, Writer}};
    use std::sync::Arc;

    fn npy(path: &str) -> Vec<u8> {
        let raw = std::fs::read(path).unwrap();
        let head = u16::from_le_bytes([raw[8], raw[9]]) as usize;
        raw[10 + head..].to_vec()
    }

    #[test]
    #[ignore = "measures; needs IRONBRIDGE_GEN"]
    fn size_of_reference_data() {
        let dir = std::env::var("IRONBRIDGE_GEN").unwrap();
        let t: Vec<i64> = npy(&format!("{dir}/T.npy")).chunks(8).map(|c| i64::from_le_bytes(c.try_into().unwrap()) * 1_000_000).collect();
        let v: Vec<f64> = npy(&format!("{dir}/V.npy")).chunks(8).map(|c| f64::from_le_bytes(c.try_into().unwrap())).collect();
        let n = t.len() / 20;
        let path = format!("{dir}/out.parquet");
        for levels in [Levels::FAST, Levels::SMALL, Levels { values: 3, stamps: 3 }] {
            let start = std::time::Instant::now();
            let mut w = Writer::new(std::io::BufWriter::new(std::fs::File::create(&path).unwrap()), levels).unwrap();
            let mut all = Vec::new();
            for d in 0..20 {
                let stamps = Arc::new(Stamps { time: t[d * n..(d + 1) * n].to_vec(), received: None, seq: (0..n as i64).map(|i| (1 << 44) + i * 20 + d as i64 + 1).collect(), flags: Few::All(2) });
                let runs: Vec<Arc<Run>> = (d * 50..d * 50 + 50).map(|p| Arc::new(Run { point: p as u32, stamps: Arc::clone(&stamps), values: Values::F64(v[p * n..(p + 1) * n].to_vec()), status: Few::All(0) })).collect();
                w.group(d as u64 + 1, &runs).unwrap();
                all.extend(runs);
            }
            let (f, rows, _) = w.finish(|_, _| "{}".into()).unwrap();
            drop(f);
            let took = start.elapsed();
            let size = std::fs::metadata(&path).unwrap().len();
            eprintln!("{levels:?} {rows} rows {:.4} B/sample {:.2} Mrows/s", size as f64 / rows as f64, rows as f64 / took.as_secs_f64() / 1e6);
            let start = std::time::Instant::now();
            let s = Segment::open(std::path::Path::new(&path)).unwrap();
            let open = start.elapsed();
            let mut got = 0;
            for (g, group) in s.index().groups.iter().enumerate() {
                let mut r = s.group(g).unwrap();
                for at in 0..group.runs.len() {
                    let run = r.run(at).unwrap();
                    let want = &all[run.point as usize];
                    let off = want.stamps.lower(run.stamps.time[0]);
                    got += run.len();
                    assert_eq!(run.stamps.time, want.stamps.time[off..off + run.len()]);
                    assert_eq!(run.stamps.seq, want.stamps.seq[off..off + run.len()]);
                    let (Values::F64(a), Values::F64(b)) = (&run.values, &want.values) else { panic!() };
                    assert!(a.iter().zip(&b[off..]).all(|(a, b)| a.to_bits() == b.to_bits()));
                }
            }
            eprintln!("read {got} in {:?}, open {open:?}, index {} B, {} groups", start.elapsed(), s.bytes(), s.index().groups.len());
            let mut per = [0u64; 13];
            for g in &s.index().groups { for (i, c) in g.columns.iter().enumerate() { per[i] += c.pages.iter().chain(&c.dictionary).map(|p| u64::from(p.len) + 30).sum::<u64>(); } }
            eprintln!("{:?}", per.map(|p| (p as f64 / rows as f64 * 10000.0).round() / 10000.0));
        }
    }
}
