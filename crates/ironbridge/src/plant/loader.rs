//! Builds the files of one subfolder: those that changed since they were made into what runs, and no others.

use super::files::{names, parse, shown, text};
use super::load::{Fingerprint, Loaded, Mark, Marks};
use connect::kind::{Binding, Claim, Context, Models, Secrets};
use connect::south::budget::Budget;
use model::Path as PointPath;
use model::config::{Diagnostic, Document, Node, NodeValue};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(super) struct Loader<'a> {
    pub(super) folder: &'a Path,
    pub(super) site: &'a PointPath,
    pub(super) bindings: Arc<BTreeMap<String, Binding>>,
    pub(super) models: Arc<Models>,
    pub(super) secrets: Arc<dyn Secrets>,
}

impl Loader<'_> {
    pub(super) fn context(&self, name: &str) -> Context {
        Context {
            name: name.to_owned(),
            site: self.site.clone(),
            folder: self.folder.to_owned(),
            bindings: self.bindings.clone(),
            models: self.models.clone(),
            secrets: self.secrets.clone(),
            budget: Budget::unlimited(),
        }
    }

    /// Builds every file of a subfolder that is not as it was when it was made into what runs; the others are kept.
    pub(super) fn each<B>(
        &self,
        sub: &str,
        (known, kept): (&Marks, &mut Marks),
        build: impl Fn(&Document, &Context) -> Result<(Vec<Claim>, B), Vec<Diagnostic>>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Vec<(Document, Loaded<B>)> {
        let mut loaded = Vec::new();
        for name in names(self.folder, sub, mistakes) {
            let Some(text) = text(self.folder, sub, &name, mistakes) else { continue };
            if let Some(mark) = known.get(&name)
                && mark.fingerprint == self.fingerprint(sub, &name, &text, &mark.files)
            {
                kept.insert(name, mark.clone());
                continue;
            }
            let Some(document) = parse(&shown(sub, &name), &text, mistakes) else { continue };
            match build(&document, &self.context(&name)) {
                Ok((claims, it)) => {
                    let (mut files, mut secrets) = (Vec::new(), Vec::new());
                    named_files(&document.root, &mut files);
                    // What was measured of its device, if it was.
                    if sub == "connections" {
                        files.push(shown("measured", &name));
                    }
                    named_secrets(&document.root, &mut secrets);
                    let fingerprint = self.fingerprint(sub, &name, &text, &files);
                    let mark = Mark { fingerprint, files, secrets, claims };
                    // From here on only file and text are needed.
                    let root = Node { span: 0..0, value: NodeValue::Table(Vec::new()) };
                    loaded.push((Document { root, ..document }, Loaded { name, mark, it }));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        loaded
    }

    /// The file, the files it names, and the places that assets give to its tags.
    fn fingerprint(&self, sub: &str, name: &str, text: &str, files: &[String]) -> Fingerprint {
        let mut print = Sha256::new_with_prefix(text.as_bytes());
        for file in files {
            let beside = self.folder.join(sub).join(file);
            let place = if beside.exists() { beside } else { self.folder.join(file) };
            print.update(std::fs::read(place).unwrap_or_default());
        }
        let first = format!("{}.", name.to_ascii_lowercase());
        let mine = self.bindings.range(first.clone()..).take_while(|(tag, _)| tag.starts_with(&first));
        for (tag, binding) in mine {
            print.update(tag);
            print.update(binding.path.as_str());
            binding.was.iter().for_each(|was| print.update(was.as_str()));
            print.update(format!("{:?}", binding.contract));
        }
        // Types and assets change what such a destination tells, or what it selects.
        if sub == "destinations" && text.contains("templates") {
            print.update(format!("{:?}", self.models));
        } else if sub == "destinations" && text.contains("types") {
            print.update(format!("{:?}", self.models.kinds));
        }
        print.finalize().into()
    }
}

/// Files named by keys such as `tags_file`.
fn named_files(node: &Node, found: &mut Vec<String>) {
    for (key, _, value) in node.entries() {
        match &value.value {
            NodeValue::Text(name) if key.ends_with("_file") => found.push(name.clone()),
            // The plant's own, if it has one of that name.
            NodeValue::Text(name) if key == "profile" => found.push(format!("profiles/{name}.toml")),
            NodeValue::Table(_) => named_files(value, found),
            _ => {}
        }
    }
}

/// Names in `{ secret = "NAME" }`.
fn named_secrets(node: &Node, found: &mut Vec<String>) {
    for (key, _, value) in node.entries() {
        match &value.value {
            NodeValue::Text(name) if key == "secret" => found.push(name.clone()),
            _ => named_secrets(value, found),
        }
    }
}
