//! TIA Portal's PLC tag tables: XML (export and Openness) and the Excel export.
//!
//! Source: TIA Portal help, "Exporting PLC tags" (Excel: sheet `PLC Tags` with Name, Path, Data Type, Logical Address,
//! Comment, ...) and TIA Portal Openness manual, "Export of PLC tag tables" (`SW.Tags.PlcTag`).

use super::l5x::parse;
use super::tags::{Tags, entry, put_text};
use super::words::{siemens, type_of};
use super::xlsx;
use super::{Format, Input};
use crate::draft::Note;
use crate::south::tags::Wrong;
use roxmltree::Node;

/// A tag table in XML.
pub(super) static XML: Format = Format {
    name: "tia-xml",
    title: "TIA Portal tag table (XML)",
    files: "*.xml",
    text: "in TIA Portal, export the PLC tag table as XML",
    kinds: &["s7"],
    read: read_xml,
};

/// Tag tables in Excel.
pub(super) static XLSX: Format = Format {
    name: "tia-xlsx",
    title: "TIA Portal tag tables (Excel)",
    files: "*.xlsx",
    text: "in TIA Portal, show all tags, export to Excel",
    kinds: &["s7"],
    read: read_xlsx,
};

/// One tag as TIA says it.
struct Row<'a> {
    table: &'a str,
    name: &'a str,
    kind: &'a str,
    address: &'a str,
    comment: &'a str,
    line: Option<usize>,
}

fn take(tags: &mut Tags, device: usize, row: &Row<'_>) {
    if let Err(why) = add(tags, device, row) {
        tags.note(Note { line: row.line, text: format!("`{}` is left out: {why}.", row.name) });
    }
}

fn add(tags: &mut Tags, device: usize, row: &Row<'_>) -> Result<(), String> {
    let (at, own) = siemens(row.address)?;
    let word = row.kind.trim().trim_matches('"');
    let kind = match word.to_ascii_lowercase().as_str() {
        "timer" | "counter" => None,
        "char" => Some("char"),
        "time" => Some("time"),
        "s5time" => Some("s5time"),
        "date" => Some("date"),
        "time_of_day" | "tod" => Some("tod"),
        _ => Some(own.or(type_of(word)).ok_or_else(|| format!("there is no type for `{word}`"))?),
    };
    let mut entry = entry(&at, kind);
    put_text(&mut entry, "description", row.comment);
    let folder =
        Some(row.table).filter(|table| !table.is_empty() && !table.eq_ignore_ascii_case("Default tag table"));
    let path: Vec<&str> = folder.into_iter().chain([row.name]).collect();
    tags.add(device, &path, row.line, entry);
    Ok(())
}

fn start(input: &Input<'_>) -> (Tags, usize) {
    let mut tags = Tags::new("s7");
    let device = tags.device(input.device.unwrap_or("plc"), &[]);
    (tags, device)
}

fn read_xml(input: &Input<'_>) -> Result<Tags, Wrong> {
    let text = input.text();
    let document = parse(&text, input.file, XML.text)?;
    let (mut tags, device) = start(input);
    let line = |node: Node<'_, '_>| usize::try_from(document.text_pos_at(node.range().start).row).ok();
    for table in document.descendants().filter(|node| node.has_tag_name("Tagtable")) {
        for tag in table.children().filter(|node| node.has_tag_name("Tag")) {
            let row = Row {
                table: table.attribute("name").unwrap_or_default(),
                name: tag.text().unwrap_or_default().trim(),
                kind: tag.attribute("type").unwrap_or_default(),
                address: tag.attribute("addr").unwrap_or_default(),
                comment: tag.attribute("remark").unwrap_or_default(),
                line: line(tag),
            };
            take(&mut tags, device, &row);
        }
    }
    for table in document.descendants().filter(|node| node.has_tag_name("SW.Tags.PlcTagTable")) {
        let name = attribute(table, "Name");
        for tag in table.descendants().filter(|node| node.has_tag_name("SW.Tags.PlcTag")) {
            let comment = tag.descendants().find(|node| node.has_tag_name("MultilingualText"));
            let comment = comment.and_then(|node| node.descendants().find(|text| text.has_tag_name("Text")));
            let row = Row {
                table: name,
                name: attribute(tag, "Name"),
                kind: attribute(tag, "DataTypeName"),
                address: attribute(tag, "LogicalAddress"),
                comment: comment.and_then(|node| node.text()).unwrap_or_default(),
                line: line(tag),
            };
            take(&mut tags, device, &row);
        }
        for constant in table.descendants().filter(|node| node.has_tag_name("SW.Tags.PlcUserConstant")) {
            let text =
                format!("The constant `{}` is left out: it has no address.", attribute(constant, "Name"));
            tags.note(Note { line: line(constant), text });
        }
    }
    Ok(tags)
}

/// A value of the `AttributeList` of an Openness object.
fn attribute<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    let list = node.children().find(|child| child.has_tag_name("AttributeList"));
    let value = list.and_then(|list| list.children().find(|child| child.has_tag_name(name)));
    value.and_then(|value| value.text()).unwrap_or_default().trim()
}

fn read_xlsx(input: &Input<'_>) -> Result<Tags, Wrong> {
    let broken = |why: String| {
        Wrong::new(format!("`{}` is no Excel file that can be read: {why}", input.file), XLSX.text)
    };
    let book = xlsx::Book::open(input.data).map_err(broken)?;
    let sheet = book.sheets.iter().position(|sheet| sheet.name.eq_ignore_ascii_case("PLC Tags"));
    let sheet =
        sheet.ok_or_else(|| Wrong::new(format!("`{}` has no sheet `PLC Tags`", input.file), XLSX.text))?;
    let rows = book.rows(sheet).map_err(broken)?;
    let mut rows = rows.into_iter();
    let names: Vec<String> =
        rows.next().into_iter().flat_map(|(_, cells)| cells).map(|cell| cell.to_ascii_lowercase()).collect();
    for needed in ["name", "data type", "logical address"] {
        if !names.iter().any(|name| name == needed) {
            return Err(Wrong::new(format!("the sheet `PLC Tags` has no column `{needed}`"), XLSX.text));
        }
    }
    let (mut tags, device) = start(input);
    for (number, cells) in rows {
        let cell = |column: &str| {
            let at = names.iter().position(|name| name == column);
            at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim())
        };
        let table = cell("path").rsplit('\\').next().unwrap_or_default();
        let row = Row {
            table,
            name: cell("name"),
            kind: cell("data type"),
            address: cell("logical address"),
            comment: cell("comment"),
            line: Some(number),
        };
        if !(row.name.is_empty() && row.address.is_empty()) {
            take(&mut tags, device, &row);
        }
    }
    if book.sheets.iter().any(|sheet| sheet.name.eq_ignore_ascii_case("Constants")) {
        tags.note(Note::new("The sheet `Constants` is not taken over: constants have no address."));
    }
    Ok(tags)
}
