//! The stretch wrapper behind the palletiser: it wraps each pallet once.

use super::packml::{Machine, Reason, State};
use crate::rng::Rng;

/// How long wrapping a pallet takes, in seconds.
const WRAP_S: f64 = 55.0;
/// Film that a pallet takes, in m, and that a new roll has.
const FILM: (f64, f64) = (28.0, 1_500.0);

/// The wrapper.
#[derive(Debug, Clone)]
pub struct Wrapper {
    /// State and reason.
    pub machine: Machine,
    /// Pallets wrapped since the counter was new.
    pub pallets: u32,
    /// Turns of the table per minute.
    pub speed: f64,
    /// Film left on the roll in m.
    pub film_m: f64,
    /// Tension of the film in N.
    pub tension: f64,
    /// Turns around a pallet, as an operator sets them.
    pub turns: i32,
    left_s: f64,
    seen: u32,
    waiting: u32,
    rng: Rng,
}

impl Wrapper {
    pub(super) fn new(seed: u64, pallets: u32) -> Self {
        Self {
            machine: Machine::running(),
            pallets: pallets.wrapping_sub(1),
            speed: 11.0,
            film_m: 640.0,
            tension: 92.0,
            turns: 9,
            left_s: WRAP_S / 2.0,
            seen: pallets,
            waiting: 0,
            rng: Rng::new(seed ^ 0x3A11E7),
        }
    }

    /// The pallet that is being wrapped, as a label would name it.
    #[must_use]
    pub fn label(&self) -> String {
        format!("P-{:06}", self.pallets.wrapping_add(1))
    }

    pub(super) fn step(&mut self, dt: f64, pallets: u32) {
        self.waiting += pallets.wrapping_sub(self.seen).min(100);
        self.seen = pallets;
        let machine = &mut self.machine;
        machine.advance(dt);
        match machine.state() {
            State::Execute => {
                self.left_s -= dt;
                self.film_m -= FILM.0 / WRAP_S * dt;
                if self.left_s <= 0.0 {
                    self.pallets = self.pallets.wrapping_add(1);
                    machine.go(State::Suspending, Reason::Starved);
                }
            }
            State::Suspended if self.waiting > 0 => {
                self.waiting -= 1;
                // More turns take longer.
                self.left_s = WRAP_S * f64::from(self.turns.clamp(1, 30)) / 9.0;
                if self.film_m < FILM.0 * 2.0 {
                    self.film_m = FILM.1; // somebody puts a new roll on
                }
                machine.go(State::Unsuspending, Reason::None);
            }
            _ => {}
        }
        let turning = machine.runs();
        let (speed, tension) = if turning { (11.0, 92.0) } else { (0.0, 0.0) };
        self.speed += (speed - self.speed) * (dt / 2.0).min(1.0);
        let noise = if turning { self.rng.noise(1.8) } else { 0.0 };
        self.tension = (self.tension + (tension - self.tension) * (dt / 1.0).min(1.0) + noise).max(0.0);
    }
}
