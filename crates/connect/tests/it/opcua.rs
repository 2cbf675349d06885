//! OPC UA against servers that nobody here wrote: asyncua (Python), node-opcua and open62541.

use crate::support::{House, Peer, eventually, free_port, node, peer_file, python};
use connect::kind::{self, Context, Secrets};
use connect::south::opcua::{Certificates, Standing};
use connect::south::{self, Handle};
use journal::{Item, Record};
use model::config::Document;
use model::{Outcome, Path, Position, Status, SystemClock, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

mod cuts;
mod looking;
mod lost;
mod open62541;
mod parts;
mod security;
mod values;

/// Secrets and a data folder of its own, as a running Ironbridge has them.
struct Safe {
    data: PathBuf,
    known: BTreeMap<&'static str, String>,
}

impl Secrets for Safe {
    fn secret(&self, name: &str) -> Option<String> {
        self.known.get(name).cloned()
    }
    fn data(&self) -> Option<PathBuf> {
        Some(self.data.clone())
    }
}

/// A gateway and the folder of a server.
struct Rig {
    house: House,
    folder: tempfile::TempDir,
    port: u16,
    python: String,
}

impl Rig {
    fn new() -> Option<Self> {
        let python = python()?;
        Some(Self { house: House::new(), folder: tempfile::tempdir().unwrap(), port: free_port(), python })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn certificates(&self) -> Certificates {
        Certificates::in_data(&self.data())
    }

    fn server_folder(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    /// Starts asyncua with these options.
    fn server(&self, options: &[&str]) -> Peer {
        let (port, folder) = (self.port.to_string(), self.server_folder().display().to_string());
        let file = peer_file("asyncua_server.py");
        let mut arguments = vec![file.as_str(), &port, &folder];
        arguments.extend(options);
        Peer::spawn(&self.python, &arguments)
    }

    /// What a person does once: compares thumbprints and trusts the server.
    fn trust(&self) {
        let trusted = self.data().join("opc-ua/trusted");
        std::fs::create_dir_all(&trusted).unwrap();
        std::fs::copy(self.server_folder().join("cert.der"), trusted.join("server.der")).unwrap();
    }

    fn context(&self, known: &[(&'static str, &str)]) -> Context {
        let mut context = Context::new("ua", Path::new("acme/leeds").unwrap(), "");
        let known = known.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        context.secrets = Arc::new(Safe { data: self.data(), known });
        context
    }

    fn start_with(&self, text: &str, known: &[(&'static str, &str)]) -> Handle {
        let document = Document::parse("connections/ua.toml", text).unwrap();
        let kind = kind::choose(south::KINDS, "connection", &document).unwrap();
        let context = self.context(known);
        let built = (kind.build)(&document, &context).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"));
        south::run("ua", kind.name, built, &self.house.namespace, &self.house.wheel).unwrap()
    }

    fn start(&self, head: &str, tags: &str) -> Handle {
        self.start_with(&file(self.port, head, tags), &[])
    }

    async fn good(&self, tag: &str, value: impl Into<Value>) {
        let value = value.into();
        eventually(&format!("{tag} to be {value:?}"), || {
            let last = self.house.last(&format!("press/{tag}"));
            last.status.is_good() && last.value == value
        })
        .await;
    }

    async fn status(&self, tag: &str, status: Status) {
        eventually(&format!("{tag} to be {status}"), || {
            self.house.last(&format!("press/{tag}")).status == status
        })
        .await;
    }
}

fn file(port: u16, head: &str, tags: &str) -> String {
    format!(
        "kind = \"opc-ua\"\nurl = \"opc.tcp://127.0.0.1:{port}/plc/\"\nscan = {{ normal = \"100ms\" }}\n{head}\n\
         [device.press]\nnamespace = \"http://vendor.com/plc\"\nat = \"press\"\n[device.press.tags]\n{tags}"
    )
}

/// Waits until the connection's last error has these words.
async fn complains(handle: &Handle, words: &str) {
    eventually(&format!("`{words}`"), || {
        handle.status().last_error.is_some_and(|error| error.title.contains(words))
    })
    .await;
}

const STEADY: &str = "steady = { at = \"s=Press.steady\", type = \"f64\" }\n";
