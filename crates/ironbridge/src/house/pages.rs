//! What the pages ask of the whole.

use super::control::{self, NotApplied};
use super::serve::Way;
use super::{House, How, shapes};
use connect::south::opcua::{Certificates as Files, Entry, Side, Standing};
use futures_util::future::BoxFuture;
use model::config::Diagnostic;
use model::{Path, Principal, Time};
use std::sync::Arc;
use web::shapes::{
    AppliedShape, Certificate, Certificates, ClockHealth, Connection, Destination, DestinationRef,
    DestinationSchema, MistakeShape, Mode, PlanShape, Reject, Replay, Site,
};
use web::{Asset, Facts, Pausable, Plant, Problem, ProblemKind};

/// The house as the web interface sees it.
pub struct Pages(pub Arc<House>);

fn certificate(entry: Entry) -> Certificate {
    let standing = match entry.standing {
        Standing::Trusted => "trusted",
        Standing::Rejected => "rejected",
    };
    Certificate {
        thumbprint: entry.thumbprint,
        subject: entry.subject,
        uri: entry.uri,
        from: entry.from,
        until: entry.until,
        standing: standing.to_owned(),
        of: match entry.of {
            Side::Server => "server".to_owned(),
            Side::Client => "client".to_owned(),
        },
    }
}

impl Plant for Pages {
    fn facts(&self) -> Facts {
        let facts = self.0.facts.load();
        Facts {
            version: env!("CARGO_PKG_VERSION").into(),
            site: Site { enterprise: facts.enterprise.clone(), site: facts.site_name.clone() },
            started: self.0.started,
            data_dir: self.0.data.clone(),
            plant_dir: facts.folder.clone(),
            listeners: std::iter::once(facts.address.clone())
                .chain(self.0.opcua_address())
                .chain(Way::ALL.into_iter().filter_map(|way| self.0.sql_address(way)))
                .collect(),
            address: facts.address.clone(),
        }
    }

    fn mode(&self) -> Mode {
        Mode::new(self.0.namespace.writes_on(), self.0.facts.load().simulated)
    }

    fn connections(&self) -> Vec<Connection> {
        self.0.connections.lock().values().map(|one| shapes::connection(one.handle.status())).collect()
    }

    fn destinations(&self) -> Vec<Destination> {
        self.0.destinations.lock().values().map(|one| shapes::destination(one.handle.status())).collect()
    }

    fn destinations_of(&self, path: &Path) -> Vec<DestinationRef> {
        let running = self.0.destinations.lock();
        let wanting = running.iter().filter(|(_, one)| one.handle.selects(path));
        wanting
            .map(|(name, one)| {
                let status = one.handle.status();
                let state = shapes::north_state(status.state).to_owned();
                DestinationRef { name: name.clone(), kind: status.kind.to_owned(), state }
            })
            .collect()
    }

    fn rejects(&self, name: &str, most: usize) -> Option<Vec<Reject>> {
        let running = self.0.destinations.lock();
        let handle = &running.get(name)?.handle;
        Some(handle.rejects().into_iter().take(most).map(shapes::reject).collect())
    }

    fn assets(&self) -> Arc<[Asset]> {
        self.0.facts.load().assets.clone()
    }

    fn clock(&self) -> ClockHealth {
        // The kernel knows whether a time service disciplines the clock; how far it is off, only that service knows.
        ClockHealth { offset_ms: None, synchronised: self.0.namespace.clock_is_sound() }
    }

    fn free_bytes(&self) -> Option<u64> {
        Some(self.0.namespace.journal().stats().free_bytes)
    }

    fn certificates(&self) -> Certificates {
        let files = Files::in_data(&self.0.data);
        let own = Some(files.own_path()).filter(|path| path.exists());
        Certificates {
            own: own.map(|path| path.display().to_string()).unwrap_or_default(),
            certificates: files.list().into_iter().map(certificate).collect(),
        }
    }

    fn set_certificate(&self, thumbprint: &str, trusted: bool) -> Result<Certificate, Problem> {
        let standing = if trusted { Standing::Trusted } else { Standing::Rejected };
        Files::in_data(&self.0.data).set(thumbprint, standing).map(certificate).map_err(|why| {
            let next = "Look at the list of certificates; connections that wait try again within 30 s.";
            Problem::new(ProblemKind::Invalid, why, "Nothing was changed.", next)
        })
    }

    fn secret_users(&self, secret: &str) -> Vec<String> {
        self.0.facts.load().secrets.get(secret).cloned().unwrap_or_default()
    }

    fn door(&self, name: &str, token: &str) -> Option<Arc<dyn web::inbox::Door>> {
        let door = self.0.secrets.inbox.door(name, token)?;
        Some(Arc::new(super::inbox::Post(door)))
    }

    fn pause<'a>(
        &'a self,
        _: &'a Principal,
        what: Pausable<'a>,
        pause: bool,
    ) -> BoxFuture<'a, Result<(), Problem>> {
        let result = match what {
            Pausable::Connection { name, device } => self.pause_connection(name, device, pause),
            Pausable::Destination { name } => {
                let running = self.0.destinations.lock();
                running.get(name).ok_or_else(|| Problem::not_found(format!("destination {name}"))).map(
                    |one| {
                        if pause { one.handle.pause() } else { one.handle.resume() }
                    },
                )
            }
        };
        Box::pin(std::future::ready(result))
    }

    fn replay<'a>(
        &'a self,
        destination: &'a str,
        from: Time,
        to: Option<Time>,
    ) -> BoxFuture<'a, Result<Replay, Problem>> {
        Box::pin(async move {
            let handle = self.destination(destination)?;
            let asked = tokio::task::spawn_blocking(move || handle.replay(from, to));
            asked.await.map_err(Problem::internal)?.map(shapes::replay).map_err(nothing_sent)
        })
    }

    fn stop_replay<'a>(&'a self, destination: &'a str) -> BoxFuture<'a, Result<Replay, Problem>> {
        Box::pin(async move {
            let handle = self.destination(destination)?;
            let asked = tokio::task::spawn_blocking(move || handle.stop_replay());
            asked.await.map_err(Problem::internal)?.map(shapes::replay).map_err(nothing_sent)
        })
    }

    fn schema<'a>(
        &'a self,
        destination: &'a str,
        version: Option<u32>,
    ) -> BoxFuture<'a, Result<DestinationSchema, Problem>> {
        Box::pin(async move {
            let handle = self.destination(destination)?;
            let kind = handle.status().kind;
            let look = tokio::task::spawn_blocking(move || handle.contract());
            let versions = look.await.map_err(Problem::internal)?;
            shapes::schema(destination, kind, &versions, version).ok_or_else(|| {
                let what = version.map_or_else(String::new, |version| format!("version {version} of "));
                Problem::not_found(format!("{what}the schema of destination {destination}"))
            })
        })
    }

    fn letters<'a>(
        &'a self,
        destination: &'a str,
        ids: Option<Vec<u64>>,
        resend: bool,
    ) -> BoxFuture<'a, Result<u64, Problem>> {
        Box::pin(async move {
            let handle = self.destination(destination)?;
            let ids = ids.map(|ids| ids.into_iter().collect());
            let work = move || match resend {
                true => handle.resend(ids.as_ref()) as u64,
                false => handle.drop_letters(ids.as_ref()),
            };
            tokio::task::spawn_blocking(work).await.map_err(Problem::internal)
        })
    }

    fn discover(&self) -> &dyn web::Discover {
        self
    }

    fn monitor(&self) -> &dyn web::Monitor {
        self
    }

    fn plan(&self) -> BoxFuture<'_, Result<PlanShape, Problem>> {
        Box::pin(async {
            let folder = self.0.facts.load().folder.clone();
            match control::plan(&self.0, &folder).await {
                Ok(plan) => Ok(plan),
                Err(NotApplied::Mistakes(found)) => {
                    let mistakes = found.iter().map(mistake).collect();
                    Ok(PlanShape { mistakes, ..PlanShape::default() })
                }
                Err(NotApplied::Refused(why)) => Err(not_applied(why)),
            }
        })
    }

    fn apply<'a>(&'a self, who: &'a Principal) -> BoxFuture<'a, Result<AppliedShape, Problem>> {
        // It goes on to its end also if the page goes away.
        let (house, who) = (self.0.clone(), who.name.clone());
        let task = tokio::spawn(async move {
            let folder = house.facts.load().folder.clone();
            control::apply(&house, &folder, &who, How::PAGE).await
        });
        Box::pin(async {
            match task.await.map_err(Problem::internal)? {
                Ok(done) => Ok(done),
                Err(NotApplied::Refused(why)) => Err(not_applied(why)),
                Err(NotApplied::Mistakes(found)) => {
                    Err(not_applied(format!("the plant folder has {} mistakes", found.len())))
                }
            }
        })
    }

    fn ready(&self) -> Result<(), String> {
        match self.0.namespace.journal().stats().state {
            journal::State::Failing => Err("the disk does not take data".into()),
            _ => Ok(()),
        }
    }

    fn metrics(&self) -> String {
        let mut out = String::from(
            "# HELP ironbridge_tasks_failed_total Tasks that ended in a panic.\n# TYPE ironbridge_tasks_failed_total counter\n",
        );
        out.push_str(&format!("ironbridge_tasks_failed_total {}\n", self.0.supervisor.panics()));
        out.push_str(&self.0.opcua_metrics());
        out.push_str(&self.0.sql_metrics());
        out.push_str("# HELP ironbridge_connection_counted_total What a protocol counts of its own.\n");
        out.push_str("# TYPE ironbridge_connection_counted_total counter\n");
        for (name, one) in self.0.connections.lock().iter() {
            for (counter, value) in one.handle.status().counters {
                out.push_str(&format!(
                    "ironbridge_connection_counted_total{{connection=\"{name}\",what=\"{counter}\"}} {value}\n"
                ));
            }
        }
        out
    }
}

fn nothing_sent(why: String) -> Problem {
    let next = "Look at the destination's page: it shows what is being sent again.";
    Problem::new(ProblemKind::Refused, why, "What is new is delivered as before.", next)
}

fn not_applied(why: String) -> Problem {
    let next = "Look at the plan: it names what has to be mended.";
    Problem::new(ProblemKind::Refused, why, "The plant runs on as it was.", next)
}

fn mistake(found: &Diagnostic) -> MistakeShape {
    MistakeShape {
        file: found.file.to_string(),
        line: found.line(),
        column: found.column(),
        message: found.message.clone(),
        help: found.help.clone(),
    }
}

impl Pages {
    fn destination(&self, name: &str) -> Result<connect::north::Handle, Problem> {
        let running = self.0.destinations.lock();
        let one = running.get(name).ok_or_else(|| Problem::not_found(format!("destination {name}")))?;
        Ok(one.handle.clone())
    }

    fn pause_connection(&self, name: &str, device: Option<&str>, pause: bool) -> Result<(), Problem> {
        let running = self.0.connections.lock();
        let handle =
            &running.get(name).ok_or_else(|| Problem::not_found(format!("connection {name}")))?.handle;
        match device {
            Some(device) if !handle.pause_device(device, pause) => {
                Err(Problem::not_found(format!("device {device} in connection {name}")))
            }
            Some(_) => Ok(()),
            None if pause => {
                handle.pause();
                Ok(())
            }
            None => {
                handle.resume();
                Ok(())
            }
        }
    }
}
