//! What changes between two texts, line by line.

use std::fmt::Write as _;

/// Unchanged lines shown around a change.
const CONTEXT: usize = 3;
/// Largest table of the comparison (cells of 4 bytes); beyond it the changed middle is shown as replaced.
const MOST_CELLS: usize = 4_000_000;

/// A difference.
#[derive(Debug, Default, PartialEq)]
pub struct Diff {
    /// Lines added.
    pub added: usize,
    /// Lines removed.
    pub removed: usize,
    /// Unified: each line begins with a blank, `+`, `-`, or `@@` with the numbers of the first lines.
    pub text: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Step<'a> {
    Same(&'a str),
    Removed(&'a str),
    Added(&'a str),
}

/// Compares by lines.
pub fn lines(before: &str, after: &str) -> Diff {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let steps = steps(&before, &after);
    let added = steps.iter().filter(|step| matches!(step, Step::Added(_))).count();
    let removed = steps.iter().filter(|step| matches!(step, Step::Removed(_))).count();
    Diff { added, removed, text: unified(&steps) }
}

fn steps<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Step<'a>> {
    let head = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let (rest_before, rest_after) =
        (before.get(head..).unwrap_or_default(), after.get(head..).unwrap_or_default());
    let tail = rest_before.iter().rev().zip(rest_after.iter().rev()).take_while(|(a, b)| a == b).count();
    let old = rest_before.get(..rest_before.len() - tail).unwrap_or_default();
    let new = rest_after.get(..rest_after.len() - tail).unwrap_or_default();
    let mut steps: Vec<Step<'a>> = before.iter().take(head).map(|line| Step::Same(line)).collect();
    if old.len().saturating_mul(new.len()) > MOST_CELLS {
        steps.extend(old.iter().map(|line| Step::Removed(line)));
        steps.extend(new.iter().map(|line| Step::Added(line)));
    } else {
        steps.extend(middle(old, new));
    }
    steps.extend(before.iter().skip(before.len() - tail).map(|line| Step::Same(line)));
    steps
}

/// The longest common subsequence, from its table of lengths.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<Step<'a>> {
    let width = new.len() + 1;
    let mut table = vec![0_u32; (old.len() + 1) * width];
    let at = |table: &[u32], i: usize, j: usize| table.get(i * width + j).copied().unwrap_or(0);
    for (i, a) in old.iter().enumerate().rev() {
        for (j, b) in new.iter().enumerate().rev() {
            let length = if a == b {
                at(&table, i + 1, j + 1) + 1
            } else {
                at(&table, i + 1, j).max(at(&table, i, j + 1))
            };
            if let Some(cell) = table.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut steps = Vec::new();
    loop {
        let step = match (old.get(i), new.get(j)) {
            (None, None) => return steps,
            (Some(a), Some(b)) if a == b => Step::Same(a),
            (Some(a), Some(_)) if at(&table, i + 1, j) >= at(&table, i, j + 1) => Step::Removed(a),
            (_, Some(b)) => Step::Added(b),
            (Some(a), None) => Step::Removed(a),
        };
        i += usize::from(!matches!(step, Step::Added(_)));
        j += usize::from(!matches!(step, Step::Removed(_)));
        steps.push(step);
    }
}

fn unified(steps: &[Step<'_>]) -> String {
    let changed: Vec<usize> = steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !matches!(step, Step::Same(_)))
        .map(|(at, _)| at)
        .collect();
    let mut out = String::new();
    let (mut old, mut new, mut shown_to) = (1_usize, 1_usize, 0_usize);
    let near = |at: usize| {
        let next = changed.partition_point(|c| *c + CONTEXT < at);
        changed.get(next).is_some_and(|c| *c <= at + CONTEXT)
    };
    for (at, step) in steps.iter().enumerate() {
        if near(at) {
            if shown_to != at || at == 0 {
                let _ = writeln!(out, "@@ -{old} +{new} @@");
            }
            shown_to = at + 1;
            let (sign, line) = match step {
                Step::Same(line) => (' ', line),
                Step::Removed(line) => ('-', line),
                Step::Added(line) => ('+', line),
            };
            let _ = writeln!(out, "{sign}{line}");
        }
        old += usize::from(!matches!(step, Step::Added(_)));
        new += usize::from(!matches!(step, Step::Removed(_)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Applies a difference that shows everything.
    fn apply(before: &str, diff: &Diff) -> (Vec<String>, Vec<String>) {
        let side = |sign: char| {
            diff.text
                .lines()
                .filter(|l| !l.starts_with("@@") && !l.starts_with(sign))
                .map(|l| l.chars().skip(1).collect())
                .collect()
        };
        assert!(before.lines().count() < 8);
        (side('+'), side('-'))
    }

    #[test]
    fn both_sides_can_be_read_from_it() {
        for (before, after) in [
            ("a\nb\nc\n", "a\nx\nc\n"),
            ("", "a\nb\n"),
            ("a\nb\n", ""),
            ("a\nb\nc\n", "b\nc\nd\n"),
            ("a\na\nb\n", "a\nb\na\n"),
        ] {
            let diff = lines(before, after);
            let (old, new) = apply(before, &diff);
            assert_eq!(old, before.lines().collect::<Vec<_>>(), "{}", diff.text);
            assert_eq!(new, after.lines().collect::<Vec<_>>(), "{}", diff.text);
        }
        assert_eq!(lines("same\n", "same\n"), Diff::default());
    }

    #[test]
    fn only_what_is_near_a_change_is_shown() {
        let before: String = (1..=30).map(|n| format!("line {n}\n")).collect();
        let after = before.replace("line 10\n", "line ten\n").replace("line 25\n", "");
        let diff = lines(&before, &after);
        assert_eq!((diff.added, diff.removed), (1, 2));
        let heads: Vec<&str> = diff.text.lines().filter(|line| line.starts_with("@@")).collect();
        assert_eq!(heads, ["@@ -7 +7 @@", "@@ -22 +22 @@"]);
        assert!(
            diff.text.contains("-line 10\n+line ten\n") && !diff.text.contains("line 17"),
            "{}",
            diff.text
        );
    }

    #[test]
    fn a_large_change_is_bounded() {
        let (before, after): (String, String) = (
            (0..5_000).map(|n| format!("a{n}\n")).collect(),
            (0..5_000).map(|n| format!("b{n}\n")).collect(),
        );
        let diff = lines(&before, &after);
        assert_eq!((diff.added, diff.removed), (5_000, 5_000));
    }
}
