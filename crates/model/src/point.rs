//! A point: its number, and everything that is declared about it.

use crate::{Path, Role, Status, Time, Value, ValueType, command::Confirm};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// The permanent number of a point: given once by the journal's catalogue, never reused, kept through renames.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointId(pub u32);

impl PointId {
    /// For indexing dense tables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// Names of the values of an enumeration, e.g. `0 = "Idle"`.
pub type States = BTreeMap<i64, String>;

/// Who may do what with a point, before policy is asked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Access {
    /// Read only: every write is rejected.
    #[default]
    Read,
    /// May be written within the rule. Boxed: most points are only read.
    Write(Box<WriteRule>),
}

/// The rule of writes to a point: who, how far, how often, while what else holds; limits in engineering units.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WriteRule {
    /// Lowest value allowed.
    pub min: Option<f64>,
    /// Highest value allowed.
    pub max: Option<f64>,
    /// Largest change from the present value in one write.
    pub step: Option<f64>,
    /// How the effect is confirmed.
    pub confirm: Confirm,
    /// How far what is read back may be from what was asked for; without it they must be equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<f64>,
    /// How often it may be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Lowest role that may write it; operator if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// A second person of this role or higher must approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<Role>,
    /// What must hold elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interlock: Option<Interlock>,
}

impl WriteRule {
    /// Whether what was read back lies within the tolerance of what was asked for. False without a tolerance: then
    /// only the driver knows what the device can hold exactly.
    pub fn tolerates(&self, wanted: &Value, read: &Value) -> bool {
        match (self.tolerance, wanted.as_f64(), read.as_f64()) {
            (Some(tolerance), Some(wanted), Some(read)) => (wanted - read).abs() <= tolerance,
            _ => false,
        }
    }
}

/// How often something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// So many times, 1 to 1,000.
    pub writes: u32,
    /// Within any span of this length.
    pub per: Duration,
}

/// What must hold elsewhere in the plant for a write to be sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interlock {
    /// A [`crate::condition::Condition`] over the names below.
    pub allow_if: String,
    /// Name in the condition to the point it stands for. All of them must be Good.
    pub points: BTreeMap<String, Path>,
}

/// All metadata of a point. Effective from the declare record's position on: it does not relabel earlier samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// Where the point lives.
    pub path: Path,
    /// Free display name; empty means the path's last segment.
    #[serde(default)]
    pub name: String,
    /// What it means, in words.
    #[serde(default)]
    pub description: String,
    /// The type of its values.
    pub value_type: ValueType,
    /// Unit as configured, e.g. `bar`, `/min`, `Cel`; empty when it has none.
    #[serde(default)]
    pub unit: String,
    /// Expected lowest and highest value in `unit`; `deadband = "0.5 %range"` refers to it.
    #[serde(default)]
    pub range: Option<(f64, f64)>,
    /// Names of the values.
    #[serde(default)]
    pub states: States,
    /// Whether and how it may be written.
    #[serde(default)]
    pub access: Access,
    /// The connection that feeds it (file name without `.toml`), or the room for own points; empty for none.
    #[serde(default)]
    pub connection: String,
    /// The device within the connection.
    #[serde(default)]
    pub device: String,
    /// Address and type at the source in words, e.g. `holding 100 f32 CDAB`.
    #[serde(default)]
    pub source: String,
    /// Period at which it is read; zero when it arrives by itself.
    #[serde(default)]
    pub scan: Duration,
    /// Former paths whose history this point continues.
    #[serde(default)]
    pub was: Vec<Path>,
}

impl Declaration {
    /// A read-only point with nothing but path and type.
    pub fn new(path: Path, value_type: ValueType) -> Self {
        Self {
            path,
            name: String::new(),
            description: String::new(),
            value_type,
            unit: String::new(),
            range: None,
            states: States::new(),
            access: Access::Read,
            connection: String::new(),
            device: String::new(),
            source: String::new(),
            scan: Duration::ZERO,
            was: Vec::new(),
        }
    }

    /// The display name.
    pub fn display_name(&self) -> &str {
        if self.name.is_empty() { self.path.last() } else { &self.name }
    }

    /// The state text of `value`, if the point is an enumeration that names it.
    pub fn state_of(&self, value: &Value) -> Option<&str> {
        self.states.get(&value.as_i64()?).map(String::as_str)
    }
}

/// The newest sample of a point. At most 64 bytes: there is one per declared point.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// The last value whose quality was not Bad; kept when the quality turns Bad.
    pub value: Value,
    /// Its quality.
    pub status: Status,
    /// Samples since declaration, wrapping: lets a conflating reader see that something came.
    pub count: u32,
    /// What charts and SQL order by.
    pub time: Time,
    /// When Ironbridge received it.
    pub received: Time,
    /// The time of `value`; [`Time::ZERO`] when there never was one. Older than `time` while the quality is Bad.
    pub good: Time,
    /// Position of its record.
    pub position: crate::Position,
}

impl Last {
    /// A point that is declared and has no sample yet.
    pub const WAITING: Self = Self {
        value: Value::None,
        status: Status::BAD_WAITING_FOR_INITIAL_DATA,
        count: 0,
        time: Time::ZERO,
        received: Time::ZERO,
        good: Time::ZERO,
        position: crate::Position::START,
    };

    /// Takes in a newer sample: a Bad one keeps the value, everything else replaces it. A historical sample that is
    /// older than what is known changes nothing.
    #[expect(clippy::too_many_arguments, reason = "each is a column of a batch's row")]
    pub fn update(
        &mut self,
        value: &Value,
        status: Status,
        time: Time,
        received: Time,
        at: crate::Position,
        historical: bool,
    ) {
        if historical && time < self.time {
            return;
        }
        if !status.is_bad() && *value != Value::None {
            self.value = value.clone();
            self.good = time;
        }
        self.status = status;
        self.time = time;
        self.received = received;
        self.position = at;
        self.count = self.count.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_part_of_a_point_is_at_most_64_bytes() {
        assert!(size_of::<Last>() <= 64, "{}", size_of::<Last>());
    }
}
