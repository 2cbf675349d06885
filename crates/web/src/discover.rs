//! What the web interface must be able to ask about finding devices and about tag lists of other programs. The binary
//! implements it.

use crate::Problem;
use crate::shapes::{
    BrowseAsk, CharacteriseAsk, CharacterisePlan, CharacteriseRun, CharacteriseStart, DiscoverAsk,
    DiscoverPlan, DiscoverProtocols, DiscoverScan, DiscoverStart, DraftAsk, DraftFile, ImportAsk,
    ImportFormats,
};
use futures_util::future::BoxFuture;
use model::Principal;

/// Finding devices. A draft is text: nothing here changes the plant folder.
pub trait Discover: Send + Sync + 'static {
    /// What can be asked for.
    fn protocols(&self) -> DiscoverProtocols;

    /// What an ask would do. Sends nothing.
    ///
    /// # Errors
    /// A [`Problem`] in words.
    fn plan<'a>(&'a self, ask: &'a DiscoverAsk) -> BoxFuture<'a, Result<DiscoverPlan, Problem>>;

    /// Begins a scan that a person has agreed to. It is in the audit ledger before the first packet.
    ///
    /// # Errors
    /// A [`Problem`]: one runs already, the plan is another one now, or it could not be recorded.
    fn start<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a DiscoverStart,
    ) -> BoxFuture<'a, Result<DiscoverScan, Problem>>;

    /// The last scans, newest first.
    fn scans(&self) -> Vec<DiscoverScan>;

    /// One scan.
    fn scan(&self, id: &str) -> Option<DiscoverScan>;

    /// Ends a scan. False if there is none with this id.
    fn stop(&self, id: &str) -> bool;

    /// Drafts the connection file of a device that was found.
    ///
    /// # Errors
    /// A [`Problem`]: no such scan or device, or no kind of connection reads it.
    fn draft(&self, id: &str, ask: &DraftAsk) -> Result<DraftFile, Problem>;

    /// Formats of tag lists.
    fn formats(&self) -> ImportFormats;

    /// Drafts a connection file from a tag list of another program.
    ///
    /// # Errors
    /// A [`Problem`]: the file is not what it is said to be.
    fn import(&self, ask: &ImportAsk) -> Result<DraftFile, Problem>;

    /// Signs in at the device of a connection file, looks at what it holds, and drafts the file with tags.
    ///
    /// # Errors
    /// A [`Problem`]: mistakes in the file, a kind whose devices do not tell, or what the device says.
    fn browse<'a>(&'a self, ask: &'a BrowseAsk) -> BoxFuture<'a, Result<DraftFile, Problem>> {
        let _ = ask;
        Box::pin(std::future::ready(Err(Problem::not_found("way to look around"))))
    }

    /// What measuring a device would do. Sends nothing.
    ///
    /// # Errors
    /// A [`Problem`]: mistakes in the file, or a kind whose devices cannot be measured.
    fn characterise_plan<'a>(
        &'a self,
        ask: &'a CharacteriseAsk,
    ) -> BoxFuture<'a, Result<CharacterisePlan, Problem>>;

    /// Begins to measure, as a person has agreed. It is in the audit ledger before the first packet.
    ///
    /// # Errors
    /// A [`Problem`]: one runs already, the plan is another one now, or it could not be recorded.
    fn characterise<'a>(
        &'a self,
        who: &'a Principal,
        yes: &'a CharacteriseStart,
    ) -> BoxFuture<'a, Result<CharacteriseRun, Problem>>;

    /// The last runs, newest first.
    fn characterise_runs(&self) -> Vec<CharacteriseRun>;

    /// Ends a run. False if there is none with this id.
    fn characterise_stop(&self, id: &str) -> bool;
}
