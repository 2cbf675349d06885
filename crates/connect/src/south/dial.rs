//! Where a driver's streams come from.

use model::Fault;
use std::time::Duration;
use transport::{Stream, Target};

/// Opens streams.
pub(super) enum Dial {
    /// The configured endpoint.
    Target(Target),
    /// Tests hand over one end of a pipe for each session, or refuse it.
    #[cfg(test)]
    Mock(Box<dyn FnMut() -> Option<Stream> + Send>),
}

impl Dial {
    pub(super) async fn open(&mut self, timeout: Duration) -> Result<Stream, Fault> {
        match self {
            Self::Target(target) => transport::dial(target, timeout).await,
            #[cfg(test)]
            Self::Mock(open) => open().ok_or(Fault::Connect("nobody there".into())),
        }
    }
}
