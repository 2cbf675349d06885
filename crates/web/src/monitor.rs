//! What the web interface must be able to ask of the monitor of the network. The binary implements it.

use crate::shapes::{
    DraftFile, MonitorApproved, MonitorAsset, MonitorAssetChange, MonitorAssetPage, MonitorAssets,
    MonitorDifferences, MonitorDraftAsk, MonitorFinding, MonitorFindings, MonitorFindingsAsk, MonitorLinks,
    MonitorMap, MonitorModeAsk, MonitorModes, MonitorPoints, MonitorProtocols, MonitorState, MonitorWindow,
    MonitorWindowAsk, MonitorWindows,
};
use crate::{Problem, ProblemKind};
use model::{Principal, Time};

/// What a person does with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FindingAct {
    /// Has seen it.
    Acknowledge {
        /// May be empty.
        note: String,
    },
    /// Is done with it.
    Close {
        /// Why.
        note: String,
    },
    /// Wants silence.
    Mute {
        /// Why.
        reason: String,
        /// Until when.
        until: Time,
    },
    /// Wants to hear of it again.
    Unmute,
}

/// The monitor. Calls may take as long as looking through tables in memory, or reading one file; the caller has checked
/// the role and written the audit record. What has no monitor answers with empty lists.
pub trait Monitor: Send + Sync + 'static {
    /// Where it stands.
    fn state(&self) -> MonitorState {
        MonitorState::default()
    }

    /// All assets.
    fn assets(&self) -> MonitorAssets {
        MonitorAssets::default()
    }

    /// One asset with everything that is known of it.
    fn asset(&self, id: &str) -> Option<MonitorAssetPage> {
        let _ = id;
        None
    }

    /// Takes what a person says of an asset.
    ///
    /// # Errors
    /// A [`Problem`]: no such asset, or what is said cannot be.
    fn change_asset(
        &self,
        who: &Principal,
        id: &str,
        change: &MonitorAssetChange,
    ) -> Result<MonitorAsset, Problem> {
        let _ = (who, change);
        Err(Problem::not_found(format_args!("asset {id}")))
    }

    /// Approves assets; those that are not known are passed over.
    ///
    /// # Errors
    /// A [`Problem`]: it cannot be kept.
    fn approve(&self, who: &Principal, ids: &[String]) -> Result<MonitorApproved, Problem> {
        let _ = (who, ids);
        Ok(MonitorApproved { approved: 0 })
    }

    /// Forgets an asset that is gone.
    ///
    /// # Errors
    /// A [`Problem`]: no such asset, or it is still there.
    fn forget(&self, id: &str) -> Result<(), Problem> {
        Err(Problem::not_found(format_args!("asset {id}")))
    }

    /// Drafts the connection file of an asset that was seen. Sends nothing, writes nothing.
    ///
    /// # Errors
    /// A [`Problem`]: no such asset, or no kind of connection reads it.
    fn draft(&self, id: &str, ask: &MonitorDraftAsk) -> Result<DraftFile, Problem> {
        let _ = ask;
        Err(Problem::not_found(format_args!("asset {id}")))
    }

    /// Protocols that are told apart.
    fn protocols(&self) -> MonitorProtocols {
        MonitorProtocols::default()
    }

    /// All links, or those of one asset.
    fn links(&self, asset: Option<&str>) -> MonitorLinks {
        let _ = asset;
        MonitorLinks::default()
    }

    /// Data of an asset that were touched.
    fn points(&self, asset: &str) -> MonitorPoints {
        let _ = asset;
        MonitorPoints::default()
    }

    /// Assets and what passes between them.
    fn map(&self) -> MonitorMap {
        MonitorMap::default()
    }

    /// Findings, the worst and newest first.
    fn findings(&self, ask: &MonitorFindingsAsk) -> MonitorFindings {
        let _ = ask;
        MonitorFindings::default()
    }

    /// One finding with its history.
    fn finding(&self, id: &str) -> Option<MonitorFinding> {
        let _ = id;
        None
    }

    /// Does what a person wants with a finding.
    ///
    /// # Errors
    /// A [`Problem`]: no such finding, or it does not stand so that this makes sense.
    fn act(&self, who: &Principal, id: &str, act: FindingAct) -> Result<MonitorFinding, Problem> {
        let _ = (who, act);
        Err(Problem::not_found(format_args!("finding {id}")))
    }

    /// The packets that are kept with a finding, as a pcap file.
    ///
    /// # Errors
    /// A [`Problem`]: no such finding, or none are kept.
    fn packets(&self, id: &str) -> Result<Vec<u8>, Problem> {
        Err(Problem::not_found(format_args!("finding {id}")))
    }

    /// What is done with what is new.
    fn modes(&self) -> MonitorModes {
        MonitorModes::default()
    }

    /// Learns what is normal, or guards it.
    ///
    /// # Errors
    /// A [`Problem`]: the zone has no name that can be, or it cannot be kept.
    fn set_mode(&self, who: &Principal, ask: &MonitorModeAsk) -> Result<MonitorModes, Problem> {
        let _ = (who, ask);
        Err(no_monitor())
    }

    /// What was seen and is not normal.
    fn differences(&self) -> MonitorDifferences {
        MonitorDifferences::default()
    }

    /// Says of differences that they are normal; those that are not there any more are passed over.
    ///
    /// # Errors
    /// A [`Problem`]: it cannot be kept.
    fn approve_differences(&self, who: &Principal, ids: &[String]) -> Result<MonitorApproved, Problem> {
        let _ = (who, ids);
        Err(no_monitor())
    }

    /// Windows of expected work that are open or planned; with `past` all.
    fn windows(&self, past: bool) -> MonitorWindows {
        let _ = past;
        MonitorWindows::default()
    }

    /// Opens a window of expected work.
    ///
    /// # Errors
    /// A [`Problem`]: what is said cannot be, or it cannot be kept.
    fn add_window(&self, who: &Principal, ask: &MonitorWindowAsk) -> Result<MonitorWindow, Problem> {
        let _ = (who, ask);
        Err(no_monitor())
    }

    /// Ends a window before its time.
    ///
    /// # Errors
    /// A [`Problem`]: no such window, or it is over.
    fn end_window(&self, who: &Principal, id: &str) -> Result<MonitorWindow, Problem> {
        let _ = who;
        Err(Problem::not_found(format_args!("window {id}")))
    }
}

fn no_monitor() -> Problem {
    Problem::new(
        ProblemKind::Unavailable,
        "There is no monitor here.",
        "Nothing was changed.",
        "Name an interface in ironbridge.toml: [monitor] interfaces = [\"eth1\"].",
    )
}

/// A plant without a monitor.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMonitor;

impl Monitor for NoMonitor {}
