//! A database of our own: PostgreSQL on a free loopback port, asked with `psql`.

use crate::broker::{free_port, wait_for};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

pub const PASSWORD: &str = "s3cret";

/// Where Debian keeps the server's programs.
fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions.flatten().map(|entry| entry.path().join("bin")).collect();
    found.retain(|bin| bin.join("initdb").exists());
    found.sort();
    found.pop()
}

/// Whether the database is installed; says so if not.
pub fn no_postgres() -> bool {
    let missing = programs().is_none();
    if missing {
        eprintln!("SKIPPED: PostgreSQL is not installed (apt-get install postgresql)");
    }
    missing
}

/// The server refuses to run as root: then it runs as the user that its package made.
fn command(program: &Path) -> Command {
    let root = std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0);
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// A server with the role `ironbridge` and the database `plant`; ended with the value.
pub struct Database {
    pub port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Database {
    pub fn start() -> Self {
        Self::start_with(|_| Vec::new())
    }

    /// `more` gets a folder that the server can read and gives further settings, `name=value`.
    pub fn start_with(more: impl Fn(&Path) -> Vec<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut database = Self { port: free_port(), dir, child: None };
        let folder = database.dir.path();
        std::fs::write(folder.join("password"), PASSWORD).unwrap();
        std::fs::create_dir(folder.join("tls")).unwrap();
        let settings = more(&folder.join("tls"));
        let chown = |path: &Path| drop(Command::new("chown").args(["-R", "postgres"]).arg(path).output());
        chown(folder);
        let bin = programs().unwrap();
        let made = command(&bin.join("initdb"))
            .current_dir(folder)
            .args([
                "-D",
                "data",
                "-U",
                "ironbridge",
                "--auth=scram-sha-256",
                "--pwfile=password",
                "--no-sync",
            ])
            .args(["--encoding=UTF8", "--locale=C"])
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {made:?}");
        let mut config = std::fs::read_to_string(folder.join("data/postgresql.conf")).unwrap();
        config += &format!(
            "port={}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\nfsync=off\nshared_buffers=32MB\n",
            database.port
        );
        settings.iter().for_each(|line| config += &format!("{line}\n"));
        std::fs::write(folder.join("data/postgresql.conf"), config).unwrap();
        chown(&folder.join("data"));
        database.up();
        database.sql_in("postgres", "create database plant");
        database
    }

    /// Starts it again. What `kill -9` left of it may take a moment to go.
    pub fn up(&mut self) {
        assert!(self.child.is_none());
        let bin = programs().unwrap();
        let folder = self.dir.path().to_path_buf();
        wait_for("the database to listen", || {
            let ended = self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some());
            if ended {
                let log = std::fs::File::create(folder.join("log")).unwrap();
                let child = command(&bin.join("postgres"))
                    .current_dir(&folder)
                    .args(["-D", "data"])
                    .stdout(Stdio::null())
                    .stderr(log)
                    .spawn();
                self.child = Some(child.unwrap());
                std::thread::sleep(Duration::from_millis(100));
            }
            let ready = Command::new(bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()])
                .status();
            ready.unwrap().success().then_some(())
        });
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Copies a certificate out of the folder that `start_with` gave.
    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("tls").join(name)
    }

    /// What `psql` answers in the database `plant`, or what it says is wrong.
    pub fn try_sql(&self, sql: &str) -> Output {
        self.psql("plant", sql)
    }

    fn psql(&self, database: &str, sql: &str) -> Output {
        Command::new(programs().unwrap().join("psql"))
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "ironbridge"])
            .args(["-p", &self.port.to_string(), "-d", database, "-c", sql])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap()
    }

    fn sql_in(&self, database: &str, sql: &str) -> String {
        let out = self.psql(database, sql);
        assert!(out.status.success(), "{sql}: {out:?}");
        String::from_utf8(out.stdout).unwrap().trim_end().to_owned()
    }

    /// What `psql` answers: columns separated by `|`.
    pub fn sql(&self, sql: &str) -> String {
        self.sql_in("plant", sql)
    }

    /// A whole number; 0 when the table is not there yet.
    pub fn count(&self, sql: &str) -> i64 {
        let out = self.try_sql(sql);
        String::from_utf8_lossy(&out.stdout).trim().parse().unwrap_or(0)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
