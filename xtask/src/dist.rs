//! `xtask dist`: stripped release, tarball, Debian package with systemd unit, SBOM. Everything lands in `dist/`.

use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Makes all of it.
///
/// # Errors
/// The step that failed, in words.
pub fn run(root: &Path) -> Result<(), String> {
    let dist = root.join("dist");
    fs::create_dir_all(&dist).map_err(|e| format!("{}: {e}", dist.display()))?;
    step("build the web interface", Command::new("make").arg("ui").current_dir(root))?;
    step(
        "build the release",
        Command::new(env!("CARGO"))
            .args(["build", "--locked", "--release", "-p", "ironbridge"])
            .current_dir(root),
    )?;
    let metadata = metadata(root)?;
    let version = version(&metadata)?;
    let target = metadata["target_directory"].as_str().ok_or("cargo metadata gave no target folder")?;
    let binary = Path::new(target).join("release/ironbridge");
    let size = fs::metadata(&binary).map_err(|e| format!("{}: {e}", binary.display()))?.len();
    let sbom = dist.join(format!("ironbridge-{version}.cdx.json"));
    fs::write(&sbom, sbom_of(&metadata, &version).to_string())
        .map_err(|e| format!("{}: {e}", sbom.display()))?;
    tarball(root, &dist, &binary, &version)?;
    debian(root, &dist, &binary, &version)?;
    println!("binary {:.1} MB; packages in {}", size as f64 / 1e6, dist.display());
    Ok(())
}

fn step(name: &str, command: &mut Command) -> Result<(), String> {
    println!("{name} ...");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name}: {status}")),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

fn metadata(root: &Path) -> Result<Json, String> {
    let out = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .map_err(|e| e.to_string())?;
    serde_json::from_slice(&out.stdout).map_err(|e| format!("cargo metadata: {e}"))
}

fn version(metadata: &Json) -> Result<String, String> {
    let packages = metadata["packages"].as_array().ok_or("cargo metadata gave no packages")?;
    let own =
        packages.iter().find(|package| package["name"] == "ironbridge").ok_or("no package ironbridge")?;
    own["version"].as_str().map(str::to_owned).ok_or_else(|| "no version".into())
}

/// CycloneDX 1.5, the part that says what is inside.
fn sbom_of(metadata: &Json, version: &str) -> Json {
    let components: Vec<Json> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|package| !package["source"].is_null())
        .map(|package| {
            let (name, number) = (package["name"].as_str().unwrap_or(""), package["version"].as_str().unwrap_or(""));
            json!({
                "type": "library", "name": name, "version": number, "purl": format!("pkg:cargo/{name}@{number}"),
                "licenses": [{"expression": package["license"].as_str().unwrap_or("NOASSERTION").replace('/', " OR ")}],
            })
        })
        .collect();
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "name": "ironbridge", "version": version}},
        "components": components,
    })
}

/// (from, to below the root of the package, mode)
fn files(root: &Path, binary: &Path, share: &str) -> Vec<(PathBuf, String, &'static str)> {
    let mut files = vec![(binary.to_owned(), "bin/ironbridge".to_owned(), "755")];
    for name in ["README.md", "LICENSE-MIT", "LICENSE-APACHE", "CHANGELOG.md"] {
        files.push((root.join(name), format!("{share}/{name}"), "644"));
    }
    files
}

fn install(files: &[(PathBuf, String, &str)], stage: &Path) -> Result<(), String> {
    for (from, to, mode) in files {
        let to = stage.join(to);
        step(
            &format!("  {}", to.file_name().unwrap_or_default().to_string_lossy()),
            Command::new("install").args(["-D", "-m", mode]).arg(from).arg(&to),
        )?;
    }
    Ok(())
}

fn fresh(stage: &Path) -> Result<(), String> {
    if stage.exists() {
        fs::remove_dir_all(stage).map_err(|e| format!("{}: {e}", stage.display()))?;
    }
    fs::create_dir_all(stage).map_err(|e| format!("{}: {e}", stage.display()))
}

fn tarball(root: &Path, dist: &Path, binary: &Path, version: &str) -> Result<(), String> {
    let name = format!("ironbridge-{version}-{}-linux", std::env::consts::ARCH);
    let stage = dist.join(&name);
    fresh(&stage)?;
    let mut all = files(root, binary, "share/doc/ironbridge");
    all.push((
        root.join("packaging/ironbridge.service"),
        "share/ironbridge/ironbridge.service".into(),
        "644",
    ));
    install(&all, &stage)?;
    let mut tar = Command::new("tar");
    tar.args(["--owner=0", "--group=0", "-czf"])
        .arg(dist.join(format!("{name}.tar.gz")))
        .arg(&name)
        .current_dir(dist);
    step("tarball", &mut tar)?;
    fs::remove_dir_all(&stage).map_err(|e| e.to_string())
}

fn debian(root: &Path, dist: &Path, binary: &Path, version: &str) -> Result<(), String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let stage = dist.join("deb");
    fresh(&stage)?;
    let all: Vec<_> = files(root, binary, "share/doc/ironbridge")
        .into_iter()
        .map(|(f, t, m)| (f, format!("usr/{t}"), m))
        .collect();
    install(&all, &stage)?;
    let unit = (
        root.join("packaging/ironbridge.service"),
        "lib/systemd/system/ironbridge.service".to_owned(),
        "644",
    );
    let plant = (root.join("packaging/ironbridge.toml"), "etc/ironbridge/ironbridge.toml".to_owned(), "644");
    install(&[unit, plant], &stage)?;
    let control = fs::read_to_string(root.join("packaging/control")).map_err(|e| e.to_string())?;
    fs::create_dir_all(stage.join("DEBIAN")).map_err(|e| e.to_string())?;
    let control = control.replace("@VERSION@", version).replace("@ARCH@", arch);
    fs::write(stage.join("DEBIAN/control"), control).map_err(|e| e.to_string())?;
    fs::write(stage.join("DEBIAN/conffiles"), "/etc/ironbridge/ironbridge.toml\n")
        .map_err(|e| e.to_string())?;
    for script in ["postinst", "prerm"] {
        let from = root.join("packaging").join(script);
        step(
            script,
            Command::new("install").args(["-m", "755"]).arg(from).arg(stage.join("DEBIAN").join(script)),
        )?;
    }
    let name = dist.join(format!("ironbridge_{version}_{arch}.deb"));
    step(
        "Debian package",
        Command::new("dpkg-deb").args(["--build", "--root-owner-group"]).arg(&stage).arg(name),
    )?;
    fs::remove_dir_all(&stage).map_err(|e| e.to_string())
}
