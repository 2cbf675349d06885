//! The troubles of a real plant, each on a switch.

use std::fmt;
use std::str::FromStr;

/// A machine that can be taken off the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Machine {
    /// Filler of line 1.
    Filler,
    /// Capper of line 1.
    Capper,
    /// Packer of line 1.
    Packer,
    /// Palletiser, the PLC with the wrong clock.
    Palletiser,
    /// Boiler.
    Boiler,
    /// First compressor, in bar.
    Compressor1,
    /// Second compressor, in kPa.
    Compressor2,
    /// All meters: their gateway.
    Meters,
    /// Labeller, an S7 CPU.
    Labeller,
    /// Wrapper, a Logix controller.
    Wrapper,
    /// The network switch and its power supply: they answer no question; what hangs on them goes on.
    Cabinet,
    /// The inverter and the weather station on the roof.
    Roof,
    /// The air-handling unit, a BACnet controller.
    AirHandling,
    /// The checkweigher, an OPC UA server.
    Checkweigher,
    /// The cold store, an MQTT device.
    ColdStore,
    /// The bottle washer, an SLC 500.
    Washer,
    /// The water treatment, a Sparkplug edge node.
    Water,
}

/// A trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Switch {
    /// A host nobody knows writes set-points to the filler.
    RogueWriter,
    /// The palletiser's program is downloaded once; the switch goes back by itself.
    PlannedDownload,
    /// The main bearing of the filler wears out within minutes.
    WornBearing,
    /// The broker is to be taken away. The plant only remembers it; whoever runs the broker acts.
    BrokerOutage,
    /// The wire of the filler's level sensor is broken: raw 32767.
    LevelSensor,
    /// A machine answers nobody.
    Outage(Machine),
}

use Machine::{
    AirHandling, Boiler, Cabinet, Capper, Checkweigher, ColdStore, Compressor1, Compressor2, Filler,
    Labeller, Meters, Packer, Palletiser, Roof, Washer, Water, Wrapper,
};

/// All switches, in the order of their coils on the control port.
pub const SWITCHES: [(Switch, &str); 22] = [
    (Switch::RogueWriter, "rogue-writer"),
    (Switch::PlannedDownload, "planned-download"),
    (Switch::WornBearing, "worn-bearing"),
    (Switch::BrokerOutage, "broker-outage"),
    (Switch::LevelSensor, "level-sensor"),
    (Switch::Outage(Filler), "outage-filler"),
    (Switch::Outage(Capper), "outage-capper"),
    (Switch::Outage(Packer), "outage-packer"),
    (Switch::Outage(Palletiser), "outage-palletiser"),
    (Switch::Outage(Boiler), "outage-boiler"),
    (Switch::Outage(Compressor1), "outage-compressor-1"),
    (Switch::Outage(Compressor2), "outage-compressor-2"),
    (Switch::Outage(Meters), "outage-meters"),
    (Switch::Outage(Labeller), "outage-labeller"),
    (Switch::Outage(Wrapper), "outage-wrapper"),
    (Switch::Outage(Cabinet), "outage-network"),
    (Switch::Outage(Roof), "outage-roof"),
    (Switch::Outage(AirHandling), "outage-air-handling"),
    (Switch::Outage(Checkweigher), "outage-checkweigher"),
    (Switch::Outage(ColdStore), "outage-cold-store"),
    (Switch::Outage(Washer), "outage-washer"),
    (Switch::Outage(Water), "outage-water"),
];

impl Switch {
    /// All switches.
    pub fn all() -> impl Iterator<Item = Self> {
        SWITCHES.iter().map(|s| s.0)
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SWITCHES.iter().find(|s| s.0 == *self).map_or("", |s| s.1))
    }
}

/// A word that names no switch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no switch")]
pub struct UnknownSwitch(pub String);

impl FromStr for Switch {
    type Err = UnknownSwitch;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        SWITCHES.iter().find(|s| s.1 == word).map(|s| s.0).ok_or_else(|| UnknownSwitch(word.to_owned()))
    }
}
