//! The machines that speak something else than Modbus: one file each.
//!
//! A machine brings its points in one table, which gives both what the device shows and the configuration that reads it,
//! so that they cannot disagree. The line in [`MACHINES`] is all that the rest of the plant needs of it.

mod air_handling;
mod checkweigher;
mod cold_store;
mod labeller;
mod network;
mod roof;
mod washer;
mod water;
mod wrapper;

use super::units::Scene;
use crate::plant::{Machine, Plant};
use model::Value;
use std::fmt::Write;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

/// All of them, in the order of their ports.
pub(super) static MACHINES: &[&Made] = &[
    &labeller::MACHINE,
    &wrapper::MACHINE,
    &network::MACHINE,
    &roof::MACHINE,
    &air_handling::MACHINE,
    &checkweigher::MACHINE,
    &cold_store::MACHINE,
    &washer::MACHINE,
    &water::MACHINE,
];

/// A future with a place of its own.
pub(super) type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A machine that is about to listen.
pub(super) type Opening = Later<io::Result<Box<dyn Device>>>;

/// One machine.
pub(super) struct Made {
    /// Name of its connection, its device and its asset.
    pub(super) name: &'static str,
    /// What its outage is called.
    pub(super) machine: Machine,
    /// What it speaks, for people.
    pub(super) protocol: &'static str,
    /// One sentence, the first line of its connection file.
    pub(super) about: &'static str,
    /// The connection file up to its device: kind, address, scan classes.
    pub(super) connection: fn(SocketAddr) -> String,
    /// Home of its points below enterprise/site.
    pub(super) at: &'static str,
    /// Further lines of its device table.
    pub(super) device: &'static str,
    /// Type, display name, owner and zone of its asset.
    pub(super) asset: [&'static str; 4],
    /// Its points.
    pub(super) points: fn() -> Vec<Point>,
    /// Listens on an address (port 0: a free one).
    pub(super) open: fn(SocketAddr) -> Opening,
}

/// One point of a machine.
pub(super) struct Point {
    /// Name of the tag.
    pub(super) name: &'static str,
    /// Address, as the protocol writes it.
    pub(super) at: &'static str,
    /// Type, as the protocol writes it; empty where the device tells it.
    pub(super) kind: &'static str,
    /// Further keys in the configuration.
    pub(super) text: String,
    /// Its value. A set-point has none: it is the client's, not the model's.
    pub(super) get: fn(&Scene<'_>) -> Value,
}

/// A machine that listens.
pub(super) trait Device: Send + Sync {
    /// Where.
    fn address(&self) -> SocketAddr;

    /// Its certificate (DER), where it has one that somebody must trust.
    fn certificate(&self) -> Option<&[u8]> {
        None
    }

    /// Shows what the plant does now.
    fn show(&self, points: &[Point], scene: &Scene<'_>);

    /// Takes set-points into the plant.
    fn take(&self, _plant: &mut Plant) {}

    /// Whether it answers at all.
    fn set_present(&self, present: bool);

    /// Closes the port and every connection, and waits until they are closed.
    fn shutdown(self: Box<Self>) -> Later<()>;
}

/// A point; `text` are further keys.
pub(super) fn point(
    name: &'static str,
    at: &'static str,
    kind: &'static str,
    text: &str,
    get: fn(&Scene<'_>) -> Value,
) -> Point {
    Point { name, at, kind, text: text.to_owned(), get }
}

impl Made {
    /// Its connection file.
    pub(super) fn file(&self, address: SocketAddr) -> String {
        let (name, at) = (self.name, self.at);
        let head = (self.connection)(address);
        let mut text = format!("# {}\n{head}\n[device.{name}]\nat = \"{at}\"\n{}\n", self.about, self.device);
        let _ = writeln!(text, "[device.{name}.tags]");
        for point in (self.points)() {
            let kind =
                if point.kind.is_empty() { String::new() } else { format!(", type = \"{}\"", point.kind) };
            let more = if point.text.is_empty() { String::new() } else { format!(", {}", point.text) };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{} = {{ at = \"{}\"{kind}{more} }}", point.name, point.at);
        }
        text
    }
}

/// Host and port, as most kinds of connection write them.
fn host(kind: &str, address: SocketAddr) -> String {
    format!("kind = \"{kind}\"\nhost = \"{}\"\nport = {}\n", address.ip(), address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_points_have_values() {
        let plant = Plant::new(1);
        let scene = Scene { plant: &plant, wall: model::Time(0), meter: 0 };
        for (index, made) in MACHINES.iter().enumerate() {
            assert!(MACHINES.iter().skip(index + 1).all(|other| other.name != made.name), "{}", made.name);
            let points = (made.points)();
            assert!(points.iter().any(|point| point.name == "state"), "{} has a state", made.name);
            let shown = |point: &&Point| (point.get)(&scene) != Value::None;
            let silent = points.iter().filter(|point| !shown(point) && !point.text.contains("write = "));
            assert_eq!(silent.count(), 0, "{}: all but what is commanded", made.name);
            assert!(points.iter().filter(shown).count() >= 5, "{}", made.name);
        }
    }
}
