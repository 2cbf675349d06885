//! Sessions that only a fault ends.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Fault;
use std::convert::Infallible;
use std::future::Future;

/// What a driver or a sink serves with, where a session has no end of its own: the fault that ended it.
pub(crate) fn endless<'a>(
    run: impl Future<Output = Result<Infallible, Fault>> + Send + 'a,
) -> BoxFuture<'a, Fault> {
    async {
        let Err(fault) = run.await;
        fault
    }
    .boxed()
}
