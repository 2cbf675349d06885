//! The git repository that a plant folder may be in: asked and told by the `git` program of the machine.

use std::path::Path;
use std::process::{Command, Stdio};
use web::shapes::Repository;

fn git(folder: &Path, words: &[&str]) -> Result<String, String> {
    let mut command = Command::new("git");
    // A save from a page runs no script of the repository.
    command.arg("-C").arg(folder).args([
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "commit.gpgSign=false",
    ]);
    command.args(words).env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C").stdin(Stdio::null());
    let done = command.output().map_err(|why| format!("git cannot be run: {why}"))?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(said.lines().find(|line| !line.trim().is_empty()).unwrap_or("git refused").trim().to_owned())
}

/// The repository around `folder`, if there is one and the machine has git.
pub fn repository(folder: &Path) -> Option<Repository> {
    git(folder, &["rev-parse", "--is-inside-work-tree"]).ok().filter(|answer| answer.trim() == "true")?;
    let branch =
        git(folder, &["symbolic-ref", "--short", "-q", "HEAD"]).ok().map(|name| name.trim().to_owned());
    let changed = git(folder, &["status", "--porcelain", "--", "."]).unwrap_or_default().lines().count();
    Some(Repository { branch, changed })
}

/// Commits exactly these files; the short name of the commit.
///
/// # Errors
/// What git said.
pub fn commit(folder: &Path, files: &[&str], message: &str, who: &str) -> Result<String, String> {
    let author = format!("{who} <{who}@ironbridge>");
    let mut words = vec!["add", "--all", "--"];
    words.extend(files);
    git(folder, &words)?;
    let identity = ["-c", "user.name=Ironbridge", "-c", "user.email=ironbridge@localhost"];
    let mut words: Vec<&str> = identity.to_vec();
    words.extend(["commit", "--quiet", "--author", &author, "--message", message, "--"]);
    words.extend(files);
    git(folder, &words)?;
    git(folder, &["rev-parse", "--short", "HEAD"]).map(|name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_committed_under_the_name_of_who_saved_it() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        assert_eq!(repository(at), None);
        if git(at, &["init", "--quiet", "--initial-branch=main"]).is_err() {
            return println!("skipped: no git on this machine");
        }
        std::fs::write(at.join("ironbridge.toml"), "site = \"x\"\n").unwrap();
        std::fs::write(at.join("mine.txt"), "not ours\n").unwrap();
        assert_eq!(repository(at), Some(Repository { branch: Some("main".into()), changed: 2 }));
        let name = commit(at, &["ironbridge.toml"], "Save ironbridge.toml", "anna").unwrap();
        let log = git(at, &["log", "--format=%h %an %s", "--stat"]).unwrap();
        assert!(log.starts_with(&format!("{name} anna Save ironbridge.toml")), "{log}");
        assert!(!log.contains("mine.txt"), "{log}");
        assert_eq!(repository(at).unwrap().changed, 1, "what others work on is left alone");
        std::fs::remove_file(at.join("ironbridge.toml")).unwrap();
        commit(at, &["ironbridge.toml"], "Remove it", "anna").unwrap();
        assert!(commit(at, &["ironbridge.toml"], "Nothing", "anna").is_err());
    }
}
