//! `measured/NAME.toml`: what was measured of the endpoint of a connection, for the planner.
//!
//! Rationale: a file in the plant folder like all others, so that it shows in the plan, lives in git, and is forgotten by
//! removing it. What it says only ever makes the plan gentler, or lets it ask more at once where the connection's own file
//! is silent about that.

use crate::south::modbus::address;
use crate::south::modbus::spec::table_number;
use crate::south::tags::{Plan, closed_schema};
use model::config::{Diagnostic, Document, Period, check};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use wire::modbus::Table;

/// Largest file, bytes.
const MOST_BYTES: u64 = 1024 * 1024;

/// What was measured.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Measured {
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
    /// That of the connection, if there is one that holds for the endpoint; and a sentence about it for the plan.
    /// Mistakes in it go to the plan.
    pub(in crate::south::modbus) fn load(plan: &mut Plan<'_>, endpoint: &str) -> (Option<Self>, String) {
        let file = format!("measured/{}.toml", plan.context().name);
        let path = plan.context().folder.join(&file);
        let text = match std::fs::metadata(&path) {
            Err(_) => return (None, String::new()),
            Ok(about) if about.len() > MOST_BYTES => Err("it is larger than 1 MiB".to_owned()),
            Ok(_) => std::fs::read_to_string(&path).map_err(|why| why.to_string()),
        };
        let parsed = text
            .map_err(|why| vec![Diagnostic::of_file(&file, format!("cannot be read: {why}"), "remove it")])
            .and_then(|text| parse(&file, &text));
        match parsed {
            Err(mistakes) => {
                plan.add(mistakes);
                (None, String::new())
            }
            Ok(it) if it.endpoint != endpoint => {
                let words = format!("{file} is of {}: not used; measure again, or remove it", it.endpoint);
                (None, words)
            }
            Ok(it) => {
                let words = it.words();
                (Some(it), words)
            }
        }
    }

    /// That of one device.
    pub(in crate::south::modbus) fn of(&self, name: &str, unit: u8) -> Option<&OfDevice> {
        self.device.get(name).filter(|device| device.unit == unit)
    }

    /// What the planner keeps to, in words.
    fn words(&self) -> String {
        let day = self.measured.get(..10).unwrap_or(&self.measured);
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
        let what = if parts.is_empty() { "no limit of the device".to_owned() } else { parts.join("; ") };
        format!("measured {day}: {what}")
    }

    /// As it is written, without the line of when.
    pub(super) fn text(&self) -> String {
        let mut text = format!("endpoint = {}\n", crate::draft::quoted(&self.endpoint));
        if let Some(depth) = self.pipeline {
            text.push_str(&format!("pipeline = {depth}\n"));
        }
        if !self.request_delay.0.is_zero() {
            text.push_str(&format!("request_delay = \"{}\"\n", self.request_delay));
        }
        if let Some(count) = self.connections {
            text.push_str(&format!("connections = {count}\n"));
        }
        if let Some(time) = self.answer_ms {
            text.push_str(&format!("answer_ms = {time:.1}\n"));
        }
        for (name, device) in &self.device {
            text.push_str(&format!("\n[device.{}]\nunit = {}\n", crate::draft::key(name), device.unit));
            if let Some(most) = device.max_registers {
                text.push_str(&format!("max_registers = {most}\n"));
            }
            if let Some(most) = device.max_bits {
                text.push_str(&format!("max_bits = {most}\n"));
            }
            if !device.cuts.is_empty() {
                let cuts: Vec<String> = device.cuts.iter().map(|cut| crate::draft::quoted(cut)).collect();
                text.push_str(&format!("cuts = [{}]\n", cuts.join(", ")));
            }
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

fn parse(file: &str, text: &str) -> Result<Measured, Vec<Diagnostic>> {
    let document = Document::parse(file, text)?;
    let mistakes = check(&document, &closed_schema::<Measured>());
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let it: Measured = document.construct().map_err(|mistake| vec![mistake])?;
    let mut mistakes = Vec::new();
    for (name, device) in &it.device {
        for cut in &device.cuts {
            if let Err(wrong) = address::parse(cut) {
                mistakes.push(document.mistake(&["device", name, "cuts"], wrong.message, wrong.help));
            }
        }
    }
    if mistakes.is_empty() { Ok(it) } else { Err(mistakes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let device =
            OfDevice { unit: 1, max_registers: Some(60), max_bits: None, cuts: vec!["holding 120".into()] };
        let it = Measured {
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
            it.words(),
            "measured 2026-11-22: `filler` at most 60 registers; `filler` not across holding 120; \
             30ms of silence before each request; up to 4 requests at once"
        );
        assert_eq!(it.device["filler"].barriers(), BTreeMap::from([(4, vec![120])]));
        assert!(parse("measured/x.toml", &text.replace("holding 120", "120")).is_err());
        assert!(parse("measured/x.toml", &text.replace("max_registers = 60", "max_registers = 0")).is_err());
    }
}
