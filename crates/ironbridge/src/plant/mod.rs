//! A plant is a folder of TOML files. Loading it finds every mistake and starts nothing.

mod assets;
mod drafts;
mod files;
mod fit;
mod load;
mod loader;
mod serve;
mod settings;
mod tables;
mod types;

pub use assets::{Asset, Level, Placed};
pub use drafts::check_drafts;
pub use load::{Connection, Known, Loaded, Mark, Marks, Plant, load, load_changed, rebuild_destination};
pub use serve::OpcUa;
pub use settings::{Keep, MonitorSettings, Settings, Switch, Tls, check_listen};
pub use tables::Tables;
pub use types::{AssetType, PartType, PointKind, PointType, StateModel};
