//! A plant folder in a temporary place, and the real binary running on it.

use super::{Http, Process, wait_for};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// The binary that was built beside these tests.
pub fn binary() -> PathBuf {
    let mut dir = std::env::current_exe().unwrap();
    while !dir.join("ironbridge").is_file() {
        assert!(dir.pop(), "build the binary first: cargo build -p ironbridge (make test does)");
    }
    dir.join("ironbridge")
}

/// A plant, running or not.
pub struct Plant {
    dir: TempDir,
    running: Option<Process>,
    /// The network namespace that it runs in.
    namespace: Option<String>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Plant {
    /// A plant folder with ironbridge.toml (page on a free port) and `extra` lines in it.
    pub fn new(extra: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plant = Self { dir, running: None, namespace: None, lines: Arc::default() };
        let text = format!("enterprise = \"acme\"\nsite = \"leeds\"\n{extra}\n");
        let text =
            if text.contains("[web]") { text } else { format!("{text}\n[web]\nlisten = \"127.0.0.1:0\"\n") };
        plant.write("ironbridge.toml", &text);
        plant
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Its data folder.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Writes a file of the plant folder.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs it in a network namespace from the next start on.
    pub fn within(&mut self, namespace: &str) {
        self.namespace = Some(namespace.to_owned());
    }

    fn program(&self) -> Command {
        match &self.namespace {
            None => Command::new(binary()),
            Some(namespace) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(binary());
                command
            }
        }
    }

    /// Starts it and waits until it says that it is ready.
    pub fn start(&mut self) {
        self.lines.lock().unwrap().clear();
        let mut child = self
            .program()
            .args(["run", ".", "--log", "warn"])
            .current_dir(self.dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let outputs: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let lines = self.lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                }
            });
        }
        self.running = Some(Process(child));
        let ready = || {
            let ended = self
                .running
                .as_ref()
                .is_none_or(|p| std::fs::read_dir(format!("/proc/{}/task", p.0.id())).is_err());
            assert!(!ended, "it ended: {}", self.output());
            self.lines.lock().unwrap().iter().any(|line| line == "ready").then_some(())
        };
        wait_for("the binary to be ready", Duration::from_secs(30), ready);
    }

    /// Everything that it printed.
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The address that it printed.
    pub fn address(&self) -> String {
        self.after("page")
    }

    /// The one-time link that it printed: whoever comes by it first becomes the administrator.
    pub fn link(&self) -> String {
        self.after("sign in")
    }

    fn after(&self, word: &str) -> String {
        let output = self.output();
        let line = output
            .lines()
            .find(|line| line.starts_with(word))
            .unwrap_or_else(|| panic!("no `{word}` in: {output}"));
        line.split_whitespace().find(|part| part.starts_with("http")).unwrap().to_owned()
    }

    /// The process that runs.
    pub fn process(&self) -> &Process {
        self.running.as_ref().expect("it runs")
    }

    /// The port of the page.
    pub fn port(&self) -> u16 {
        self.address().rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap()
    }

    /// The HTTP API as the machine's owner.
    pub fn local(&self) -> Http {
        Http::local(self.data().join("control.sock"))
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.running = None;
    }

    /// SIGTERM, and waits for a clean end.
    pub fn stop(&mut self) {
        let mut process = self.running.take().expect("it runs");
        process.signal("TERM");
        let status = wait_for("a clean end", Duration::from_secs(30), || process.0.try_wait().unwrap());
        assert!(status.success(), "{status}: {}", self.output());
    }

    /// Runs a command of the binary in the plant folder.
    pub fn cli(&self, words: &[&str]) -> Output {
        Command::new(binary()).args(words).current_dir(self.dir.path()).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must work; its standard output.
    #[track_caller]
    pub fn say(&self, words: &[&str]) -> String {
        let out = self.cli(words);
        assert!(out.status.success(), "{words:?}: {}{}", text(&out.stdout), text(&out.stderr));
        text(&out.stdout)
    }

    /// Waits until the one number that a query gives is above `least`.
    pub fn until_above(&self, least: i64, sql: &str) {
        wait_for(sql, Duration::from_secs(60), || {
            let rows = self.say(&["query", sql, "--format", "csv"]);
            rows.lines().nth(1)?.trim().parse::<i64>().ok().filter(|number| *number > least)
        });
    }
}

/// Output as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
