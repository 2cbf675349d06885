//! The model of a plant in the formats of others. A pure mapping: what is exported is what the plant folder says.

mod aas;
pub mod import;
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
    /// The same as an AASX package (IDTA 01005, version 3.0)
    Aasx,
    /// OPC UA NodeSet2, XML (OPC 10000-6, annex F)
    Nodeset2,
}

/// The whole plant as a file.
///
/// # Errors
/// It does not fit the format, in words.
pub fn export(plant: &Plant, format: ExportFormat) -> Result<Vec<u8>, &'static str> {
    match format {
        ExportFormat::Aas => Ok(aas::export(plant).into_bytes()),
        ExportFormat::Aasx => {
            aas::export_package(plant).ok_or("the plant is too large for a package of 4 GiB")
        }
        ExportFormat::Nodeset2 => Ok(nodeset::export(plant).into_bytes()),
    }
}

/// The tags that feed points of assets, by the points' paths.
fn tags(plant: &Plant) -> BTreeMap<&Path, &str> {
    let all = plant.assets.iter().flat_map(|asset| &asset.binds);
    all.map(|(tag, path, _)| (path, tag.as_str())).collect()
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
