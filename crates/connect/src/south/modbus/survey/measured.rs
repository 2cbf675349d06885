//! What was measured of the endpoint of a Modbus connection, for the planner. It only ever makes the plan gentler, or lets it
//! ask more at once where the connection's own file is silent about that.

use crate::south::modbus::address;
use crate::south::modbus::spec::table_number;
use crate::south::survey::measured::{File, text as lines};
use model::config::{Diagnostic, Document, Period};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use wire::modbus::Table;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The kind of the connection
    pub kind: Option<String>,
    /// When, e.g. "2026-11-22T13:05:00Z"
    pub measured: String,
    /// Where, e.g. "10.20.1.11:502": for another endpoint it does not hold
    pub endpoint: String,
    /// Requests at once; a connection file that says `pipeline` itself comes first
    #[schemars(range(min = 1, max = 16))]
    pub pipeline: Option<u8>,
    /// Silence that it needs between an answer and the next request
    #[serde(default)]
    pub request_delay: Period,
    /// Connections that it held at the same time, of up to four; for people
    #[schemars(range(min = 1, max = 4))]
    pub connections: Option<u8>,
    /// Usual time of an answer, ms; for people
    pub answer_ms: Option<f64>,
    /// Its devices, by their names in the connection file
    #[serde(default)]
    pub device: BTreeMap<String, OfDevice>,
}

/// What was measured of one device.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OfDevice {
    /// Unit id it was measured under: for another one it does not hold
    pub unit: u8,
    /// Most registers in one answer
    #[schemars(range(min = 1, max = 125))]
    pub max_registers: Option<u16>,
    /// Most coils or discrete inputs in one answer
    #[schemars(range(min = 1, max = 2000))]
    pub max_bits: Option<u16>,
    /// Addresses that must not stand in one request with the address before them, e.g. ["holding 120"]
    #[serde(default)]
    pub cuts: Vec<String>,
}

impl Measured {
    /// That of one device.
    pub(in crate::south::modbus) fn of(&self, name: &str, unit: u8) -> Option<&OfDevice> {
        self.device.get(name).filter(|device| device.unit == unit)
    }

    /// What the planner keeps to, in words.
    fn kept(&self) -> String {
        let mut parts = Vec::new();
        for (name, device) in &self.device {
            parts.extend(device.max_registers.map(|most| format!("`{name}` at most {most} registers")));
            parts.extend(device.max_bits.map(|most| format!("`{name}` at most {most} bits")));
            if !device.cuts.is_empty() {
                parts.push(format!("`{name}` not across {}", device.cuts.join(", ")));
            }
        }
        if !self.request_delay.0.is_zero() {
            parts.push(format!("{} of silence before each request", self.request_delay));
        }
        parts.extend(
            self.pipeline.filter(|depth| *depth > 1).map(|depth| format!("up to {depth} requests at once")),
        );
        parts.join("; ")
    }

    /// As it is written, without the line of when.
    pub(super) fn text(&self) -> String {
        let delay = Some(self.request_delay).filter(|delay| !delay.0.is_zero());
        let mut text = lines(&[
            ("kind", self.kind.as_deref().map(crate::draft::quoted)),
            ("endpoint", Some(crate::draft::quoted(&self.endpoint))),
            ("pipeline", self.pipeline.map(|depth| depth.to_string())),
            ("request_delay", delay.map(|delay| format!("\"{delay}\""))),
            ("connections", self.connections.map(|count| count.to_string())),
            ("answer_ms", self.answer_ms.map(|time| format!("{time:.1}"))),
        ]);
        for (name, device) in &self.device {
            let cuts: Vec<String> = device.cuts.iter().map(|cut| crate::draft::quoted(cut)).collect();
            text.push_str(&format!("\n[device.{}]\n", crate::draft::key(name)));
            text.push_str(&lines(&[
                ("unit", Some(device.unit.to_string())),
                ("max_registers", device.max_registers.map(|most| most.to_string())),
                ("max_bits", device.max_bits.map(|most| most.to_string())),
                ("cuts", (!cuts.is_empty()).then(|| format!("[{}]", cuts.join(", ")))),
            ]));
        }
        text
    }
}

impl OfDevice {
    /// The cuts, by [`table_number`].
    pub(in crate::south::modbus) fn barriers(&self) -> BTreeMap<u8, Vec<u16>> {
        let mut found: BTreeMap<u8, Vec<u16>> = BTreeMap::new();
        for cut in self.cuts.iter().filter_map(|cut| address::parse(cut).ok()) {
            found.entry(table_number(cut.table)).or_default().push(cut.offset);
        }
        found
    }
}

/// A cut as it is written.
pub(super) fn cut(table: Table, first: u16) -> String {
    format!("{} {first}", table.word())
}

impl File for Measured {
    fn about(&self) -> (&str, &str) {
        (&self.measured, &self.endpoint)
    }

    fn words(&self) -> String {
        self.kept()
    }

    fn mistakes(&self, document: &Document) -> Vec<Diagnostic> {
        let cuts =
            self.device.iter().flat_map(|(name, device)| device.cuts.iter().map(move |cut| (name, cut)));
        let wrong = cuts.filter_map(|(name, cut)| Some((name, address::parse(cut).err()?)));
        wrong
            .map(|(name, wrong)| document.mistake(&["device", name, "cuts"], wrong.message, wrong.help))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::south::survey::measured::{parse, sentence};

    #[test]
    fn what_is_written_is_read_back() {
        let device =
            OfDevice { unit: 1, max_registers: Some(60), max_bits: None, cuts: vec!["holding 120".into()] };
        let it = Measured {
            kind: Some("modbus-tcp".into()),
            measured: "2026-11-22T13:05:00Z".into(),
            endpoint: "10.20.1.11:502".into(),
            pipeline: Some(4),
            request_delay: Period::millis(30),
            connections: Some(2),
            answer_ms: Some(12.5),
            device: BTreeMap::from([("filler".to_owned(), device)]),
        };
        let text = format!("measured = \"{}\"\n{}", it.measured, it.text());
        assert_eq!(parse("measured/x.toml", &text), Ok(it.clone()));
        assert_eq!(
            sentence(&it),
            "measured 2026-11-22: `filler` at most 60 registers; `filler` not across holding 120; \
             30ms of silence before each request; up to 4 requests at once"
        );
        assert_eq!(it.device["filler"].barriers(), BTreeMap::from([(4, vec![120])]));
        assert!(parse::<Measured>("measured/x.toml", &text.replace("holding 120", "120")).is_err());
        assert!(
            parse::<Measured>("measured/x.toml", &text.replace("max_registers = 60", "max_registers = 0"))
                .is_err()
        );
    }
}
