//! Puts the built web interface (`ui/dist`) into the program, each file as it is and compressed. Without a built
//! interface the list is empty and the server shows a page that says what to run, so that no Node is needed here.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let home = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let dist = home.join("../../ui/dist");
    // Cargo takes a watched path that does not exist for a change and would build this crate every time.
    if dist.parent().is_some_and(Path::is_dir) && !dist.exists() {
        let _ = fs::create_dir(&dist);
    }
    println!("cargo:rerun-if-changed={}", dist.display());
    println!("cargo:rerun-if-changed=build.rs");

    let mut files = Vec::new();
    if dist.join("index.html").is_file() {
        collect(&dist, &mut files)?;
        files.sort();
    }
    let mut table = String::from("pub(crate) static FILES: &[File] = &[\n");
    for (number, file) in files.iter().enumerate() {
        let name = file.strip_prefix(&dist).unwrap_or(file).to_string_lossy().replace('\\', "/");
        let bytes = fs::read(file)?;
        let packed = compress(&bytes)?;
        let smaller = packed.len() + 64 < bytes.len();
        let packed_at = out.join(format!("{number}.gz"));
        if smaller {
            fs::write(&packed_at, packed)?;
        }
        let gzip = if smaller { format!("Some(include_bytes!({packed_at:?}))") } else { "None".to_owned() };
        // A copy, because the interface may be built anew (with other names) before this crate is compiled.
        let plain = out.join(format!("{number}.raw"));
        fs::write(&plain, &bytes)?;
        let _ = writeln!(
            table,
            "    File {{ name: {name:?}, tag: \"\\\"{:016x}\\\"\", plain: include_bytes!({plain:?}), gzip: {gzip} }},",
            fingerprint(&bytes)
        );
    }
    table.push_str("];\n");
    fs::write(out.join("files.rs"), table)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn compress(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(bytes)?;
    packer.finish()
}

/// FNV-1a: tells versions of a file apart; nothing relies on it against an attacker.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
