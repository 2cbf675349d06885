//! The end of a write: one order, sent once, one honest outcome.
//!
//! ```text
//!  Order ─ Link::admit ─▶ Writing ─ (the protocol sends) ─┬─ refused(why)       Failed
//!             │                                           ├─ lost(fault)        Unknown
//!             └▶ Rejected                                 └─ taken ─┬─▶ Accepted, or another point confirms
//!                                                                   └─▶ (the protocol reads) ─ read_back ─▶ Confirmed,
//!                                                                        again in a moment, or Failed
//! ```
//! A write is sent once. If its answer never comes, nobody knows, and that is what is said: it is never sent again.
//! Dropping a [`Writing`] answers Unknown.

use super::{Link, Work};
use model::{Access, Confirm, Declaration, Fault, Outcome, Path, PointId, Status, Value};
use namespace::{Namespace, Order};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Read-backs of one write, and the wait between them: devices take a value over with their next cycle.
const READBACKS: u32 = 4;
const READBACK_PAUSE: Duration = Duration::from_millis(100);

/// How long a point whose values come by themselves may take to show what was written, unless `confirm` says otherwise.
const CONFIRM_WITHIN: Duration = Duration::from_secs(5);

/// For points whose values come by themselves: nothing is scanned, and nothing can be read back at will. So the point
/// itself has to take the value within a time.
pub(super) fn confirm_by_arrival(points: &mut [Arc<Declaration>]) {
    for point in points.iter_mut().map(Arc::make_mut) {
        point.scan = Duration::ZERO;
        let path = point.path.clone();
        if let Access::Write(rule) = &mut point.access
            && rule.confirm == Confirm::Readback
        {
            rule.confirm = Confirm::Point { path, within: CONFIRM_WITHIN };
        }
    }
}

/// For points that have no value to read back: that the device took it is all that can be said, unless another point
/// shows it.
pub(super) fn without_read_back(point: &mut Declaration) {
    if let Access::Write(rule) = &mut point.access
        && rule.confirm == Confirm::Readback
    {
        rule.confirm = Confirm::None;
    }
}

/// A write under way.
pub struct Writing {
    order: Order,
    device: usize,
    group: usize,
    row: u32,
    readbacks: u32,
}

impl Link {
    /// Takes an order to be sent now. Answers it Rejected, and gives `None`, if its time has passed, its point is not
    /// fed here, or its device is paused or silent.
    pub fn admit(&mut self, order: Order) -> Option<Writing> {
        if order.command.expires <= self.clock().now() {
            self.refuse(order, "its time-to-live passed before it could be sent");
            return None;
        }
        let place =
            self.place(order.point).and_then(|(group, row)| Some((group, row, self.device_of(group)?)));
        let Some((group, row, device)) = place else {
            self.refuse(order, "this connection does not feed the point any more");
            return None;
        };
        if !self.is_active(device) {
            self.refuse(order, "the device is paused or does not answer; nothing was sent");
            return None;
        }
        Some(Writing { order, device, group, row, readbacks: 0 })
    }

    /// The next write that may go. For what speaks when it likes: nothing is scanned there and nobody is probed.
    pub fn take_write(&mut self) -> Option<Writing> {
        while let Some(job) = self.take() {
            if let Work::Write(order) = job.work
                && let Some(writing) = self.admit(*order)
            {
                return Some(writing);
            }
        }
        None
    }
}

impl Writing {
    /// What is to be written, in engineering units.
    pub fn value(&self) -> &Value {
        &self.order.command.value
    }

    /// The point.
    pub fn point(&self) -> PointId {
        self.order.point
    }

    /// Index of its device.
    pub fn device(&self) -> usize {
        self.device
    }

    /// Index of its group.
    pub fn group(&self) -> usize {
        self.group
    }

    /// Its row in the group.
    pub fn row(&self) -> u32 {
        self.row
    }

    /// Rejected: it was not sent.
    pub fn unsent(self, link: &Link, why: &str) {
        link.refuse(self.order, why);
    }

    /// Failed: the device refuses it.
    pub fn refused(self, why: String) {
        self.respond(Outcome::Failed { why });
    }

    /// Unknown: it was sent, and no answer came.
    pub fn lost(self, fault: &Fault) {
        self.respond(Outcome::Unknown { why: format!("it was sent, but {fault}") });
    }

    /// Unknown: the device took it, and its effect cannot be read.
    pub fn unreadable(self, why: &str) {
        let why = format!("the device took it, but it could not be read back: {why}");
        self.respond(Outcome::Unknown { why });
    }

    /// A broker has it for the device, or refused it. `why` says why it cannot be read back.
    pub fn delivered(self, refused: Option<String>, why: &str, link: &Link) {
        match refused {
            Some(why) => self.refused(why),
            None => {
                if let Some(writing) = self.taken(link) {
                    writing.unreadable(why);
                }
            }
        }
    }

    /// The device took it. Gives it back if the point is to be read back now; else it is answered, at once or when
    /// the point that confirms it has the value.
    pub fn taken(self, link: &Link) -> Option<Self> {
        let confirm = match &self.order.declaration.access {
            Access::Write(rule) => rule.confirm.clone(),
            Access::Read => Confirm::None,
        };
        match confirm {
            Confirm::Readback => return Some(self),
            Confirm::None => self.respond(Outcome::Accepted),
            Confirm::Point { path, within } => {
                let namespace = link.namespace().clone();
                tokio::spawn(async move {
                    let outcome = other_point(&namespace, &path, self.value(), within).await;
                    self.respond(outcome);
                });
            }
        }
        None
    }

    /// What was read back, and whether it is what was written as exactly as the device can hold it; the point's own
    /// tolerance is looked at here. Gives it back with the moment of the next look if the
    /// device may need one more.
    pub fn read_back(
        mut self,
        link: &Link,
        read: Value,
        status: Status,
        agrees: bool,
    ) -> Option<(Instant, Self)> {
        let within = match &self.order.declaration.access {
            Access::Write(rule) => rule.tolerates(self.value(), &read),
            Access::Read => false,
        };
        if (agrees || within) && status.is_good() {
            self.respond(Outcome::Confirmed { readback: read });
            return None;
        }
        self.readbacks += 1;
        if self.readbacks < READBACKS && link.is_active(self.device) {
            return Some((Instant::now() + READBACK_PAUSE, self));
        }
        let why = format!("the device took {}, but reads back {read} ({status})", self.value());
        self.respond(Outcome::Failed { why });
        None
    }

    fn respond(self, outcome: Outcome) {
        // Nobody may be waiting any more; the ledger has its entry from the command path.
        let _ = self.order.respond.send(outcome);
    }
}

/// Waits for another point to take the value.
async fn other_point(namespace: &Namespace, path: &Path, value: &Value, within: Duration) -> Outcome {
    let Some(id) = namespace.find(path.as_str()) else {
        return Outcome::Unknown {
            why: format!("the device took it; {path}, which should confirm it, does not exist"),
        };
    };
    let mut watch = namespace.watch(&[id]);
    let reached = async {
        loop {
            for (_, last) in watch.changed().await {
                let same = last.value == *value
                    || matches!((last.value.as_f64(), value.as_f64()), (Some(a), Some(b)) if a == b);
                if last.status.is_good() && same {
                    return last.value;
                }
            }
        }
    };
    match tokio::time::timeout(within, reached).await {
        Ok(readback) => Outcome::Confirmed { readback },
        Err(_) => Outcome::Failed {
            why: format!(
                "the device took it, but {path} did not become {value} within {} ms",
                within.as_millis()
            ),
        },
    }
}
