//! The conversation with an endpoint that is measured: one question at a time, pauses that grow with faults, everything
//! counted, and an end as soon as the device stops answering.

use crate::characterise::{Line, Progress};
use crate::south::budget::Budget;
use model::Fault;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Attempts to reach a device that did not answer.
pub(in crate::south) const ATTEMPTS: u32 = 3;
/// Faults of an endpoint after which it is left alone.
const MAX_FAULTS: u32 = 12;
/// Longest pause between two questions.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The most faults that one run may meet: each may cost a connection.
pub(in crate::south) const MOST_FAULTS: u64 = MAX_FAULTS as u64;

/// How long to wait, and how gently.
#[derive(Clone, Debug)]
pub(in crate::south) struct Manner {
    pub(in crate::south) connect_timeout: Duration,
    pub(in crate::south) timeout: Duration,
    /// Silence between two questions.
    pub(in crate::south) pause: Duration,
    /// What the endpoint is asked at most, by whomever.
    pub(in crate::south) budget: Arc<Budget>,
}

impl Manner {
    /// Waits until the budget lets as many questions through, then for what `put` answers, the time-out at most; and how
    /// long that took, the wait for the budget left out.
    ///
    /// # Errors
    /// Those of `put`, or it was late.
    pub(in crate::south) async fn asked<T>(
        &self,
        questions: usize,
        put: impl Future<Output = Result<T, Fault>> + Send,
    ) -> (Result<T, Fault>, Duration) {
        for _ in 0..questions {
            self.budget.turn().await;
        }
        let sent = Instant::now();
        let timeout_ms = u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX);
        let answers = timeout_at(sent + self.timeout, put).await;
        (answers.unwrap_or(Err(Fault::Timeout { timeout_ms })), sent.elapsed())
    }
}

/// One connection of a protocol. It counts what it sends.
pub(in crate::south) trait Tongue: Sized + Send {
    /// Where it leads.
    type Place: Send + Sync;
    /// What is asked.
    type Question: Clone + PartialEq + Send + Sync;
    /// What comes back.
    type Answer: Send;

    /// Opens one, ready for questions.
    ///
    /// # Errors
    /// It cannot be opened.
    fn open(
        place: &Self::Place,
        manner: &Manner,
        progress: &Progress,
    ) -> impl Future<Output = Result<Self, Fault>> + Send;

    /// Puts questions at once and waits for all answers, in whatever order they come; and how long they took, the wait
    /// for the budget left out.
    ///
    /// # Errors
    /// One of them was missing, late, or not what was asked. The connection is of no use then.
    fn burst(
        &mut self,
        questions: &[Self::Question],
        manner: &Manner,
        progress: &Progress,
    ) -> impl Future<Output = (Result<Vec<Self::Answer>, Fault>, Duration)> + Send;

    /// That the device is busy, or that a gateway finds nobody, is no answer.
    fn busy(answer: &Self::Answer) -> Option<Fault>;
}

/// The conversation.
pub(in crate::south) struct Voice<'a, T: Tongue> {
    pub(in crate::south) manner: Manner,
    pub(in crate::south) place: T::Place,
    pub(in crate::south) progress: &'a Progress,
    /// A question that it answered, to see whether it is still there.
    pub(in crate::south) home: T::Question,
    /// Times of the answers so far, ms.
    pub(in crate::south) answers_ms: Vec<f64>,
    line: Option<T>,
    next: Instant,
    faults: u32,
    in_a_row: u32,
}

impl<'a, T: Tongue> Voice<'a, T> {
    /// A conversation that has not begun.
    pub(in crate::south) fn new(
        manner: Manner,
        place: T::Place,
        progress: &'a Progress,
        home: T::Question,
    ) -> Self {
        Self {
            manner,
            place,
            progress,
            home,
            answers_ms: Vec::new(),
            line: None,
            next: Instant::now(),
            faults: 0,
            in_a_row: 0,
        }
    }

    /// Closes the connection, if one is open.
    pub(in crate::south) fn close(&mut self) {
        self.line = None;
    }

    /// The connection, if one is open.
    pub(in crate::south) fn line(&self) -> Option<&T> {
        self.line.as_ref()
    }

    /// Says something that was learned of the endpoint.
    pub(in crate::south) fn say(&self, device: &str, what: &'static str, value: String, text: &str) {
        self.progress.line(Line { device: device.to_owned(), what, value, text: text.to_owned() });
    }

    /// Whether the device still answers the question that it answered before, tried a few times.
    ///
    /// # Errors
    /// It does not.
    pub(in crate::south) async fn is_there(&mut self) -> Result<(), Fault> {
        let home = self.home.clone();
        loop {
            match self.one(&home).await {
                Ok(_) => {
                    self.well();
                    return Ok(());
                }
                Err(fault) => self.bear(fault)?,
            }
        }
    }

    /// The faults in a row are over.
    pub(in crate::south) fn well(&mut self) {
        self.in_a_row = 0;
    }

    /// Puts one question once.
    pub(in crate::south) async fn one(&mut self, question: &T::Question) -> Result<T::Answer, Fault> {
        let (mut answers, took) = self.once(std::slice::from_ref(question)).await?;
        match answers.pop() {
            Some(answer) => match T::busy(&answer) {
                Some(fault) => Err(fault),
                None => {
                    self.answers_ms.push(took.as_secs_f64() * 1_000.0);
                    Ok(answer)
                }
            },
            None => Err(Fault::Protocol("no answer at all".into())),
        }
    }

    /// Counts a fault; after too many the device is left alone.
    pub(in crate::south) fn bear(&mut self, fault: Fault) -> Result<(), Fault> {
        self.faults += 1;
        self.in_a_row += 1;
        self.progress.fault();
        if self.in_a_row >= ATTEMPTS || self.faults >= MAX_FAULTS {
            return Err(fault);
        }
        self.rest();
        Ok(())
    }

    /// Puts requests at once after the pause, each time on an open connection.
    ///
    /// # Errors
    /// Something was wrong; the connection is closed, because a late answer must not pass for that of another question.
    pub(in crate::south) async fn once(
        &mut self,
        questions: &[T::Question],
    ) -> Result<(Vec<T::Answer>, Duration), Fault> {
        sleep_until(self.next).await;
        let mut line = match self.line.take() {
            Some(line) => line,
            None => T::open(&self.place, &self.manner, self.progress).await?,
        };
        let (answers, took) = line.burst(questions, &self.manner, self.progress).await;
        self.rest();
        let answers = answers?;
        self.line = Some(line);
        Ok((answers, took))
    }

    fn rest(&mut self) {
        let grown =
            self.manner.pause.max(Duration::from_millis(1)) * 2_u32.saturating_pow(self.in_a_row.min(8));
        let pause = if self.in_a_row == 0 { self.manner.pause } else { grown.min(MAX_PAUSE) };
        self.next = Instant::now() + pause;
    }
}
