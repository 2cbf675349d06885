//! The files of the plant, as the pages need them. The binary implements it.

use crate::Problem;
use crate::shapes::{ChangedText, Edit, FileKind, FileText, Findings, KeyChange, PlantFiles, Saved};
use model::Principal;

/// Reading and writing the plant folder. Everything may read and write files: it runs where blocking is allowed.
/// Nothing here starts or stops anything; that is what `apply` does.
pub trait Configuration: Send + Sync + 'static {
    /// Kinds of files that can be added.
    fn kinds(&self) -> Vec<FileKind>;

    /// All files.
    ///
    /// # Errors
    /// A [`Problem`] when the folder cannot be read.
    fn files(&self) -> Result<PlantFiles, Problem>;

    /// One file.
    ///
    /// # Errors
    /// Not found, too large, or no text.
    fn read(&self, name: &str) -> Result<FileText, Problem>;

    /// The plant as it would be with `edits`: every mistake, and what changes.
    ///
    /// # Errors
    /// Names that are no files of a plant, or a folder that cannot be read.
    fn check(&self, edits: &[Edit]) -> Result<Findings, Problem>;

    /// Changes keys of the text of file `name` (empty: of no file) and leaves everything else as it stands.
    ///
    /// # Errors
    /// The name is no file of a plant, the text is no TOML, or a key stands where no table is.
    fn change(&self, name: &str, text: &str, set: &[KeyChange]) -> Result<ChangedText, Problem>;

    /// Saves all of `edits` or none, if the plant has no mistake then and nobody changed the files meanwhile.
    ///
    /// # Errors
    /// What was found, changed meanwhile, not recorded or not written.
    fn save(&self, who: &Principal, edits: &[Edit]) -> Result<Saved, Problem>;
}
