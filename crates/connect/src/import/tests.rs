//! Cases: a file in, a draft and its notes out, as they stand beside it. Written after the vendors' own descriptions,
//! which each reader cites.

use super::*;
use std::fmt::Write;
use std::path::PathBuf;

fn cases() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/import/cases")
}

fn input<'a>(format: &'a str, file: &'a str, data: &'a [u8]) -> Input<'a> {
    Input { format, file, data, kind: None, name: None, host: Some("10.20.1.11"), device: None }
}

/// The draft and its notes are those in `FILE.expected`. `IRONBRIDGE_BLESS=1` writes them, to be read before they are
/// committed.
fn case(format: &str, file: &str) -> Draft {
    let data = std::fs::read(cases().join(file)).unwrap();
    let draft = import(&input(format, file, &data)).unwrap();
    let mut shown = format!("{}\n", draft.text);
    for note in &draft.notes {
        let line = note.line.map(|line| format!("{line}: ")).unwrap_or_default();
        writeln!(shown, "## {line}{}", note.text).unwrap();
    }
    let expected = cases().join(format!("{file}.expected"));
    if std::env::var_os("IRONBRIDGE_BLESS").is_some() {
        std::fs::write(&expected, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&expected).unwrap_or_default();
    assert!(shown == expected, "{file}:\n{shown}\n---- expected:\n{expected}");
    draft
}

/// A draft of a kind that is built in has no mistakes.
fn builds(draft: &Draft, tags: usize) {
    assert_eq!(draft.mistakes, Vec::<String>::new(), "{}", draft.text);
    assert_eq!(draft.tags, tags);
}

#[test]
fn kepware() {
    builds(&case("kepware-csv", "kepware-modbus.csv"), 6);
    case("kepware-csv", "kepware-s7.csv");
}

#[test]
fn ignition() {
    builds(&case("ignition-json", "ignition-modbus.json"), 3);
}

#[test]
fn logix() {
    case("l5x", "logix.L5X");
}

#[test]
fn tia() {
    case("tia-xml", "tia-tagtable.xml");
    case("tia-xml", "tia-openness.xml");
    case("tia-xlsx", "tia.xlsx");
}

#[test]
fn plain() {
    builds(&case("csv", "plain.csv"), 2);
}

#[test]
fn a_file_that_is_something_else_is_refused_in_words() {
    for (format, data, part) in [
        ("kepware-csv", "a,b\n1,2\n", "no column `tag name`"),
        ("ignition-json", "{", "is no JSON"),
        ("ignition-json", "{}", "no tag of"),
        ("l5x", "<a/>", "no `Controller`"),
        ("l5x", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "no XML that can be read"),
        ("tia-xml", "<a/>", "no tag of"),
        ("tia-xlsx", "PK", "no Excel file"),
        ("csv", "tag,at,typ\n", "typ"),
        ("dbase", "", "no format"),
    ] {
        let wrong = import(&input(format, "x", data.as_bytes())).unwrap_err();
        assert!(wrong.message.contains(part), "{format}: {wrong:?}");
        assert!(!wrong.help.is_empty());
    }
    let wrong = import(&Input { kind: Some("modbus-tcp"), ..input("l5x", "x", b"") }).unwrap_err();
    assert!(wrong.message.contains("cannot become"), "{wrong:?}");
}

#[test]
fn random_damage_never_breaks_a_reader() {
    let files = [
        ("kepware-csv", "kepware-modbus.csv"),
        ("ignition-json", "ignition-modbus.json"),
        ("l5x", "logix.L5X"),
        ("tia-xml", "tia-tagtable.xml"),
        ("tia-xlsx", "tia.xlsx"),
        ("csv", "plain.csv"),
    ];
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for (format, file) in files {
        let sound = std::fs::read(cases().join(file)).unwrap();
        for _ in 0..150 {
            let mut data = sound.clone();
            for _ in 0..=next() % 8 {
                let at = usize::try_from(next()).unwrap() % data.len();
                match next() % 3 {
                    0 => data[at] = next().to_le_bytes()[0],
                    1 => data.truncate(at.max(1)),
                    _ => data.insert(at, next().to_le_bytes()[0]),
                }
            }
            // Whatever it says: a draft or words, and never a file that is no TOML.
            if let Ok(draft) = import(&input(format, file, &data)) {
                assert!(draft.text.parse::<toml::Table>().is_ok(), "{}", draft.text);
            }
        }
    }
}
