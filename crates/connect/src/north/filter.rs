//! Which rows of a batch go to a destination: selection once per shape, dead-band once per sample.

use super::select::Selection;
use super::settings::{Quality, Settings};
use insight::deadband::{Rule, Sent, step};
use model::{Batch, Declaration, PointId, Shape};
use std::collections::HashMap;
use std::sync::Arc;

/// Most shapes that are remembered; beyond it the memory starts anew (it is only a cache).
const MAX_SHAPES: usize = 65_536;

/// Which rows of a batch are meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Rows {
    /// All of them.
    All,
    /// These, in ascending order.
    Some(Arc<[u32]>),
}

impl Rows {
    /// Number of rows, given the length of the batch.
    pub fn len(&self, batch: usize) -> usize {
        match self {
            Self::All => batch,
            Self::Some(rows) => rows.len(),
        }
    }

    /// The `n`-th row that is meant; `None` beyond the end of a batch of `batch` rows.
    pub fn nth(&self, n: usize, batch: usize) -> Option<usize> {
        match self {
            Self::All => (n < batch).then_some(n),
            Self::Some(rows) => rows.get(n).map(|row| *row as usize).filter(|row| *row < batch),
        }
    }
}

/// What is known about a point.
#[derive(Clone, Copy)]
enum Known {
    Not,
    Out,
    In { slot: u32 },
}

enum Plan {
    Nothing,
    Everything,
    Fixed(Arc<[u32]>),
    /// (row, slot) of rows that a rule must judge.
    Judged(Box<[(u32, u32)]>),
}

/// What was last sent of each selected point, for one stream.
#[derive(Default)]
pub struct Memory(Vec<Option<Sent>>);

/// Selection and rules of one destination.
pub struct Filter {
    selection: Selection,
    settings: Settings,
    known: Vec<Known>,
    rules: Vec<Rule>,
    plans: HashMap<u32, Plan>,
}

/// Where declarations are looked up.
pub type Lookup<'a> = &'a dyn Fn(PointId) -> Option<Arc<Declaration>>;

impl Filter {
    /// Nothing is known yet.
    pub fn new(selection: Selection, settings: Settings) -> Self {
        Self { selection, settings, known: Vec::new(), rules: Vec::new(), plans: HashMap::new() }
    }

    /// A point was declared, perhaps anew. Whether it is selected.
    pub fn declared(&mut self, point: PointId, declaration: &Declaration) -> bool {
        self.plans.clear();
        self.learn(point, declaration)
    }

    fn learn(&mut self, point: PointId, declaration: &Declaration) -> bool {
        if self.known.len() <= point.index() {
            self.known.resize(point.index() + 1, Known::Not);
        }
        let Some(known) = self.known.get_mut(point.index()) else { return false };
        if !self.selection.holds(&declaration.path) {
            *known = Known::Out;
            return false;
        }
        let rule = self.settings.rule(declaration);
        match *known {
            Known::In { slot } => {
                if let Some(have) = self.rules.get_mut(slot as usize) {
                    *have = rule;
                }
            }
            _ => {
                *known = Known::In { slot: u32::try_from(self.rules.len()).unwrap_or(u32::MAX) };
                self.rules.push(rule);
            }
        }
        true
    }

    /// Whether the point is selected.
    pub fn holds(&mut self, point: PointId, lookup: Lookup<'_>) -> bool {
        self.slot(point, lookup).is_some()
    }

    fn slot(&mut self, point: PointId, lookup: Lookup<'_>) -> Option<u32> {
        if matches!(self.known.get(point.index()), None | Some(Known::Not)) {
            self.learn(point, lookup(point)?.as_ref());
        }
        match self.known.get(point.index()) {
            Some(Known::In { slot }) => Some(*slot),
            _ => None,
        }
    }

    /// The rows of `batch` that are worth sending; `None` if there is none.
    pub fn pass(&mut self, memory: &mut Memory, batch: &Batch, lookup: Lookup<'_>) -> Option<Rows> {
        if !self.plans.contains_key(&batch.shape.id()) {
            let plan = self.plan(&batch.shape, lookup);
            if self.plans.len() >= MAX_SHAPES {
                self.plans.clear();
            }
            self.plans.insert(batch.shape.id(), plan);
        }
        match self.plans.get(&batch.shape.id())? {
            Plan::Nothing => None,
            Plan::Everything => Some(Rows::All),
            Plan::Fixed(rows) => Some(Rows::Some(rows.clone())),
            Plan::Judged(rows) => judge(rows, (&self.rules, self.settings.quality), memory, batch),
        }
    }

    fn plan(&mut self, shape: &Shape, lookup: Lookup<'_>) -> Plan {
        let mut rows: Vec<(u32, u32)> = Vec::new();
        let mut judged = false;
        for (row, point) in shape.points().iter().enumerate() {
            let (Some(slot), Ok(row)) = (self.slot(*point, lookup), u32::try_from(row)) else { continue };
            judged |= self.settings.quality != Quality::All;
            judged |= self.rules.get(slot as usize).is_none_or(|rule| !rule.passes_all());
            rows.push((row, slot));
        }
        match (rows.len(), judged) {
            (0, _) => Plan::Nothing,
            (_, true) => Plan::Judged(rows.into()),
            (all, false) if all == shape.points().len() => Plan::Everything,
            _ => Plan::Fixed(rows.iter().map(|(row, _)| *row).collect()),
        }
    }
}

fn judge(
    rows: &[(u32, u32)],
    (rules, quality): (&[Rule], Quality),
    memory: &mut Memory,
    batch: &Batch,
) -> Option<Rows> {
    if memory.0.len() < rules.len() {
        memory.0.resize(rules.len(), None);
    }
    let worth = rows.iter().filter(|(row, slot)| {
        let (row, slot) = (*row as usize, *slot as usize);
        let (Some(rule), Some(sent), Some(value)) =
            (rules.get(slot), memory.0.get_mut(slot), batch.values.get(row))
        else {
            return false;
        };
        let at = batch.time.get(row).unwrap_or(batch.received);
        let status = batch.status.get(row).unwrap_or(model::Status::BAD);
        quality.passes(status) && step(rule, sent, value, status, at).is_some()
    });
    let worth: Vec<u32> = worth.map(|(row, _)| *row).collect();
    match worth.len() {
        0 => None,
        all if all == batch.len() => Some(Rows::All),
        _ => Some(Rows::Some(worth.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::config::Document;
    use model::{Each, Path, Status, Time, Value, ValueType};

    fn filter(text: &str) -> Filter {
        let settings = Settings::read(&Document::parse("d.toml", text).unwrap()).unwrap();
        let site = Path::new("a/b").unwrap();
        let selection = Selection::new(&site, &settings, Arc::default());
        Filter::new(selection, settings)
    }

    fn lookup(id: PointId) -> Option<Arc<Declaration>> {
        let name = ["line/x", "line/y", "boiler/z"].get(id.index())?;
        Some(Arc::new(Declaration::new(Path::new(&format!("a/b/{name}")).unwrap(), ValueType::F64)))
    }

    fn batch(shape: &Arc<Shape>, values: &[f64]) -> Batch {
        let values = values.iter().map(|v| Value::F64(*v)).collect();
        Batch::polled(shape.clone(), Time(1), Each::All(Status::GOOD), values)
    }

    #[test]
    fn a_plain_selection_costs_nothing_per_row() {
        let shape = Shape::new(vec![PointId(0), PointId(1), PointId(2), PointId(9)]);
        let mut all = filter("kind = \"x\"\nselect = [\"line/**\"]");
        let rows = all.pass(&mut Memory::default(), &batch(&shape, &[1.0, 2.0, 3.0, 4.0]), &lookup);
        assert_eq!(rows, Some(Rows::Some(vec![0, 1].into())));
        let line = Shape::new(vec![PointId(0), PointId(1)]);
        assert_eq!(all.pass(&mut Memory::default(), &batch(&line, &[1.0, 2.0]), &lookup), Some(Rows::All));
        let other = Shape::new(vec![PointId(2)]);
        assert_eq!(all.pass(&mut Memory::default(), &batch(&other, &[1.0]), &lookup), None);
    }

    #[test]
    fn each_stream_remembers_for_itself_and_a_new_declaration_counts() {
        let shape = Shape::new(vec![PointId(0), PointId(1)]);
        let mut filter = filter("kind = \"x\"\nsend = { on_change = true }");
        let (mut live, mut backlog) = (Memory::default(), Memory::default());
        assert_eq!(filter.pass(&mut live, &batch(&shape, &[1.0, 2.0]), &lookup), Some(Rows::All));
        assert_eq!(filter.pass(&mut live, &batch(&shape, &[1.0, 2.0]), &lookup), None);
        assert_eq!(
            filter.pass(&mut live, &batch(&shape, &[1.0, 3.0]), &lookup),
            Some(Rows::Some(vec![1].into()))
        );
        assert_eq!(filter.pass(&mut backlog, &batch(&shape, &[1.0, 3.0]), &lookup), Some(Rows::All));
        let moved = Declaration::new(Path::new("a/b/_ironbridge/x").unwrap(), ValueType::F64);
        assert!(!filter.declared(PointId(1), &moved));
        assert_eq!(filter.pass(&mut live, &batch(&shape, &[1.0, 9.0]), &lookup), None);
    }
}
