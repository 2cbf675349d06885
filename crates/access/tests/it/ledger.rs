use crate::setup::Room;
use access::ledger::verify;
use access::{Access, LEDGER_FILE, LedgerFile, Record};
use model::{ManualClock, Time};
use namespace::Entry;
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

fn entry(n: usize, detail: &str) -> Entry {
    Entry {
        actor: format!("user:{}", if n.is_multiple_of(2) { "anna" } else { "bob" }),
        action: "command".into(),
        object: format!("acme/leeds/filler/p-{n}"),
        outcome: "Confirmed".into(),
        detail: detail.into(),
    }
}

fn open(path: &Path) -> Arc<LedgerFile> {
    LedgerFile::open(path, ManualClock::new(Time::from_millis(1_767_225_600_250))).unwrap()
}

/// A ledger of `count` records, closed.
fn ledger(count: usize) -> (TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER_FILE);
    let open = open(&path);
    for n in 0..count {
        open.append(&entry(n, "300 -> 310 \"/min\" é")).unwrap();
    }
    drop(open);
    let bytes = std::fs::read(&path).unwrap();
    (dir, path, bytes)
}

#[test]
fn a_good_ledger_verifies() {
    let (_dir, path, bytes) = ledger(5);
    let result = verify(&path);
    assert_eq!((result.records, result.problem), (5, None));
    let last = String::from_utf8(bytes).unwrap().lines().last().unwrap().to_owned();
    assert!(last.ends_with(&format!("\"hash\":\"{}\"}}", result.head)));
    let (_dir, path, _) = ledger(0);
    assert_eq!((verify(&path).records, verify(&path).problem), (0, None));
    assert!(verify(Path::new("/none")).problem.unwrap().why.contains("cannot be read"));
}

#[test]
fn every_changed_byte_is_noticed_at_its_record() {
    let (_dir, path, good) = ledger(6);
    let _ = std::fs::remove_file(path.with_extension("head"));
    assert_eq!(verify(&path).problem, None);
    for at in 0..good.len() {
        let record = good[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        for flip in [0x01, 0x02, 0x10, 0x20, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            std::fs::write(&path, &bad).unwrap();
            let problem =
                verify(&path).problem.unwrap_or_else(|| panic!("byte {at} ^ {flip:02x} was not noticed"));
            assert_eq!(problem.seq, record, "byte {at} ^ {flip:02x}: {problem}");
        }
    }
}

#[test]
fn removed_doubled_swapped_and_foreign_records_are_noticed() {
    let (_dir, path, good) = ledger(6);
    let _ = std::fs::remove_file(path.with_extension("head"));
    let text = String::from_utf8(good).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let check = |lines: Vec<&str>, what: &str| {
        std::fs::write(&path, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
        verify(&path).problem.unwrap_or_else(|| panic!("{what}"))
    };
    for at in 0..5 {
        let mut removed = lines.clone();
        removed.remove(at);
        assert_eq!(check(removed, "removed").seq, at as u64 + 1);
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        assert_eq!(check(doubled, "doubled").seq, at as u64 + 2);
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        assert_eq!(check(swapped, "swapped").seq, at as u64 + 1);
    }
    // A record made properly for another chain: right in itself, wrong here.
    let (_other, _, other) = ledger_of("another detail");
    let foreign = String::from_utf8(other).unwrap();
    let mut mixed = lines.clone();
    mixed[3] = foreign.lines().nth(3).unwrap();
    let problem = check(mixed, "foreign");
    assert!(problem.seq == 4 && problem.why.contains("does not continue"), "{problem}");
}

fn ledger_of(detail: &str) -> (TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(LEDGER_FILE);
    let open = open(&path);
    (0..6).for_each(|n| open.append(&entry(n, detail)).unwrap());
    drop(open);
    let bytes = std::fs::read(&path).unwrap();
    (dir, path, bytes)
}

#[test]
fn a_tail_cut_off_is_noticed_by_the_remembered_head() {
    let room = Room::empty();
    for n in 0..6 {
        room.access.ledger().append(&entry(n, "")).unwrap();
    }
    room.access.close();
    let path = room.access.ledger().path().to_owned();
    let good = std::fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..good.len()).filter(|at| good[*at] == b'\n').map(|at| at + 1).collect();
    for end in &ends[..ends.len() - 1] {
        std::fs::write(&path, &good[..*end]).unwrap();
        let problem = verify(&path).problem.expect("noticed");
        assert!(problem.why.contains("6 records were written"), "{problem}");
    }
    std::fs::write(&path, []).unwrap();
    assert!(verify(&path).problem.is_some());
    std::fs::write(&path, &good).unwrap();
    assert_eq!(verify(&path).problem, None);
}

#[test]
fn records_lost_at_the_end_are_recorded_and_the_head_follows() {
    let room = Room::empty();
    (0..6).for_each(|n| room.access.ledger().append(&entry(n, "")).unwrap());
    let path = room.access.ledger().path().to_owned();
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.lines().take(3).map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    let access = Access::open(&dir.path().join("access"), clock.clone()).unwrap();
    let note = access.ledger().page(None, 1, None).unwrap().records.remove(0);
    assert!(note.seq == 4 && note.detail.contains("records 4 to 6 were written once"), "{}", note.detail);
    (0..2).for_each(|n| access.ledger().append(&entry(n, "")).unwrap());
    drop(access);
    assert_eq!(verify(&path).problem, None, "the head was replaced, though it has the same number again");
    assert_eq!(verify(&path).records, 6);
}

#[test]
fn a_torn_tail_is_set_aside_and_recorded() {
    let (_dir, _, good) = ledger(4);
    let last = good[..good.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    for end in last + 1..good.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LEDGER_FILE);
        std::fs::write(&path, &good[..end]).unwrap();
        assert!(verify(&path).problem.unwrap().why.contains("torn"));
        let ledger = open(&path);
        ledger.append(&entry(9, "")).unwrap();
        let records = ledger.page(None, 10, None).unwrap().records;
        let words: Vec<_> = records.iter().rev().map(|r| (r.seq, r.action.as_str())).collect();
        assert_eq!(
            words,
            [(1, "command"), (2, "command"), (3, "command"), (4, "ledger-recovered"), (5, "command")]
        );
        assert_eq!(ledger.verify().problem, None);
        let aside = records[1].detail.rsplit(' ').next().unwrap();
        assert_eq!(std::fs::read(dir.path().join(aside)).unwrap(), &good[last..end], "kept, not deleted");
    }
}

#[test]
fn garbage_behind_the_last_record_is_set_aside() {
    let (_dir, path, good) = ledger(4);
    for garbage in [&[0_u8; 4096][..], b"\n", b"{}\n", b"\xff\xfe\n\n\n", &[b'x'; 200_000], &good[..40]] {
        let _ = std::fs::remove_file(path.with_extension("head"));
        std::fs::write(&path, [&good, garbage].concat()).unwrap();
        let ledger = open(&path);
        assert_eq!(ledger.head().0, 5, "4 records and the note");
        assert_eq!(ledger.verify().problem, None);
    }
}

#[test]
fn an_unreadable_ledger_is_kept_and_numbers_go_on() {
    let room = Room::empty();
    for n in 0..7 {
        room.access.ledger().append(&entry(n, "")).unwrap();
    }
    let path = room.access.ledger().path().to_owned();
    let (dir, clock) = (room.dir, room.clock);
    drop(room.access);
    std::fs::write(&path, vec![7; 10_000]).unwrap();
    let access = Access::open(&dir.path().join("access"), clock).unwrap();
    let first = access.ledger().page(None, 10, None).unwrap().records.pop().unwrap();
    assert_eq!((first.seq, first.action.as_str()), (8, "ledger-recovered"), "no number is used twice");
    let problem = access.ledger().verify().problem.expect("a chain that lost its beginning is not whole");
    assert!(problem.why.contains("missing"), "{problem}");
    assert_eq!(access.ledger().chain().verified, Some(false));
    let kept = std::fs::read_dir(path.parent().unwrap()).unwrap().map(|e| e.unwrap().path());
    assert!(
        kept.filter(|p| p.to_string_lossy().contains("damaged"))
            .any(|p| std::fs::metadata(p).unwrap().len() == 10_000)
    );
}

/// A ledger large enough for several blocks, written by many threads.
fn large() -> (TempDir, Arc<LedgerFile>, Vec<Record>) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(&dir.path().join(LEDGER_FILE));
    std::thread::scope(|scope| {
        for thread in 0..16_usize {
            let ledger = &ledger;
            scope.spawn(move || {
                for n in 0..50 {
                    let detail = "d".repeat((thread * 50 + n) * 7 % 3_000);
                    ledger.append(&entry(thread * 50 + n, &detail)).unwrap();
                }
            });
        }
    });
    let text = std::fs::read_to_string(ledger.path()).unwrap();
    let all: Vec<Record> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(all.len(), 800);
    (dir, ledger, all)
}

#[test]
fn pages_are_what_a_full_read_gives() {
    let (_dir, ledger, all) = large();
    assert_eq!(ledger.verify().records, 800);
    let page =
        |before: Option<u64>, limit: usize, search: Option<&str>| ledger.page(before, limit, search).unwrap();
    let naive = |before: u64, limit: usize, wanted: &str| -> Vec<Record> {
        let older = all.iter().rev().filter(|r| r.seq < before);
        older.filter(|r| format!("{r:?}").to_lowercase().contains(wanted)).take(limit).cloned().collect()
    };
    let mut runner = proptest::test_runner::TestRunner::default();
    let cases =
        (0_u64..900, 1_usize..60, prop_oneof![Just(""), Just("anna"), Just("p-77"), Just("nothing of it")]);
    runner
        .run(&cases, |(before, limit, wanted)| {
            let got = page(Some(before), limit, Some(wanted));
            prop_assert_eq!(got.records, naive(before, limit, wanted));
            prop_assert_eq!(got.damaged, 0);
            Ok(())
        })
        .unwrap();
    let mut walked = Vec::new();
    let mut next = None;
    loop {
        let part = page(next, 37, None);
        walked.extend(part.records);
        next = part.next;
        if next.is_none() {
            break;
        }
    }
    walked.reverse();
    assert_eq!(walked, all, "following `next` shows each record once");
    assert_eq!(page(None, 5, Some("ANNA")).records.len(), 5);
}

#[test]
fn a_damaged_line_hides_itself_and_no_other() {
    let (_dir, ledger, all) = large();
    let mut bytes = std::fs::read(ledger.path()).unwrap();
    let middle = bytes.len() / 2;
    let at = (middle..).find(|at| bytes[*at] == b'"').unwrap();
    bytes[at] = b'#';
    std::fs::write(ledger.path(), &bytes).unwrap();
    let page = ledger.page(None, 1_000, None).unwrap();
    assert_eq!((page.records.len(), page.damaged), (all.len() - 1, 1));
    let missing = all.iter().find(|r| page.records.iter().all(|got| got.seq != r.seq)).unwrap().seq;
    for before in [missing, missing + 1, missing + 2, 1, 400, 801] {
        let got = ledger.page(Some(before), 3, None).unwrap().records;
        assert!(got.iter().all(|r| r.seq < before), "{before}");
        let wanted: Vec<u64> = (1..before.min(801)).rev().filter(|seq| *seq != missing).take(3).collect();
        assert_eq!(got.iter().map(|r| r.seq).collect::<Vec<_>>(), wanted);
    }
}
