//! Events as a security operations centre takes them: OCSF, CEF, syslog. Pure; one table of severities for all.

mod cef;
mod ocsf;
mod syslog;

pub use cef::{cef, cef_shape};
pub use ocsf::{ocsf, ocsf_schema};
pub use syslog::{Facility, syslog, syslog_shape};

use model::event::severity::word;
use model::{Event, EventKind};

/// Name of the product in every format.
pub const PRODUCT: &str = "Ironbridge";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A severity as the formats have it: OCSF `severity_id`, CEF 0-10, syslog 0-7 (RFC 5424, 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Severity {
    /// 1 informational to 5 critical.
    pub ocsf: u8,
    /// The word for it.
    pub ocsf_word: &'static str,
    /// 0 to 10.
    pub cef: u8,
    /// 6 informational to 2 critical.
    pub syslog: u8,
}

/// The one table.
pub fn severity(severity: u16) -> Severity {
    let (ocsf, ocsf_word, cef, syslog) = match word(severity) {
        "info" => (1, "Informational", 1, 6),
        "low" => (2, "Low", 3, 5),
        "medium" => (3, "Medium", 5, 4),
        "high" => (4, "High", 8, 3),
        _ => (5, "Critical", 10, 2),
    };
    Severity { ocsf, ocsf_word, cef, syslog }
}

/// The word for a kind.
pub const fn kind(kind: EventKind) -> &'static str {
    kind.word()
}

/// What groups events of one sort: the id of a detection where there is one, else kind and what it is about.
pub fn signature(event: &Event) -> String {
    let words = event.refs.iter().map(String::as_str).chain(event.id.split('/'));
    let detection = words.into_iter().find(|word| word.starts_with("IB-"));
    detection.map_or_else(
        || {
            let first = event.source.split('/').next().unwrap_or_default();
            format!("{}-{first}", kind(event.kind))
        },
        str::to_owned,
    )
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use model::Time;

    /// A finding with everything that must not break a format.
    pub fn nasty() -> Event {
        let mut event = Event::active(
            EventKind::Finding,
            "finding/IB-S7-003/17",
            "monitor",
            Time::from_millis(1_767_225_600_123),
            750,
            "PLC \"filler\" stopped | by a=b\\c]\nnext\u{1b}[31m",
        )
        .explained("It stands.\r\nReally.", "Ask who did it.");
        event.refs = vec!["acme/leeds/filler".into(), "10.0.0.1".into()];
        event
    }

    #[test]
    fn one_table_of_severities() {
        let all: Vec<_> = [100, 300, 500, 700, 900, 1000].map(severity).to_vec();
        assert!(all.windows(2).all(|pair| {
            pair[0].ocsf <= pair[1].ocsf && pair[0].cef <= pair[1].cef && pair[0].syslog >= pair[1].syslog
        }));
        assert_eq!((all[0].ocsf, all[4].ocsf, all[4].cef, all[4].syslog), (1, 5, 10, 2));
        assert_eq!(signature(&nasty()), "IB-S7-003");
        let fault = Event::info(EventKind::Fault, "x/1", "connection/line-1", Time(0), "t");
        assert_eq!(signature(&fault), "fault-connection");
    }
}
