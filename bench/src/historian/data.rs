//! Reference data: what 1,000 tags of a plant do, once a second.

use model::{PointId, Shape, Value};
use std::io::{Error, ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

pub const TAGS: usize = 1_000;
/// Number of the first point, as the journal gives them.
pub const FIRST: u32 = 1;

/// Where a point lives.
pub fn path(point: u32) -> String {
    format!("acme/bench/unit-{}/tag-{point}", point / 50)
}

/// 2026-01-01, ms.
pub const START_MS: i64 = 1_767_225_600_000;

/// A small fast generator (xorshift64*), seeded: every run is the same.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().max(1e-300).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Poisson by Knuth: the means here are small.
    fn poisson(&mut self, mean: f64) -> f64 {
        let limit = (-mean).exp();
        let (mut count, mut product) = (0.0, self.unit());
        while product > limit {
            count += 1.0;
            product *= self.unit();
        }
        count
    }
}

/// One scan of all devices.
pub trait Source {
    /// Points of each device.
    fn shapes(&self) -> &[Arc<Shape>];
    /// Time (ms) and values of each device at second `t`.
    fn scan(&mut self, t: usize) -> Vec<(i64, Vec<Value>)>;
}

fn shapes(devices: usize, tags: usize) -> Vec<Arc<Shape>> {
    let shape =
        |d: usize| Shape::new((0..tags).map(|t| PointId((d * tags + t) as u32 + FIRST)).collect::<Vec<_>>());
    (0..devices).map(shape).collect()
}

/// The classes of `gen.py`: temperatures, pressures, full-mantissa floats, set-points, counters, states, bools;
/// 20 devices of 50 tags, each with its own jitter of 0-3 ms.
pub struct Plant {
    shapes: Vec<Arc<Shape>>,
    random: Random,
    state: Vec<(f64, f64, f64)>,
}

impl Plant {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut state = Vec::new();
        for tag in 0..TAGS {
            state.push(match tag {
                0..300 => (random.between(3600., 20_000.), random.between(0., 6.), 0.),
                300..500 => (random.between(50., 900.), 0., 0.),
                500..600 => (random.between(100., 2000.), 0., 0.),
                700..800 => (random.between(0.2, 9.), 1e5 * tag as f64, 0.),
                _ => (0., 0., 0.),
            });
        }
        Self { shapes: shapes(20, 50), random, state }
    }

    fn value(&mut self, tag: usize, t: usize) -> f64 {
        let (random, state, x) = (&mut self.random, &mut self.state[tag], t as f64);
        let round = |v: f64, digits: f64| (v * digits).round() / digits;
        match tag {
            0..300 => {
                state.2 += random.normal() * 0.01;
                round(60. + 20. * (std::f64::consts::TAU * x / state.0 + state.1).sin() + state.2, 10.)
            }
            300..500 => round(5. + (x / state.0).sin() + random.normal() * 0.03, 100.),
            500..600 => f64::from((230. + 3. * (x / state.0).sin() + random.normal() * 0.4) as f32),
            600..700 => {
                if t.is_multiple_of(1200) {
                    state.0 = round(random.between(0., 100.), 10.);
                }
                state.0
            }
            700..800 => {
                state.1 += random.poisson(state.0);
                state.1
            }
            800..900 => {
                if t.is_multiple_of(90) {
                    state.0 = (random.next() % 8) as f64;
                }
                state.0
            }
            _ => {
                if t.is_multiple_of(37) {
                    state.0 = (random.next() % 2) as f64;
                }
                state.0
            }
        }
    }
}

impl Source for Plant {
    fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }

    fn scan(&mut self, t: usize) -> Vec<(i64, Vec<Value>)> {
        (0..20)
            .map(|device| {
                let jitter = (self.random.next() % 4) as i64;
                let values =
                    (device * 50..device * 50 + 50).map(|tag| Value::F64(self.value(tag, t))).collect();
                (START_MS + t as i64 * 1000 + jitter, values)
            })
            .collect()
    }
}

/// The files of `gen.py`, for a comparison sample by sample.
pub struct Files {
    shapes: Vec<Arc<Shape>>,
    values: Vec<f64>,
    times: Vec<i64>,
    pub scans: usize,
}

fn words(path: &Path) -> std::io::Result<Vec<[u8; 8]>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.read_to_end(&mut bytes)?;
    let head = bytes.get(8..10).ok_or_else(|| Error::new(ErrorKind::InvalidData, "not an npy file"))?;
    let start = 10 + usize::from(head[0]) + 256 * usize::from(head[1]);
    Ok(bytes[start..].as_chunks::<8>().0.to_vec())
}

impl Files {
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        let values: Vec<f64> = words(&dir.join("V.npy"))?.into_iter().map(f64::from_le_bytes).collect();
        let times: Vec<i64> = words(&dir.join("T.npy"))?.into_iter().map(i64::from_le_bytes).collect();
        let scans = times.len() / 20;
        Ok(Self { shapes: shapes(20, 50), values, times, scans })
    }
}

impl Source for Files {
    fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }

    fn scan(&mut self, t: usize) -> Vec<(i64, Vec<Value>)> {
        let value = |tag: usize| Value::F64(self.values[tag * self.scans + t]);
        (0..20)
            .map(|d| (self.times[d * self.scans + t], (d * 50..d * 50 + 50).map(value).collect()))
            .collect()
    }
}

/// As the CPU metrics of TSBS: 100 hosts of 10 integers, each a random walk between 0 and 100, on whole seconds.
pub struct Walks {
    shapes: Vec<Arc<Shape>>,
    random: Random,
    state: Vec<f64>,
}

impl Walks {
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let state = (0..TAGS).map(|_| random.between(0., 100.)).collect();
        Self { shapes: shapes(100, 10), random, state }
    }
}

impl Source for Walks {
    fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }

    fn scan(&mut self, t: usize) -> Vec<(i64, Vec<Value>)> {
        let mut value = |tag: usize| {
            self.state[tag] = (self.state[tag] + self.random.normal()).clamp(0., 100.);
            Value::I64(self.state[tag] as i64)
        };
        (0..100)
            .map(|h| (START_MS + t as i64 * 1000, (h * 10..h * 10 + 10).map(&mut value).collect()))
            .collect()
    }
}

/// 50 points once a minute for a year: `t` counts minutes.
pub struct Year {
    shapes: Vec<Arc<Shape>>,
    random: Random,
}

impl Year {
    pub fn new() -> Self {
        Self { shapes: shapes(1, 50), random: Random::new(3) }
    }
}

impl Source for Year {
    fn shapes(&self) -> &[Arc<Shape>] {
        &self.shapes
    }

    fn scan(&mut self, t: usize) -> Vec<(i64, Vec<Value>)> {
        let mut value =
            |tag: usize| Value::F64((((t + tag) % 700) as f64 + self.random.normal()).round() / 10.);
        vec![(START_MS + t as i64 * 60_000, (0..50).map(&mut value).collect())]
    }
}
