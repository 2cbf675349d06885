//! Aligned columns for a terminal.

/// A table that is printed when it is complete.
pub struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these column names.
    pub fn new(head: &[&str]) -> Self {
        Self { head: head.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// One row more. Control characters and direction marks from the plant do not reach the terminal.
    pub fn push(&mut self, row: Vec<String>) {
        self.rows.push(row.iter().map(|cell| model::text::clean(cell, usize::MAX)).collect());
    }

    /// The lines; `empty` if there is no row.
    pub fn render(&self, empty: &str) -> String {
        if self.rows.is_empty() {
            return format!("{empty}\n");
        }
        let all = || std::iter::once(&self.head).chain(&self.rows);
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                all().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let line = |row: &Vec<String>| {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            cells.join("  ").trim_end().to_owned() + "\n"
        };
        all().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_control_characters_are_shown_as_such() {
        let mut table = Table::new(&["path", "value"]);
        table.push(vec!["a/b".into(), "1".into()]);
        table.push(vec!["a".into(), "x\u{1b}[31m\u{202e}".into()]);
        assert_eq!(table.render("none"), "path  value\na/b   1\na     x·[31m·\n");
        assert_eq!(Table::new(&["a"]).render("none"), "none\n");
    }
}
