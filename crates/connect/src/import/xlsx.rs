//! The cells of an Excel workbook as text (ECMA-376 part 1, 18.2 workbook, 18.3 worksheet, 18.4 shared strings).
//!
//! Rationale: a tag table is texts in rows. Formats, formulas and dates are not needed, and a reader that knows them is
//! fourteen libraries.

use super::xml::parse;
use super::zip::Archive;
use roxmltree::Node;

/// Most rows of a sheet, and most columns of a row.
const MOST_ROWS: usize = 200_000;
const MOST_COLUMNS: usize = 256;

/// A workbook.
pub(super) struct Book<'a> {
    archive: Archive<'a>,
    strings: Vec<String>,
    /// Its sheets, in order.
    pub(super) sheets: Vec<Sheet>,
}

/// A sheet.
pub(super) struct Sheet {
    pub(super) name: String,
    part: String,
}

/// A row: its number, from 1, and its cells.
pub(super) type Row = (usize, Vec<String>);

impl<'a> Book<'a> {
    pub(super) fn open(data: &'a [u8]) -> Result<Self, String> {
        let archive = Archive::open(data).ok_or("it is no ZIP archive")?;
        let workbook = archive.text("xl/workbook.xml")?.ok_or("it has no workbook")?;
        let links = archive.text("xl/_rels/workbook.xml.rels")?.unwrap_or_default();
        let strings = archive.text("xl/sharedStrings.xml")?.unwrap_or_default();
        let sheets = sheets(&workbook, &links)?;
        Ok(Self { archive, strings: shared(&strings)?, sheets })
    }

    /// The rows of a sheet.
    pub(super) fn rows(&self, sheet: usize) -> Result<Vec<Row>, String> {
        let name = self.sheets.get(sheet).map(|sheet| sheet.part.clone()).unwrap_or_default();
        let text = self.archive.text(&name)?.ok_or_else(|| format!("`{name}` is missing"))?;
        let document = parse(&text)?;
        let mut rows = Vec::new();
        for row in document.descendants().filter(|node| node.tag_name().name() == "row").take(MOST_ROWS) {
            let number = row.attribute("r").and_then(|text| text.parse().ok()).unwrap_or(rows.len() + 1);
            let mut cells: Vec<String> = Vec::new();
            for cell in row.children().filter(|node| node.tag_name().name() == "c") {
                let column = cell.attribute("r").and_then(column_of).unwrap_or(cells.len());
                if column < MOST_COLUMNS {
                    if cells.len() <= column {
                        cells.resize(column + 1, String::new());
                    }
                    if let Some(place) = cells.get_mut(column) {
                        *place = self.text(cell);
                    }
                }
            }
            rows.push((number, cells));
        }
        Ok(rows)
    }

    fn text(&self, cell: Node<'_, '_>) -> String {
        let value = cell.children().find(|node| node.tag_name().name() == "v").and_then(|node| node.text());
        match cell.attribute("t") {
            Some("s") => {
                let index = value.and_then(|text| text.trim().parse::<usize>().ok());
                index.and_then(|index| self.strings.get(index)).cloned().unwrap_or_default()
            }
            Some("inlineStr") => texts(cell),
            _ => value.unwrap_or_default().to_owned(),
        }
    }
}

fn sheets(workbook: &str, links: &str) -> Result<Vec<Sheet>, String> {
    let document = parse(workbook)?;
    let links = if links.is_empty() { None } else { Some(parse(links)?) };
    let target = |id: &str| {
        let links = links.as_ref()?;
        let link = links.descendants().find(|node| node.attribute("Id") == Some(id))?;
        let target = link.attribute("Target")?;
        Some(target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned))
    };
    let found = document.descendants().filter(|node| node.tag_name().name() == "sheet").filter_map(|sheet| {
        let id = sheet.attributes().find(|attribute| attribute.name() == "id")?.value();
        Some(Sheet { name: sheet.attribute("name")?.to_owned(), part: target(id)? })
    });
    Ok(found.collect())
}

fn shared(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let document = parse(text)?;
    Ok(document.descendants().filter(|node| node.tag_name().name() == "si").map(texts).collect())
}

/// All texts in a node, one behind the other; phonetic readings left out.
fn texts(node: Node<'_, '_>) -> String {
    let parts = node.descendants().filter(|part| part.tag_name().name() == "t");
    let shown = parts.filter(|part| part.parent().is_none_or(|above| above.tag_name().name() != "rPh"));
    shown.filter_map(|part| part.text()).collect()
}

/// The column of a cell reference, from 0: `C7` is 2.
fn column_of(reference: &str) -> Option<usize> {
    let letters = reference.bytes().take_while(u8::is_ascii_alphabetic);
    let number = letters
        .take(4)
        .fold(0_usize, |sum, letter| sum * 26 + usize::from(letter.to_ascii_uppercase() - b'@'));
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns() {
        for (reference, column) in [("A1", Some(0)), ("C7", Some(2)), ("AA3", Some(26)), ("7", None)] {
            assert_eq!(column_of(reference), column, "{reference}");
        }
    }
}
