//! The historian as destinations ask for it.

use connect::north::{History, Recorded, Told};
use model::{PointId, Position, Time};
use std::sync::Arc;
use store::run::{HISTORICAL, Run};
use store::{Order, Store, StoreError};

/// The store behind the destinations' trait.
pub struct Past(pub Store);

fn words(why: StoreError) -> String {
    format!("history cannot be read: {why}")
}

fn rows(run: &Run, out: &mut Vec<Recorded>) {
    out.extend((0..run.len()).filter_map(|row| {
        Some(Recorded {
            point: PointId(run.point),
            time: Time(*run.stamps.time.get(row)?),
            received: Time(run.stamps.received_at(row)),
            position: Position(*run.stamps.seq.get(row)? as u64),
            status: run.status_at(row),
            value: run.values.get(row),
            historical: run.stamps.flags.get(row).unwrap_or(0) & HISTORICAL != 0,
        })
    }));
}

impl History for Past {
    fn samples(
        &self,
        points: &[PointId],
        from: Time,
        to: Time,
        most: usize,
    ) -> Result<Option<Vec<Recorded>>, String> {
        let points: Vec<u32> = points.iter().map(|point| point.0).collect();
        let mut found: Vec<Arc<Run>> = Vec::new();
        let mut count = 0;
        for part in self.0.scan(Some(&points), from, to).map_err(words)? {
            for run in self.0.read_part(&part).map_err(words)? {
                let run = run.between(from, to);
                count += run.len();
                if count > most {
                    return Ok(None);
                }
                found.push(Arc::new(run));
            }
        }
        let mut out = Vec::with_capacity(count);
        found.iter().for_each(|run| rows(run, &mut out));
        Ok(Some(out))
    }

    fn before(&self, point: PointId, time: Time) -> Result<Option<Recorded>, String> {
        let found = self.0.range(point, Time(i64::MIN), time, 1, Order::Descending).map_err(words)?;
        let first = || {
            Some(Recorded {
                point,
                time: *found.time.first()?,
                received: *found.received.first()?,
                position: *found.seq.first()?,
                status: *found.status.first()?,
                value: found.values.get(0),
                historical: *found.historical.first()?,
            })
        };
        Ok(first())
    }

    fn events(&self, from: Time, to: Time, most: usize) -> Result<Option<Vec<Told>>, String> {
        let found = self.0.told(from, to, most).map_err(words)?;
        Ok((found.len() <= most).then_some(found))
    }

    fn taken(&self) -> Position {
        self.0.taken()
    }

    fn oldest(&self) -> Option<Time> {
        self.0.oldest()
    }
}
