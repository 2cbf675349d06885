use super::Millis;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The files of the plant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlantFiles {
    /// The plant folder on the machine.
    pub folder: String,
    /// The git repository that the folder is in; null without one.
    pub repository: Option<Repository>,
    /// `ironbridge.toml` first, then by name.
    pub files: Vec<PlantFile>,
}

/// The git repository of a plant folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Repository {
    /// The present branch; null while none is checked out.
    pub branch: Option<String>,
    /// Files that differ from the last commit.
    pub changed: usize,
}

/// One file of the plant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlantFile {
    /// Below the plant folder, e.g. `connections/line-1.toml`.
    pub name: String,
    /// `plant`, `connection`, `destination`, `asset`, `type` (of assets) or `list` (a spreadsheet of tags).
    pub sort: String,
    /// Its size.
    pub bytes: u64,
    /// Last change, ms.
    pub changed: Option<Millis>,
}

/// One file, as text and as what it says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileText {
    /// Below the plant folder.
    pub name: String,
    /// `plant`, `connection`, `destination`, `asset`, `type` or `list`.
    pub sort: String,
    /// The whole text.
    pub text: String,
    /// Names this very text: given back when it is saved, so that nobody overwrites another's change.
    pub version: String,
    /// `kind = "..."` of a connection or destination.
    pub kind: Option<String>,
    /// The keys and values of a TOML file; null if it cannot be read as one.
    #[schema(value_type = Object)]
    pub values: serde_json::Value,
    /// The JSON schema that it is checked against; null if there is none.
    #[schema(value_type = Object)]
    pub schema: serde_json::Value,
}

/// Kinds of files that can be added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileKinds {
    /// Connections, destinations, assets, types.
    pub kinds: Vec<FileKind>,
}

/// A kind of file that can be added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileKind {
    /// `connection`, `destination`, `asset` or `type`.
    pub sort: String,
    /// What stands in `kind = "..."`; empty for assets and types.
    pub name: String,
    /// For people.
    pub title: String,
    /// An example file.
    pub sample: String,
}

/// What is to become of files; nothing else of the plant changes.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edits {
    /// At most 64.
    pub edits: Vec<Edit>,
}

/// What is to become of one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Edit {
    /// Below the plant folder.
    pub name: String,
    /// The new text; null removes the file.
    pub text: Option<String>,
    /// The version that was read; null for a file that must not exist yet.
    #[serde(default)]
    pub version: Option<String>,
}

/// What a check of edits found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Findings {
    /// Every mistake of the plant as it would be; empty: it can be applied.
    pub mistakes: Vec<Mistake>,
    /// What changes in each file, line by line.
    pub changes: Vec<FileChange>,
}

/// One mistake.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Mistake {
    /// Below the plant folder.
    pub file: String,
    /// From 1; null if it concerns the whole file.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

/// What changes in one file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FileChange {
    /// Below the plant folder.
    pub name: String,
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// Unified: each line begins with a blank, `+`, `-` or `@`.
    pub diff: String,
}

/// Edits that were saved. They take effect when they are applied.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Saved {
    /// Names of the files.
    pub files: Vec<String>,
    /// The commit that holds them; null without a repository.
    pub commit: Option<String>,
    /// Why the repository did not take them; empty otherwise. The files are saved all the same.
    pub remark: String,
}

/// Values of keys to be changed in a TOML text; everything else in it stays, comments too.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyChanges {
    /// The file that the text is of or is going to be, e.g. `connections/line-1.toml`; without it no schema is told.
    #[serde(default)]
    pub name: String,
    /// The text.
    pub text: String,
    /// At most 1,000.
    pub set: Vec<KeyChange>,
}

/// The value of one key.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyChange {
    /// The key and the tables around it, e.g. `["device", "filler", "unit"]`.
    pub path: Vec<String>,
    /// The new value; null removes the key.
    #[schema(value_type = Object)]
    pub value: serde_json::Value,
}

/// A changed text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChangedText {
    /// The text.
    pub text: String,
    /// Its keys and values.
    #[schema(value_type = Object)]
    pub values: serde_json::Value,
    /// The JSON schema that it is checked against, by its file and its `kind`; null if there is none.
    #[schema(value_type = Object)]
    pub schema: serde_json::Value,
}
