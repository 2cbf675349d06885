//! Takes posts as long as the connection runs, and says what became of each.

use super::config::File;
use crate::endless::endless;
use crate::inbox::{Frame, Kept, Post, Refused, SHORTEST_TOKEN, Taken};
use crate::kind::{Context, Secrets};
use crate::south::messages::{Came, Intake};
use crate::south::{Driver, Layout, Link};
use futures_util::future::BoxFuture;
use model::Fault;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::time::Instant;

/// See the module.
pub struct Webhook {
    secrets: Arc<dyn Secrets>,
    token: String,
    max_body: usize,
    max_rate: u32,
    intake: Intake,
    layout: Layout,
}

impl Webhook {
    pub fn new(context: &Context, file: &File, intake: Intake, layout: Layout) -> Self {
        let secrets = context.secrets.clone();
        let token = file.token.secret.clone();
        let max_body = usize::try_from(file.max_body).unwrap_or(usize::MAX);
        Self { secrets, token, max_body, max_rate: file.max_rate, intake, layout }
    }

    /// A post that shows nothing, or something that is guessed soon, is none that can be trusted.
    fn check_token(&self) -> Result<(), Fault> {
        let name = &self.token;
        if crate::reach::secret(&*self.secrets, name)?.len() >= SHORTEST_TOKEN {
            return Ok(());
        }
        Err(Fault::Security(
            format!("the secret `{name}` is shorter than {SHORTEST_TOKEN} characters: set a longer one, e.g. what `openssl rand -hex 32` prints").into(),
        ))
    }

    async fn run(&mut self, link: &mut Link) -> Result<Infallible, Fault> {
        let ready = self.check_token();
        link.open(async { ready }).await?;
        link.speaking();
        self.intake.recall(link).await?;
        // Nobody knows what would have been posted while nobody was there.
        self.intake.settle(Instant::now(), false, link);
        for device in 0..self.intake.devices() {
            link.alive(device);
        }
        link.awaits();
        let mut door = self.secrets.inbox().open(Frame {
            name: link.name().to_owned(),
            token: self.token.clone(),
            secrets: self.secrets.clone(),
            max_body: self.max_body,
            max_rate: self.max_rate,
            journal: link.namespace().journal().clone(),
            clock: link.clock().clone(),
            limited: Box::new(link.rejecting()),
        });
        loop {
            // Nothing is scanned or probed, and no point can be written.
            while link.take().is_some() {}
            self.intake.sweep(link);
            let sweep_at = self.intake.sweep_at();
            tokio::select! {
                biased;
                post = door.posts.recv() => match post {
                    Some(post) => self.take(post, link).await?,
                    None => return Err(Fault::Lost("the door was closed".into())),
                },
                ended = self.intake.ended() => drop(self.intake.concluded(ended, link)),
                () = link.wait(sweep_at) => {}
            }
        }
    }

    async fn take(&mut self, post: Post, link: &mut Link) -> Result<(), Fault> {
        let Post { path, body, answer } = post;
        let now = link.clock().now();
        let came = Came { topic: &path, payload: &body, retained: false, stored: None, now, cut: None };
        let done = self.intake.take(&[came], link).await?;
        let (values, bad, no_room) = (done.values, done.bad, done.no_room);
        let kept = Kept { values, bad, no_room, commands: Vec::new() };
        let commands = done.commands;
        let told = match done.position {
            _ if done.unclaimed > 0 => Err(Refused::Unread(self.intake.words(&path))),
            _ if done.unreadable => Err(Refused::Unreadable(
                "the body is not what its format says; the points that read it are bad now (BadDecodingError)".into(),
            )),
            Some(position) => Ok(Taken { position, kept, commands }),
            None if values > 0 => {
                Err(Refused::Closed("the device is paused by a person; nothing was kept".into()))
            }
            // Nothing to keep: what stands in it has no room.
            None => Ok(Taken { position: link.namespace().journal().synced(), kept, commands }),
        };
        // Who posted may have gone meanwhile; the values are kept all the same.
        let _ = answer.send(told);
        Ok(())
    }
}

impl Driver for Webhook {
    fn layout(&self) -> Layout {
        self.layout.clone()
    }

    fn serve<'a>(&'a mut self, link: &'a mut Link) -> BoxFuture<'a, Fault> {
        endless(self.run(link))
    }
}
