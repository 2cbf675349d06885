//! One scan of a group under way: what is asked, what came, when, and what is bad about it. The same for every protocol
//! that asks.

use super::job::Work;
use super::link::Moments;
use super::{Job, Link};
use model::{Each, Status, Value};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Most refusals that one scan follows up with requests of their own.
const EXTRA_BUDGET: u32 = 64;
/// A scan whose answers are further apart than this gives each row its own time.
const ONE_MOMENT: Duration = Duration::from_millis(100);

/// The book of one scan; `R` is a request.
#[derive(Debug)]
pub(super) struct Scan<R> {
    /// Answers to an earlier scan are recognised by it.
    pub(super) number: u32,
    /// Begun and not finished.
    pub(super) active: bool,
    next: usize,
    extra: VecDeque<(Arc<R>, u32)>,
    open: u32,
    values: Vec<Value>,
    bad: Vec<(u32, Status)>,
    first_sent: Option<Instant>,
    last_answer: Option<Instant>,
    moments: Vec<(u32, Instant)>,
    budget: u32,
    /// The device refused something: the plan is made anew at the end.
    pub(super) learned: bool,
    /// The job, while nothing more is to be sent.
    parked: Option<Job>,
}

impl<R> Default for Scan<R> {
    fn default() -> Self {
        Self {
            number: 0,
            active: false,
            next: 0,
            extra: VecDeque::new(),
            open: 0,
            values: Vec::new(),
            bad: Vec::new(),
            first_sent: None,
            last_answer: None,
            moments: Vec::new(),
            budget: 0,
            learned: false,
            parked: None,
        }
    }
}

impl<R> Scan<R> {
    /// Begins a scan of so many rows; whatever an earlier one left is void.
    pub(super) fn begin(&mut self, rows: usize) {
        self.number = self.number.wrapping_add(1);
        self.active = true;
        self.next = 0;
        self.extra.clear();
        self.open = 0;
        self.values = vec![Value::None; rows];
        // Emptied, not made anew: a scan should allocate no more than the values that it hands on.
        self.bad.clear();
        self.moments.clear();
        self.first_sent = None;
        self.last_answer = None;
        self.budget = EXTRA_BUDGET;
        // What a scan learned that never came to its end is still to be taken into the plan.
        self.parked = None;
    }

    /// The next request of the scan that `job` is, and how often it was tried before. The job goes back into its lane
    /// while there is more to send, and waits here while there is not. `None`: everything of it is refused or on its way.
    pub(super) fn step(
        &mut self,
        job: Job,
        group: usize,
        planned: &[Arc<R>],
        link: &mut Link,
    ) -> Option<(Arc<R>, u32)> {
        let next = self.next_read(planned)?;
        self.first_sent.get_or_insert_with(Instant::now);
        let job = Job { work: Work::Scan { group, fresh: false }, ..job };
        if self.has_more(planned) {
            link.again(job);
        } else {
            self.parked = Some(job);
        }
        Some(next)
    }

    /// There is more to send again: the job that waited goes back into its lane.
    pub(super) fn resume(&mut self, link: &mut Link) {
        if let Some(job) = self.parked.take() {
            link.later(job);
        }
    }

    fn next_read(&mut self, planned: &[Arc<R>]) -> Option<(Arc<R>, u32)> {
        let next = match planned.get(self.next) {
            Some(read) => {
                self.next += 1;
                (read.clone(), 0)
            }
            None => self.extra.pop_front()?,
        };
        self.open += 1;
        Some(next)
    }

    /// Whether more requests are to be sent.
    pub(super) fn has_more(&self, planned: &[Arc<R>]) -> bool {
        self.next < planned.len() || !self.extra.is_empty()
    }

    /// Whether everything was sent and answered or given up.
    pub(super) fn is_complete(&self, planned: &[Arc<R>]) -> bool {
        !self.has_more(planned) && self.open == 0
    }

    /// A request has its answer.
    pub(super) fn answered(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        self.last_answer = Some(now);
    }

    /// A request is out of the way, without values: its rows stay unread unless another brings them.
    pub(super) fn dropped(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// A request that will be tried again.
    pub(super) fn retry(&mut self, read: Arc<R>, attempt: u32) {
        self.dropped();
        self.extra.push_back((read, attempt));
    }

    /// Requests that the refusal of another makes necessary. False if this scan has had enough of refusals: the rows
    /// stay unread this time.
    pub(super) fn ask_more(&mut self, reads: impl IntoIterator<Item = Arc<R>>) -> bool {
        if self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        self.extra.extend(reads.into_iter().map(|read| (read, 0)));
        true
    }

    /// The whole scan is given up: nothing more is sent.
    pub(super) fn give_up(&mut self, planned: &[Arc<R>]) {
        self.dropped();
        self.skip_rest(planned);
    }

    /// The plan changed under way: what is left of the old one is not asked in this scan.
    pub(super) fn skip_rest(&mut self, planned: &[Arc<R>]) {
        self.next = planned.len();
        self.extra.clear();
    }

    /// A row was read.
    pub(super) fn put(&mut self, row: u32, (value, status): (Value, Status), at: Instant) {
        if status != Status::GOOD {
            self.bad.push((row, status));
        }
        self.moments.push((row, at));
        if let Some(slot) = self.values.get_mut(row as usize) {
            *slot = value;
        }
    }

    /// A row gets a quality of its own in this scan.
    pub(super) fn mark(&mut self, row: u32, status: Status) {
        self.bad.push((row, status));
    }

    /// Ends the scan. `refused` rows are bad whatever came, rows without a value get `lost`.
    pub(super) fn finish(
        &mut self,
        refused: impl ExactSizeIterator<Item = u32>,
        lost: Status,
    ) -> (Vec<Value>, Each<Status>, Moments) {
        let values = std::mem::take(&mut self.values);
        let status = if self.bad.is_empty() && refused.len() == 0 && !values.contains(&Value::None) {
            Each::All(Status::GOOD)
        } else {
            let status = |value: &Value| if *value == Value::None { lost } else { Status::GOOD };
            let mut rows: Box<[Status]> = values.iter().map(status).collect();
            let refused = refused.map(|row| (row, Status::BAD_CONFIGURATION_ERROR));
            for (row, status) in self.bad.iter().copied().chain(refused) {
                if let Some(slot) = rows.get_mut(row as usize) {
                    *slot = status;
                }
            }
            Each::Rows(rows)
        };
        let moments = self.times(values.len());
        self.active = false;
        self.learned = false;
        self.number = self.number.wrapping_add(1);
        (values, status, moments)
    }

    fn times(&self, rows: usize) -> Moments {
        let now = Instant::now();
        let first = self.first_sent.unwrap_or(now);
        let last = self.last_answer.unwrap_or(now);
        let took = last.saturating_duration_since(first);
        if took <= ONE_MOMENT {
            return Moments::One(first + took / 2);
        }
        let mut times = vec![last; rows];
        for (row, moment) in &self.moments {
            if let Some(slot) = times.get_mut(*row as usize) {
                *slot = *moment;
            }
        }
        Moments::Each(times)
    }
}
