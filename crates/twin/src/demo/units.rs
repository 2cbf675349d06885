//! The units of the plant and their tags.

use model::Time;

use super::encode::Tag;
use super::tags_line::{capper_tags, filler_tags, packer_tags, palletiser_tags};
use super::tags_utilities::{boiler_tags, compressor_1_tags, compressor_2_tags, meter_tags};
use crate::modbus::WordOrder;
use crate::plant::{Machine, Meter, Plant};

/// What a tag's value is taken from.
pub(super) struct Scene<'a> {
    pub(super) plant: &'a Plant,
    /// The plant's wall clock.
    pub(super) wall: Time,
    /// Which of the plant's meters this unit is.
    pub(super) meter: usize,
}

impl Scene<'_> {
    pub(super) fn meter(&self, get: impl Fn(&Meter) -> f64) -> f64 {
        self.plant.meters.get(self.meter).map_or(0.0, get)
    }
}

/// Where a unit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Endpoint {
    Line,
    Palletiser,
    Boiler,
    Air,
    Meters,
}

/// One unit: how it is reached, what exists in it, and its tags.
pub(super) struct UnitDef {
    pub(super) machine: Machine,
    pub(super) endpoint: Endpoint,
    pub(super) device: &'static str,
    pub(super) id: u8,
    pub(super) order: WordOrder,
    /// Home of its points below enterprise/site.
    pub(super) at: &'static str,
    pub(super) product: &'static str,
    /// Further lines of its device table in the configuration.
    pub(super) config: &'static str,
    /// Holding registers that exist beside those of tags, as wire offsets: real maps have a little between the tags.
    pub(super) filler: &'static [(u16, u16)],
    /// What a client may write, as wire offsets.
    pub(super) writable: &'static [(u16, u16)],
    /// Most registers per request.
    pub(super) max_registers: u16,
    pub(super) meter: usize,
    /// On the line, but it has been dead for a year.
    pub(super) dead: bool,
    pub(super) tags: fn() -> Vec<Tag>,
}

const PLAIN: UnitDef = UnitDef {
    machine: Machine::Filler,
    endpoint: Endpoint::Line,
    device: "",
    id: 1,
    order: WordOrder::HighFirst,
    at: "",
    product: "",
    config: "",
    filler: &[],
    writable: &[],
    max_registers: 125,
    meter: 0,
    dead: false,
    tags: Vec::new,
};

const fn meter(id: u8, device: &'static str, at: &'static str, index: usize) -> UnitDef {
    UnitDef {
        machine: Machine::Meters,
        endpoint: Endpoint::Meters,
        device,
        id,
        at,
        product: "Energy meter",
        meter: index,
        tags: meter_tags,
        ..PLAIN
    }
}

/// Every unit of the plant.
pub(super) const UNITS: &[UnitDef] = &[
    UnitDef {
        machine: Machine::Filler,
        device: "filler",
        id: 1,
        order: WordOrder::LowFirst,
        at: "packaging/line-1/filler",
        product: "Rotary filler",
        config: "exclude = [\"40900-40999\"]           # reading these makes the old PLC stumble\n",
        filler: &[(100, 113), (119, 144), (149, 174), (200, 209), (899, 998)],
        writable: &[(200, 209)],
        tags: filler_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Capper,
        device: "capper",
        id: 2,
        at: "packaging/line-1/capper",
        product: "Capper",
        filler: &[(100, 124), (130, 137)],
        writable: &[(0, 0)],
        tags: capper_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Packer,
        device: "packer",
        id: 3,
        at: "packaging/line-1/packer",
        product: "Case packer",
        config: "tags_file = \"packer.csv\"            # its tags are kept in a spreadsheet\n",
        filler: &[(100, 119)],
        tags: packer_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Palletiser,
        endpoint: Endpoint::Palletiser,
        device: "plc",
        at: "packaging/palletiser",
        product: "Palletiser PLC",
        config: "max_registers = 32                    # more it does not give in one answer\n",
        filler: &[(0, 31)],
        max_registers: 32,
        tags: palletiser_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Boiler,
        endpoint: Endpoint::Boiler,
        device: "boiler",
        at: "utilities/boiler",
        product: "Boiler controller",
        writable: &[(0, 1)],
        tags: boiler_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Compressor1,
        endpoint: Endpoint::Air,
        device: "compressor-1",
        id: 1,
        at: "utilities/air/compressor-1",
        product: "Compressor controller",
        tags: compressor_1_tags,
        ..PLAIN
    },
    UnitDef {
        machine: Machine::Compressor2,
        endpoint: Endpoint::Air,
        device: "compressor-2",
        id: 2,
        at: "utilities/air/compressor-2",
        product: "Compressor controller",
        tags: compressor_2_tags,
        ..PLAIN
    },
    meter(11, "incomer", "utilities/energy/incomer", 0),
    meter(12, "packaging", "utilities/energy/packaging", 1),
    meter(13, "boiler-house", "utilities/energy/boiler-house", 2),
    UnitDef { dead: true, ..meter(14, "chiller", "utilities/energy/chiller", 0) },
    meter(15, "compressed-air", "utilities/energy/compressed-air", 3),
    meter(16, "offices", "utilities/energy/offices", 4),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plant_has_a_sensible_size() {
        let count: usize = UNITS.iter().map(|unit| (unit.tags)().len()).sum();
        assert!((90..=120).contains(&count), "{count} points");
    }
}
