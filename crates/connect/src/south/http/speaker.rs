//! Questions to one server, and what its answers mean.

use super::client::{Answer, Client};
use super::document::{self, Row};
use crate::south::Layout;
use crate::south::turns::{Reply, Sheet, Speaker, Unwritten};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::{Fault, Status, Value};

/// One path, and the rows that its answer feeds.
pub(super) struct Step {
    pub(super) path: String,
    pub(super) rows: Vec<u32>,
}

/// Points of one device and scan class.
#[derive(Default)]
pub(super) struct Group {
    pub(super) steps: Vec<Step>,
    pub(super) rows: Vec<Row>,
}

/// One server.
pub(super) struct Http {
    client: Client,
    layout: Layout,
    groups: Vec<Group>,
}

/// What an answer's status means (RFC 9110, 15).
enum Meaning {
    /// It has a document.
    Document,
    /// The path is refused until something changes.
    Refused(String),
    /// The server fails at the moment.
    Fails(String),
}

impl Http {
    pub(super) fn new(client: Client, layout: Layout, groups: Vec<Group>) -> Self {
        Self { client, layout, groups }
    }

    async fn ask_step(&mut self, group: usize, step: usize, sheet: &mut Sheet) -> Result<Reply, Fault> {
        let Some(group) = self.groups.get(group) else { return Ok(Reply::default()) };
        let Some(step) = group.steps.get(step) else { return Ok(Reply::default()) };
        let answer = self.client.get(&step.path).await?;
        let body = answer.body.as_deref().unwrap_or_default();
        let mut reply = Reply { bytes: body.len(), ..Reply::default() };
        let code = answer.status.as_u16();
        let exception =
            |why: &str| Fault::Exception { code: code.into(), text: format!("{}: {why}", step.path).into() };
        match meaning(&answer)? {
            Meaning::Document => match serde_json::from_slice(body) {
                Ok(document) => {
                    for row in &step.rows {
                        if let Some(point) = group.rows.get(*row as usize) {
                            document::put(*row, point, &step.path, &document, sheet);
                        }
                    }
                }
                Err(error) => {
                    step.rows.iter().for_each(|row| sheet.put(*row, Value::None, Status::BAD_DECODING_ERROR));
                    reply.exception = Some(exception(&format!("the answer is no JSON: {error}")));
                }
            },
            Meaning::Refused(why) => {
                step.rows.iter().for_each(|row| sheet.refuse(*row, step.path.clone(), why.clone()));
                reply.exception = Some(exception(&why));
                reply.refused = true;
            }
            Meaning::Fails(why) => {
                step.rows.iter().for_each(|row| sheet.put(*row, Value::None, Status::BAD_DEVICE_FAILURE));
                reply.exception = Some(exception(&why));
            }
        }
        Ok(reply)
    }
}

fn meaning(answer: &Answer) -> Result<Meaning, Fault> {
    let status = answer.status;
    let named = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    Ok(match status.as_u16() {
        200..=299 if answer.body.is_none() => {
            Meaning::Refused("the answer is longer than `max_body` allows; it was not read to its end".into())
        }
        200..=299 => Meaning::Document,
        300..=399 => {
            let to = answer.location.as_deref().unwrap_or("another place");
            Meaning::Refused(format!(
                "{named}: the server points to {to}; redirects are not followed, write that path"
            ))
        }
        401 => {
            let why = "the server does not accept our sign-in (401): check token, user and password";
            return Err(Fault::Security(why.into()));
        }
        403 => Meaning::Refused(format!("{named}: our sign-in may not read this path")),
        404 | 410 => Meaning::Refused(format!("{named}: the server has nothing at this path")),
        408 | 425 | 429 | 500..=599 => {
            Meaning::Fails(format!("{named}: the server cannot answer at the moment"))
        }
        _ => Meaning::Refused(format!("{named}: the server refuses this request")),
    })
}

impl Speaker for Http {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn open(&mut self) -> BoxFuture<'_, Result<(), Fault>> {
        self.client.connect().boxed()
    }

    fn steps(&self, group: usize) -> usize {
        self.groups.get(group).map_or(1, |group| group.steps.len())
    }

    fn ask<'a>(
        &'a mut self,
        group: usize,
        step: usize,
        sheet: &'a mut Sheet,
    ) -> BoxFuture<'a, Result<Reply, Fault>> {
        self.ask_step(group, step, sheet).boxed()
    }

    fn write<'a>(&'a mut self, _: usize, _: u32, _: &'a Value) -> BoxFuture<'a, Result<(), Unwritten>> {
        // No point of it is writable; `check` says so.
        async { Err(Unwritten::Unfit("an HTTP connection only reads".into())) }.boxed()
    }

    fn read(&mut self, _: usize, _: u32) -> BoxFuture<'_, Result<(Value, Status), Fault>> {
        async { Ok((Value::None, Status::BAD)) }.boxed()
    }

    fn agrees(&self, _: usize, _: u32, _: &Value, _: &Value) -> bool {
        false
    }
}
