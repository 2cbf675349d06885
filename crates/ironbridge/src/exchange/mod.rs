//! The model of a plant in the formats of others. A pure mapping: what is exported is what the plant folder says.

mod aas;
mod nodeset;

use crate::plant::Plant;
use clap::ValueEnum;
use model::{Declaration, Path};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Formats that a plant's model is exported to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Asset Administration Shells, JSON (IDTA 01001, version 3.0)
    Aas,
    /// OPC UA NodeSet2, XML (OPC 10000-6, annex F)
    Nodeset2,
}

/// The whole plant as text.
pub fn export(plant: &Plant, format: ExportFormat) -> String {
    match format {
        ExportFormat::Aas => aas::export(plant),
        ExportFormat::Nodeset2 => nodeset::export(plant),
    }
}

/// All points, by path.
fn points(plant: &Plant) -> BTreeMap<&Path, &Arc<Declaration>> {
    let all = plant.connections.iter().flat_map(|one| &one.it.built.points);
    all.map(|point| (&point.path, point)).collect()
}

/// A name of this plant that is unique in the world as far as its enterprise's name is.
fn urn(plant: &Plant, what: &str) -> String {
    format!("urn:ironbridge:{}:{}:{what}", plant.settings.enterprise, plant.settings.site)
}
