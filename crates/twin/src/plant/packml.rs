//! PackML machine states (ISA-TR88.00.02-2022, section 4.2), with the state numbers of its tags.

/// A machine's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// 1
    Clearing,
    /// 2
    Stopped,
    /// 3
    Starting,
    /// 4
    Idle,
    /// 5
    Suspended,
    /// 6
    Execute,
    /// 7
    Stopping,
    /// 8
    Aborting,
    /// 9
    Aborted,
    /// 10
    Holding,
    /// 11
    Held,
    /// 12
    Unholding,
    /// 13
    Suspending,
    /// 14
    Unsuspending,
    /// 15
    Resetting,
    /// 16
    Completing,
    /// 17
    Completed,
}

use State::{
    Aborted, Aborting, Clearing, Completed, Completing, Execute, Held, Holding, Idle, Resetting, Starting,
    Stopped, Stopping, Suspended, Suspending, Unholding, Unsuspending,
};

/// All states in the order of their numbers, from 1.
pub const STATES: [State; 17] = [
    Clearing,
    Stopped,
    Starting,
    Idle,
    Suspended,
    Execute,
    Stopping,
    Aborting,
    Aborted,
    Holding,
    Held,
    Unholding,
    Suspending,
    Unsuspending,
    Resetting,
    Completing,
    Completed,
];

impl State {
    /// 1 to 17.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16 + 1
    }

    /// The state after an acting state, and how long the acting state lasts here, in seconds. `None` for states in
    /// which a machine waits.
    const fn acting(self) -> Option<(Self, f64)> {
        Some(match self {
            Clearing => (Stopped, 4.0),
            Starting => (Execute, 3.0),
            Stopping => (Stopped, 2.5),
            Aborting => (Aborted, 0.5),
            Holding => (Held, 1.5),
            Unholding => (Execute, 2.0),
            Suspending => (Suspended, 1.0),
            Unsuspending => (Execute, 1.0),
            Resetting => (Idle, 4.0),
            Completing => (Completed, 3.0),
            Stopped | Idle | Suspended | Execute | Aborted | Held | Completed => return None,
        })
    }
}

/// Why a machine does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// 0: it runs, or nobody stopped it.
    None,
    /// 1: something is stuck.
    Jam,
    /// 2: nothing comes from upstream.
    Starved,
    /// 3: downstream takes nothing.
    Blocked,
    /// 4: a guard door was opened.
    Guard,
    /// 5: the batch changes.
    Changeover,
    /// 6: cartons or caps ran out.
    Material,
}

/// Names by number.
pub const REASONS: [&str; 7] =
    ["None", "Jam", "Starved", "Blocked downstream", "Guard door open", "Batch change", "Material missing"];

/// One machine: its state, since when, and why.
#[derive(Debug, Clone)]
pub struct Machine {
    state: State,
    in_state_s: f64,
    reason: Reason,
}

impl Machine {
    /// A machine that runs.
    #[must_use]
    pub const fn running() -> Self {
        Self { state: Execute, in_state_s: 0.0, reason: Reason::None }
    }

    /// Present state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Time in the present state, in seconds.
    #[must_use]
    pub const fn in_state_s(&self) -> f64 {
        self.in_state_s
    }

    /// Why it does not run.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// True in Execute.
    #[must_use]
    pub fn runs(&self) -> bool {
        self.state == Execute
    }

    /// Enters a state for a reason.
    pub(super) const fn go(&mut self, state: State, reason: Reason) {
        self.state = state;
        self.in_state_s = 0.0;
        self.reason = reason;
    }

    /// Lets time pass; acting states end by themselves.
    pub(super) fn advance(&mut self, dt: f64) {
        self.in_state_s += dt;
        if let Some((next, after)) = self.state.acting()
            && self.in_state_s >= after
        {
            let reason = if next == Execute { Reason::None } else { self.reason };
            self.go(next, reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard() {
        let numbers: Vec<u16> = STATES.iter().map(|s| s.number()).collect();
        assert_eq!(numbers, (1..=17).collect::<Vec<u16>>());
        assert_eq!((Execute.number(), Held.number(), Completed.number()), (6, 11, 17));
    }

    #[test]
    fn acting_states_end() {
        let mut machine = Machine::running();
        machine.go(Holding, Reason::Jam);
        (0..16).for_each(|_| machine.advance(0.1));
        assert_eq!((machine.state(), machine.reason()), (Held, Reason::Jam));
        machine.go(Unholding, Reason::Jam);
        (0..21).for_each(|_| machine.advance(0.1));
        assert_eq!((machine.state(), machine.reason()), (Execute, Reason::None));
    }
}
