//! The plant folder as it would be: links to what is there, edited files beside them.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;
use web::shapes::Edit;

/// Folders in which files are edited; all else is linked as it stands.
const EDITED: [&str; 5] = ["assets", "connections", "destinations", "measured", "types"];
/// How folders made here are called.
const PREFIX: &str = "check-";

/// A folder below `data` (only its owner may enter it) that shows `folder` with `edits`. Gone when dropped.
///
/// # Errors
/// What could not be read or written.
pub fn make(folder: &Path, data: &Path, edits: &[Edit]) -> io::Result<TempDir> {
    sweep(data)?;
    let made = tempfile::Builder::new().prefix(PREFIX).tempdir_in(data)?;
    link(folder, made.path(), edits, "")?;
    for sub in EDITED {
        std::fs::create_dir_all(made.path().join(sub))?;
        if folder.join(sub).is_dir() {
            link(&folder.join(sub), &made.path().join(sub), edits, &format!("{sub}/"))?;
        }
    }
    for edit in edits {
        if let Some(text) = &edit.text {
            std::fs::write(made.path().join(&edit.name), text)?;
        }
    }
    Ok(made)
}

/// What a crash left behind. Only one overlay is made at a time.
fn sweep(data: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// Links what stands in `from` into `to`, but for edited files and the folders in which files are edited.
fn link(from: &Path, to: &Path, edits: &[Edit], prefix: &str) -> io::Result<()> {
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let edited = edits
            .iter()
            .any(|edit| OsStr::new(&edit.name) == OsStr::new(&format!("{prefix}{}", name.to_string_lossy())));
        let descended = prefix.is_empty() && EDITED.iter().any(|sub| name == *sub);
        if !edited && !descended {
            symlink(entry.path().canonicalize().unwrap_or_else(|_| entry.path()), to.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_the_folder_with_the_edits_and_leaves_it_alone() {
        let (folder, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("ironbridge.toml", "plant");
        put("connections/a.toml", "a");
        put("connections/b.toml", "b");
        put("certificates/x.pem", "x");
        let edit = |name: &str, text: Option<&str>| Edit {
            name: name.into(),
            text: text.map(str::to_owned),
            version: None,
        };
        let edits = [
            edit("connections/a.toml", Some("new")),
            edit("connections/b.toml", None),
            edit("assets/c.toml", Some("c")),
        ];
        std::fs::create_dir_all(data.path().join("check-left/connections")).unwrap();
        let made = make(folder.path(), data.path(), &edits).unwrap();
        let read = |name: &str| std::fs::read_to_string(made.path().join(name)).ok();
        assert_eq!(read("ironbridge.toml").as_deref(), Some("plant"));
        assert_eq!(read("connections/a.toml").as_deref(), Some("new"));
        assert_eq!(read("connections/b.toml"), None);
        assert_eq!(read("assets/c.toml").as_deref(), Some("c"));
        assert_eq!(read("certificates/x.pem").as_deref(), Some("x"));
        drop(made);
        assert_eq!(std::fs::read_to_string(folder.path().join("connections/a.toml")).unwrap(), "a");
        assert_eq!(std::fs::read_to_string(folder.path().join("connections/b.toml")).unwrap(), "b");
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), 0);
    }
}
