//! Who may write: the answer to the command path.

use crate::Access;
use model::{Path, Principal, Role, Time};
use namespace::{Authority, Entry, Ledger};
use std::time::Duration;

/// How far back the command path asks what was done: longer than any command or lease lasts.
const RECALLED: Duration = Duration::from_secs(86_400);

impl Authority for Access {
    /// Operators and above, under their prefix. Users and tokens are looked up again, so that a right that was taken
    /// away ends at once, also for a session or connection that is still open.
    fn may_write(&self, who: &Principal, path: &Path) -> Result<(), String> {
        if self.0.users.locked().is_some() {
            return Err("the users of this gateway cannot be read, so nothing is written to the plant".into());
        }
        let now = self.0.clock.now();
        let current = match who.name.split_once(':') {
            Some(("user", name)) => {
                let users = self.0.users.get();
                let user =
                    users.find(name).ok_or_else(|| format!("the user `{name}` does not exist any more"))?;
                if user.disabled {
                    return Err(format!("the user `{name}` is disabled"));
                }
                user.principal()
            }
            Some(("token", name)) => {
                let known = self.0.tokens.get().principal_of(name, now);
                known.ok_or_else(|| format!("the token `{name}` does not exist any more or has expired"))?
            }
            Some(("local" | "destination" | "connection", _)) => who.clone(),
            _ => return Err(format!("`{}` may not write to the plant", who.name)),
        };
        let role = who.role.min(current.role);
        if role < Role::Operator {
            return Err(format!("writing needs the role operator; `{}` is {role}", who.name));
        }
        if !who.sees(path) || !current.sees(path) {
            return Err(format!("`{}` may write only under {}", who.name, prefix_of(who, &current)));
        }
        Ok(())
    }
}

fn prefix_of(who: &Principal, current: &Principal) -> String {
    current.prefix.clone().or_else(|| who.prefix.clone()).unwrap_or_default()
}

impl Ledger for Access {
    fn record(&self, entry: Entry) -> Result<(), String> {
        self.0.ledger.append(&entry)
    }

    fn recall(&self) -> Vec<(Time, Entry)> {
        let since = self.0.clock.now().before(RECALLED);
        self.0.ledger.recent(since, &["command", "lease"]).unwrap_or_else(|why| {
            tracing::error!(%why, "the audit ledger cannot be read: commands of the last run are not known");
            Vec::new()
        })
    }
}
