//! The report as one page: no script, no font, no picture from elsewhere.

use super::{FindingRow, Report, at, in_number};
use crate::hosts::Evidence;
use crate::text::html as safe;
use std::fmt::Write;

/// Most captures whose names stand at the top of the page.
const FEW: usize = 5;
/// Most rows of a table; the JSON report has all.
const MAX_ROWS: usize = 2_000;

const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:75rem;padding:0 1rem;background:#f4f4f2;color:#222;overflow-wrap:anywhere}\
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.5rem}\
table{border-collapse:collapse;width:100%;font-size:.9rem}\
th{text-align:left;border-bottom:2px solid #999;padding:.3rem .6rem .3rem 0}\
td{border-bottom:1px solid #ccc;padding:.3rem .6rem .3rem 0;vertical-align:top;min-width:4rem}\
td.name{white-space:pre-line}.wide{overflow-x:auto;overflow-wrap:normal}\
.finding{background:#fff;border-left:.4rem solid #999;padding:.6rem 1rem;margin:.8rem 0}\
.critical{border-color:#b00020}.high{border-color:#c77700}.medium{border-color:#777}\
.finding h3{margin:0;font-size:1rem}.finding p{margin:.3rem 0}\
.quiet{color:#666}code{font-size:.9em}\
@media(prefers-color-scheme:dark){body{background:#1b1c1d;color:#ddd}.finding{background:#26282a}td{border-color:#444}.quiet{color:#999}}";

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    out.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width\">");
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    let _ = write!(out, "<title>Ironbridge watch report</title><style>{STYLE}</style></head><body>");
    head(report, &mut out);
    findings(report, &mut out);
    differences(report, &mut out);
    assets(report, &mut out);
    links(report, &mut out);
    points(report, &mut out);
    out.push_str("</body></html>\n");
    out
}

fn head(report: &Report, out: &mut String) {
    let c = &report.coverage;
    out.push_str("<h1>What the network says</h1><p>");
    let number = |count: usize, words| format!("{count} {}", in_number(words, count == 1));
    let _ = write!(
        out,
        "{} packets: {}, {}, {}. ",
        c.packets,
        number(report.assets.len(), "{machines|machine}"),
        number(report.links.len(), "{links|link} between them"),
        number(report.findings.len(), "{findings|finding}")
    );
    if c.first_ns != 0 {
        let _ = write!(out, "From {} to {}.", at(model::Time(c.first_ns)), at(model::Time(c.last_ns)));
    }
    out.push_str("</p>");
    captures(report, out);
    out.push_str("<h2>What was not seen</h2><ul>");
    for line in report.limits() {
        let _ = write!(out, "<li>{}</li>", safe(&line));
    }
    out.push_str("</ul>");
}

/// What it was made from: a few names are said, many are folded away.
fn captures(report: &Report, out: &mut String) {
    let names: Vec<_> = report.captures.iter().map(|capture| safe(&capture.name)).collect();
    let _ = match names.len() {
        0 => return,
        1..=FEW => write!(out, "<p class=\"quiet\">Read: {}.</p>", names.join(", ")),
        many => write!(
            out,
            "<details class=\"quiet\"><summary>Read: {many} captures</summary><p>{}</p></details>",
            names.join("<br>")
        ),
    };
}

/// The packets, those of one capture together.
fn evidence(report: &Report, evidence: &[Evidence]) -> String {
    let of_file = |packets: &[Evidence]| {
        let numbers: Vec<String> = packets.iter().map(|packet| packet.frame.to_string()).collect();
        let words = format!("{} {}", in_number("{packets|packet}", numbers.len() == 1), numbers.join(", "));
        let file = packets.first().and_then(|packet| report.captures.get(packet.file as usize));
        match file.filter(|_| report.captures.len() > 1) {
            Some(file) => format!("{words} of {}", file.name),
            None => words,
        }
    };
    evidence.chunk_by(|a, b| a.file == b.file).map(of_file).collect::<Vec<_>>().join(", ")
}

fn finding(report: &Report, row: &FindingRow, out: &mut String) {
    let _ = write!(
        out,
        "<div class=\"finding {}\"><h3>{} <span class=\"quiet\">{} {} · {}</span></h3>",
        row.level,
        safe(row.title),
        row.level,
        row.severity,
        row.rule
    );
    let _ = write!(out, "<p><b>{}</b>", safe(&row.source));
    // Who searches, or speaks for many, does it to nobody alone.
    if row.source != row.target {
        let _ = write!(out, " to <b>{}</b>", safe(&row.target));
    }
    out.push_str(", ");
    let _ = match row.count {
        1 => write!(out, "once, {}</p>", at(row.first)),
        count => write!(out, "{count} times, {} to {}</p>", at(row.first), at(row.last)),
    };
    if let Some(window) = &row.window {
        let _ = write!(out, "<p>In the window of expected work {}.</p>", safe(window));
    }
    for detail in &row.details {
        let _ = write!(out, "<p><code>{}</code></p>", safe(detail));
    }
    let _ = write!(out, "<p>{}</p><p><b>Next:</b> {}</p>", safe(row.meaning), safe(row.next));
    let techniques: Vec<String> = row.techniques.iter().map(ToString::to_string).collect();
    let _ = write!(
        out,
        "<p class=\"quiet\">ATT&amp;CK for ICS: {} · {}</p></div>",
        safe(&techniques.join(", ")),
        safe(&evidence(report, &row.evidence))
    );
}

fn findings(report: &Report, out: &mut String) {
    out.push_str("<h2>Findings</h2>");
    if report.findings.is_empty() {
        out.push_str("<p>None in what was seen. Read it together with what was not seen, above.</p>");
    } else {
        out.push_str(
            "<p class=\"quiet\">The worst first, from 1 to 1000: from 700 somebody should look now. Each says who did it to \
             whom, what that means, what to do next, and which packets show it.</p>",
        );
    }
    report.findings.iter().for_each(|row| finding(report, row, out));
}

fn table(head: &[&str], rows: impl ExactSizeIterator<Item = Vec<String>>, out: &mut String) {
    out.push_str("<div class=\"wide\"><table><tr>");
    for name in head {
        let _ = write!(out, "<th>{}</th>", safe(name));
    }
    out.push_str("</tr>");
    let more = rows.len().saturating_sub(MAX_ROWS);
    for row in rows.take(MAX_ROWS) {
        out.push_str("<tr>");
        for cell in &row {
            // Addresses are not broken; words are.
            let is_name = cell.lines().all(|line| !line.contains(' ') && line.len() < 48);
            let class = if is_name { " class=\"name\"" } else { "" };
            let _ = write!(out, "<td{class}>{}</td>", safe(cell));
        }
        out.push_str("</tr>");
    }
    out.push_str("</table></div>");
    if more > 0 {
        let _ = write!(out, "<p>{more} more: the JSON report has them all.</p>");
    }
}

fn assets(report: &Report, out: &mut String) {
    out.push_str("<h2>Machines (assets)</h2>");
    let rows = report.assets.iter().map(|asset| {
        let addresses: Vec<String> = asset.addresses.iter().map(ToString::to_string).collect();
        let names = |list: &[crate::Protocol]| list.iter().map(|p| p.name()).collect::<Vec<_>>().join(" · ");
        let address = if addresses.is_empty() { "none".into() } else { addresses.join("\n") };
        vec![
            address,
            asset.macs.join("\n"),
            asset.card.unwrap_or_default().into(),
            asset.role.words().into(),
            asset.identity(),
            names(&asset.serves),
            names(&asset.asks),
        ]
    });
    let head = [
        "IP address",
        "hardware address",
        "network card by",
        "looks like",
        "says of itself",
        "answers in",
        "asks in",
    ];
    table(&head, rows, out);
}

fn links(report: &Report, out: &mut String) {
    out.push_str("<h2>Who talks to whom</h2>");
    let rows = report.links.iter().map(|link| {
        let functions: Vec<String> = link
            .functions
            .iter()
            .map(|f| {
                let refused = if f.refused > 0 { format!(", {} refused", f.refused) } else { String::new() };
                format!("{} ({}{refused})", f.name, f.requests.max(f.answers))
            })
            .collect();
        vec![
            link.client.clone(),
            link.server.clone(),
            link.protocol.name().into(),
            if link.port == 0 { String::new() } else { link.port.to_string() },
            (link.packets_to_server + link.packets_to_client).to_string(),
            functions.join(", "),
        ]
    });
    table(&["asks", "is asked", "protocol", "port", "packets", "functions"], rows, out);
}

fn differences(report: &Report, out: &mut String) {
    if report.differences.is_empty() {
        return;
    }
    out.push_str("<h2>What differs from the baseline</h2>");
    let rows = report
        .differences
        .iter()
        .map(|row| vec![row.kind.words().into(), row.source.clone(), row.target.clone(), row.what.clone()]);
    table(&["what", "who", "with whom", "about"], rows, out);
}

fn points(report: &Report, out: &mut String) {
    if report.points.is_empty() {
        return;
    }
    out.push_str("<h2>Data touched</h2>");
    let rows = report.points.iter().map(|point| {
        vec![
            point.server.clone(),
            format!("{} {}", point.protocol.name(), point.unit),
            point.name.clone(),
            point.reads.to_string(),
            point.readers.join(" "),
            point.writes.to_string(),
            point.writers.join(" "),
            if point.others == 0 { String::new() } else { point.others.to_string() },
        ]
    });
    table(
        &["device", "protocol and unit", "data", "reads", "read by", "writes", "written by", "by others"],
        rows,
        out,
    );
}
