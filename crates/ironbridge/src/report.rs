//! Mistakes drawn for a person: file, line, cause, what to write.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceSpan};
use model::config::Diagnostic;
use std::fmt;
use std::io::IsTerminal;

/// One mistake in miette's shape.
#[derive(Debug)]
struct Drawn {
    message: String,
    help: String,
    source: Option<NamedSource<String>>,
    span: SourceSpan,
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl miette::Diagnostic for Drawn {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        (!self.help.is_empty()).then(|| Box::new(&self.help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.source.as_ref().map(|source| source as &dyn miette::SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_primary_with_span(Some("here".into()), self.span);
        self.source
            .as_ref()
            .map(|_| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

/// All mistakes, in the order of files and lines, and a closing line that counts them.
pub fn mistakes(found: &[Diagnostic]) -> String {
    let plain = !std::io::stderr().is_terminal();
    let theme = if plain { GraphicalTheme::unicode_nocolor() } else { GraphicalTheme::unicode() };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_context_lines(1);
    let mut out = String::new();
    for one in found {
        let source = (!one.text.is_empty()).then(|| NamedSource::new(&one.file, one.text.to_string()));
        let message = match source {
            Some(_) => format!("{}:{}: {}", one.file, one.line(), one.message),
            None => format!("{}: {}", one.file, one.message),
        };
        let length = one.span.len().clamp(1, 200);
        let drawn = Drawn { message, help: one.help.clone(), source, span: (one.span.start, length).into() };
        if handler.render_report(&mut out, &drawn as &dyn miette::Diagnostic).is_err() {
            out.push_str(&format!("{one}\n"));
        }
    }
    let files: std::collections::BTreeSet<_> = found.iter().map(|one| one.file.clone()).collect();
    let (mistakes, files) = (count(found.len(), "mistake"), count(files.len(), "file"));
    out.push_str(&format!("{mistakes} in {files}; nothing was started or changed.\n"));
    out
}

/// `1 point`, `2 points`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The mistakes as JSON lines, for editors and scripts.
pub fn json(found: &[Diagnostic]) -> String {
    let line = |one: &Diagnostic| {
        serde_json::json!({"file": &*one.file, "line": one.line(), "message": one.message, "help": one.help})
            .to_string()
            + "\n"
    };
    found.iter().map(line).collect()
}
