//! Posts on their way from the page's listener to a connection.

use connect::inbox::{Answer, Door, Refused};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use web::inbox::{Coming, Ordered, Posted};
use web::{Problem, ProblemKind};

/// A door as the web interface sees it.
pub(super) struct Post(pub Arc<Door>);

impl web::inbox::Door for Post {
    fn max_body(&self) -> usize {
        self.0.max_body()
    }

    fn post<'a>(
        &'a self,
        path: String,
        body: Coming<'a>,
    ) -> BoxFuture<'a, Result<Posted, web::inbox::Refused>> {
        async move {
            let kept = self.0.post(path, body).await.map_err(refused)?;
            let ordered = |answer: Answer| Ordered {
                command: answer.command,
                order: answer.order,
                outcome: answer.outcome,
                why: answer.why,
            };
            let commands = kept.commands.into_iter().map(ordered).collect();
            Ok(Posted { values: kept.values, bad: kept.bad, no_room: kept.no_room, commands })
        }
        .boxed()
    }
}

fn refused(why: Refused) -> web::inbox::Refused {
    let problem = |kind, title: String, next: &str| {
        let meaning = "Nothing of it counts as received.";
        web::inbox::Refused::Problem(Problem::new(kind, title, meaning, next))
    };
    match why {
        Refused::TooMany(seconds) => web::inbox::Refused::TooMany(seconds),
        Refused::TooLong => web::inbox::Refused::TooLong,
        Refused::Unread(what) => problem(
            ProblemKind::NotFound,
            format!("Nothing was kept: {what}."),
            "Compare the path and the body with `at` and `value` in the connection's file.",
        ),
        Refused::Unreadable(what) => problem(
            ProblemKind::Invalid,
            format!("Nothing was kept: {what}."),
            "Send what the connection's file says: JSON, or another `format` (\"raw\", \"csv\", \"xml\").",
        ),
        Refused::Closed(what) => problem(
            ProblemKind::Unavailable,
            format!("Nothing was kept: {what}."),
            "Send it again in a few seconds.",
        ),
    }
}
