//! One tag: its type, scaling, reach and limits, each mistake where it stands.

use super::address::{Address, Wrong};
use super::build::{Building, Home, Place};
use super::config::{Confirm as ConfirmSetting, ConfirmWord, Tag, Write};
use super::types::{Codec, Packing, Scaling, Type};
use model::{Access, Confirm, WriteRule};
use std::time::Duration;
use wire::modbus::Table;

impl Building<'_> {
    pub(super) fn codec(
        &mut self,
        home: &Home<'_>,
        entry: &Tag,
        address: Address,
        place: &Place<'_>,
    ) -> Option<Codec> {
        let single = address.table.is_bits() || address.bit.is_some();
        let kind = match entry.kind {
            Some(kind) if single && kind != Type::Bool => {
                let message =
                    format!("`{}` is a single bit, so its type is bool, not {}", entry.at, kind.name());
                self.wrong(place, "type", Wrong::new(message, "leave out `type`, or point at a register"));
                return None;
            }
            Some(kind) => kind,
            None if single => Type::Bool,
            None => {
                let names: Vec<_> = Type::ALL.iter().map(|t| t.name()).collect();
                self.wrong(
                    place,
                    "at",
                    Wrong::new(
                        "`type` is missing: registers do not say what they hold",
                        format!("write type = \"i16\" or another of {}", names.join(", ")),
                    ),
                );
                return None;
            }
        };
        let length = match (kind, entry.length) {
            (Type::Text, None) => {
                self.wrong(
                    place,
                    "type",
                    Wrong::new("a text needs `length`", "write length = 16 (characters)"),
                );
                return None;
            }
            (Type::Text, Some(length)) => length,
            (_, None) => 0,
            (_, Some(_)) => {
                self.wrong(
                    place,
                    "length",
                    Wrong::new("only a text has `length`", "leave it out, or write type = \"text\""),
                );
                0
            }
        };
        let scaling = self.scaling(entry, kind, place);
        Some(Codec {
            kind,
            order: entry.order.unwrap_or(home.config.order),
            bit: address.bit,
            length,
            packing: entry.packing.unwrap_or(Packing::HighFirst),
            scaling: scaling.map(Box::new),
        })
    }

    fn scaling(&mut self, entry: &Tag, kind: Type, place: &Place<'_>) -> Option<Scaling> {
        let linear = match (entry.raw, entry.range, entry.scale.or(entry.offset)) {
            (Some(_), _, Some(_)) => {
                self.wrong(
                    place,
                    "raw",
                    Wrong::new("`raw` and `scale`/`offset` are two ways to say the same", "keep one of them"),
                );
                None
            }
            (Some(_), None, None) => {
                self.wrong(
                    place,
                    "raw",
                    Wrong::new(
                        "`raw` needs `range`: the values that the raw numbers stand for",
                        "write e.g. raw = [0, 27648], range = [0, 100]",
                    ),
                );
                None
            }
            (Some(raw), Some(range), None) => match Scaling::between(raw, range) {
                Ok(linear) => Some(linear),
                Err(wrong) => {
                    self.wrong(place, "raw", wrong);
                    None
                }
            },
            (None, _, Some(_)) => Some((entry.scale.unwrap_or(1.0), entry.offset.unwrap_or(0.0))),
            (None, _, None) => None,
        };
        if linear.is_some_and(|(factor, _)| factor == 0.0) {
            self.wrong(
                place,
                "scale",
                Wrong::new("`scale` is 0, so every value would be the same", "write another factor"),
            );
        }
        let any = linear.is_some() || entry.bad_above.is_some() || entry.bad_below.is_some();
        if any && matches!(kind, Type::Bool | Type::Text) {
            self.wrong(
                place,
                "type",
                Wrong::new(format!("a {} has no scale and no raw limits", kind.name()), "leave them out"),
            );
        }
        any.then_some(Scaling { linear, bad_above: entry.bad_above, bad_below: entry.bad_below })
    }

    pub(super) fn reach(&mut self, home: &Home<'_>, codec: &Codec, address: Address, place: &Place<'_>) {
        let width = if address.table.is_bits() { 1 } else { codec.registers() };
        if u32::from(address.offset) + u32::from(width) > 65_536 {
            self.wrong(
                place,
                "at",
                Wrong::new(
                    format!("{address} with {width} registers runs past 65535"),
                    "the last register of a table has the wire offset 65535",
                ),
            );
        }
        if !address.table.is_bits() && width > home.rules.registers.max_size {
            let message = format!(
                "this tag has {width} registers, the device gives at most {} in one answer",
                home.rules.registers.max_size
            );
            self.wrong(
                place,
                "at",
                Wrong::new(message, "shorten it, or raise `max_registers` of the device"),
            );
        }
        if home.rules.barriers(address.table).excludes(address.offset, width) {
            self.wrong(
                place,
                "at",
                Wrong::new(format!("{address} lies in an `exclude` range of the device"), "move one of them"),
            );
        }
    }

    pub(super) fn states(&mut self, entry: &Tag, place: &Place<'_>) -> model::States {
        let mut states = model::States::new();
        for (value, name) in &entry.states {
            match value.parse() {
                Ok(value) => {
                    states.insert(value, name.clone());
                }
                Err(_) => self.wrong(
                    place,
                    "states",
                    Wrong::new(
                        format!("`{value}` in `states` is no whole number"),
                        "write states = { 0 = \"Idle\", 1 = \"Execute\" }",
                    ),
                ),
            }
        }
        states
    }

    pub(super) fn access(
        &mut self,
        home: &Home<'_>,
        entry: &Tag,
        codec: &Codec,
        address: Address,
        place: &Place<'_>,
    ) -> Access {
        let Some(write) = &entry.write else { return Access::Read };
        if home.config.safety {
            self.wrong(
                place,
                "write",
                Wrong::new(
                    "points of a safety controller are never writable",
                    "leave out `write`, or `safety` if this is none",
                ),
            );
        }
        if matches!(address.table, Table::InputRegisters | Table::DiscreteInputs) {
            let message = format!("{address} cannot be written: Modbus knows no way to write this table");
            self.wrong(
                place,
                "write",
                Wrong::new(message, "use a holding register or a coil, or leave out `write`"),
            );
        }
        if let (Some(min), Some(max)) = (write.min, write.max)
            && min > max
        {
            self.wrong(place, "write", Wrong::new(format!("`min` {min} is above `max` {max}"), "swap them"));
        }
        if write.step.is_some_and(|step| step <= 0.0) {
            self.wrong(
                place,
                "write",
                Wrong::new("`step` must be above 0", "leave it out if any change is allowed"),
            );
        }
        let limited = write.min.is_some() || write.max.is_some() || write.step.is_some();
        if limited && matches!(codec.kind, Type::Bool | Type::Text) {
            self.wrong(
                place,
                "write",
                Wrong::new(format!("a {} has no limits", codec.kind.name()), "leave out min, max and step"),
            );
        }
        let confirm = self.confirm(write, place);
        Access::Write(Box::new(WriteRule {
            min: write.min,
            max: write.max,
            step: write.step,
            confirm,
            ..WriteRule::default()
        }))
    }

    fn confirm(&mut self, write: &Write, place: &Place<'_>) -> Confirm {
        match &write.confirm {
            None | Some(ConfirmSetting::Word(ConfirmWord::Readback)) => Confirm::Readback,
            Some(ConfirmSetting::Word(ConfirmWord::None)) => Confirm::None,
            Some(ConfirmSetting::Point(point)) => match self.context.site.join(&point.point) {
                Ok(path) => Confirm::Point { path, within: point.within.0.min(Duration::from_secs(30)) },
                Err(error) => {
                    self.wrong(
                        place,
                        "write",
                        Wrong::new(
                            format!("`{}` is no path: {error}", point.point),
                            "write the point's path below enterprise/site",
                        ),
                    );
                    Confirm::Readback
                }
            },
        }
    }
}
