//! From files to things that can be started, with every mistake on the way.

use super::assets::{Asset, Placed, place};
use super::settings::Settings;
use super::types::Types;
use connect::kind::{Binding, Built, Claim, Context, Secrets, choose};
use connect::{north, south};
use model::{Declaration, Path as PointPath};
use model::config::{Diagnostic, Document, Node, NodeValue, check, schema_of};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// SHA-256 of everything that a running part was made from.
pub type Fingerprint = [u8; 32];

/// Most files of one kind in a plant folder.
const MAX_FILES: usize = 20_000;

/// One connection or destination, built and not started.
pub struct Loaded<B> {
    /// File name without `.toml`.
    pub name: String,
    /// Everything that its behaviour depends on: if this is unchanged, it is not touched by `apply`.
    pub fingerprint: Fingerprint,
    /// Names of the secrets that it uses.
    pub secrets: Vec<String>,
    /// What was built.
    pub it: B,
}

/// A connection that can be started.
pub struct Connection {
    /// `kind = "..."`.
    pub kind: &'static str,
    /// The driver and its points.
    pub built: Built<dyn south::Driver>,
}

/// A whole plant, built and not started.
pub struct Plant {
    /// Its folder.
    pub folder: PathBuf,
    /// ironbridge.toml.
    pub settings: Settings,
    /// enterprise/site.
    pub site: PointPath,
    /// connections/*.toml.
    pub connections: Vec<Loaded<Connection>>,
    /// destinations/*.toml.
    pub destinations: Vec<Loaded<north::Destination>>,
    /// assets/*.toml.
    pub assets: Vec<Placed>,
    /// types/*.toml.
    pub types: Types,
}

/// Loads the folder.
///
/// # Errors
/// Every mistake in every file.
pub fn load(folder: &Path, secrets: Arc<dyn Secrets>) -> Result<Plant, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    let settings = load_settings(folder, &mut mistakes);
    let placeholder = || PointPath::new("enterprise/site");
    let site = match &settings {
        Some((_, site)) => site.clone(),
        // The rest is checked all the same, so that all mistakes come at once.
        None => placeholder().map_err(|_| Vec::new())?,
    };
    let types = Types::load(folder, &mut mistakes);
    let assets = load_assets(folder, &site, &mut mistakes);
    let loader = Loader { folder, site: &site, bindings: Arc::new(bindings(&assets, &types)), secrets };
    let before = mistakes.len();
    let connections = loader.each("connections", connection, |one| &one.built.points, &mut mistakes);
    let destinations = loader.each("destinations", north::build, |one| &one.built.points, &mut mistakes);
    clashes(&connections, &destinations, &mut mistakes);
    unbound(&assets, &connections, &mut mistakes);
    if mistakes.len() == before {
        // With a connection that could not be built, points would seem to be missing that are not.
        contracts(&types, &assets, &connections, &mut mistakes);
    }
    match settings {
        Some((settings, site)) if mistakes.is_empty() => Ok(Plant {
            folder: folder.to_owned(),
            settings,
            site,
            connections: connections.into_iter().map(|(_, loaded)| loaded).collect(),
            destinations: destinations.into_iter().map(|(_, loaded)| loaded).collect(),
            assets: assets.into_iter().map(|(_, placed)| placed).collect(),
            types,
        }),
        _ => Err(mistakes),
    }
}

fn load_settings(folder: &Path, mistakes: &mut Vec<Diagnostic>) -> Option<(Settings, PointPath)> {
    let file = "ironbridge.toml";
    let text = match std::fs::read_to_string(folder.join(file)) {
        Ok(text) => text,
        Err(error) => {
            let help = "a plant folder needs ironbridge.toml with at least: enterprise = \"acme\" and site = \"leeds\"";
            mistakes.push(Diagnostic::of_file(file, format!("cannot be read: {error}"), help));
            return None;
        }
    };
    let document = parse(file, &text, mistakes)?;
    let found = check(&document, &schema_of::<Settings>());
    if !found.is_empty() {
        mistakes.extend(found);
        return None;
    }
    let settings: Settings = document.construct().map_err(|mistake| mistakes.push(mistake)).ok()?;
    let mut sound = true;
    for (key, segment) in [("enterprise", &settings.enterprise), ("site", &settings.site)] {
        if let Err(error) = model::path::check_segment(segment) {
            mistakes.push(document.mistake(&[key], error.to_string(), "it is one segment of every path"));
            sound = false;
        }
    }
    if let Err((message, help)) = super::settings::check_listen(&settings.web) {
        mistakes.push(document.mistake(&["web", "listen"], message, help));
        sound = false;
    }
    let site = PointPath::new(&format!("{}/{}", settings.enterprise, settings.site)).ok()?;
    sound.then_some((settings, site))
}

fn parse(file: &str, text: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Document> {
    Document::parse(file, text).map_err(|found| mistakes.extend(found)).ok()
}

/// Names of the TOML files of a subfolder, without `.toml`, in order.
pub(super) fn names(folder: &Path, sub: &str, mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join(sub)) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    if names.len() > MAX_FILES {
        let help = "put more devices behind one connection file";
        mistakes.push(Diagnostic::of_file(sub, format!("more than {MAX_FILES} files"), help));
        names.truncate(MAX_FILES);
    }
    names
}

/// One file, parsed. One at a time: the trees of a large plant are hundreds of megabytes.
pub(super) fn document(folder: &Path, sub: &str, name: &str, mistakes: &mut Vec<Diagnostic>) -> Option<Document> {
    let shown = format!("{sub}/{name}.toml");
    if let Err(error) = model::path::check_segment(name) {
        mistakes.push(Diagnostic::of_file(&shown, error.to_string(), "rename the file: its name is the connection's name"));
        return None;
    }
    match std::fs::read_to_string(folder.join(&shown)) {
        Ok(text) => parse(&shown, &text, mistakes),
        Err(error) => {
            let help = "make the file readable, or remove it";
            mistakes.push(Diagnostic::of_file(&shown, format!("cannot be read: {error}"), help));
            None
        }
    }
}

fn load_assets(folder: &Path, site: &PointPath, mistakes: &mut Vec<Diagnostic>) -> Vec<(Document, Placed)> {
    let schema = schema_of::<Asset>();
    let mut assets: Vec<(Document, Placed)> = Vec::new();
    for name in names(folder, "assets", mistakes) {
        let Some(document) = document(folder, "assets", &name, mistakes) else { continue };
        let found = check(&document, &schema);
        if !found.is_empty() {
            mistakes.extend(found);
            continue;
        }
        let Ok(asset) = document.construct::<Asset>().map_err(|mistake| mistakes.push(mistake)) else { continue };
        let Some(placed) = place(&document, asset, site, mistakes) else { continue };
        if let Some((other, _)) = assets.iter().find(|(_, other)| other.path.folded() == placed.path.folded()) {
            let message = format!("`{}` already has the path `{}`", other.file, placed.path);
            mistakes.push(document.mistake(&["path"], message, "one asset, one path"));
        }
        assets.push((document, placed));
    }
    assets
}

struct Loader<'a> {
    folder: &'a Path,
    site: &'a PointPath,
    bindings: Arc<BTreeMap<String, Binding>>,
    secrets: Arc<dyn Secrets>,
}

impl Loader<'_> {
    /// Builds every file of a subfolder.
    fn each<B>(
        &self,
        sub: &str,
        build: impl Fn(&Document, &Context) -> Result<B, Vec<Diagnostic>>,
        points: impl Fn(&B) -> &[Arc<Declaration>],
        mistakes: &mut Vec<Diagnostic>,
    ) -> Vec<(Document, Loaded<B>)> {
        let mut loaded = Vec::new();
        for name in names(self.folder, sub, mistakes) {
            let Some(document) = document(self.folder, sub, &name, mistakes) else { continue };
            let context = Context {
                name: name.clone(),
                site: self.site.clone(),
                folder: self.folder.to_owned(),
                bindings: self.bindings.clone(),
                secrets: self.secrets.clone(),
            };
            match build(&document, &context) {
                Ok(it) => {
                    let fingerprint = fingerprint(&document, &context, points(&it));
                    let mut secrets = Vec::new();
                    named_secrets(&document.root, &mut secrets);
                    // From here on only file and text are needed.
                    let root = Node { span: 0..0, value: NodeValue::Table(Vec::new()) };
                    loaded.push((Document { root, ..document }, Loaded { name, fingerprint, secrets, it }));
                }
                Err(found) => mistakes.extend(found),
            }
        }
        loaded
    }
}

/// Finds the kind and builds.
fn connection(document: &Document, context: &Context) -> Result<Connection, Vec<Diagnostic>> {
    let kind = choose(south::KINDS, "connection", document)?;
    (kind.build)(document, context).map(|built| Connection { kind: kind.name, built })
}

/// The file, the files it names, and the places that assets give to its tags.
fn fingerprint(document: &Document, context: &Context, points: &[Arc<Declaration>]) -> Fingerprint {
    let mut print = Sha256::new_with_prefix(document.text.as_bytes());
    named_files(&document.root, &mut |name| {
        print.update(std::fs::read(context.file(document, name)).unwrap_or_default());
    });
    for point in points {
        print.update(point.path.as_str());
        point.was.iter().for_each(|was| print.update(was.as_str()));
        // What an asset's type adds to a tag.
        print.update([&point.unit, &point.name, &point.description].map(String::as_str).join("\n"));
        if point.range.is_some() || !point.states.is_empty() {
            print.update(format!("{:?} {:?}", point.range, point.states));
        }
    }
    print.finalize().into()
}

fn named_files(node: &Node, each: &mut impl FnMut(&str)) {
    for (key, _, value) in node.entries() {
        match &value.value {
            NodeValue::Text(name) if key.ends_with("_file") => each(name),
            NodeValue::Table(_) => named_files(value, each),
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

/// Two files that want the same path or the same exclusive resource.
fn clashes(
    connections: &[(Document, Loaded<Connection>)],
    destinations: &[(Document, Loaded<north::Destination>)],
    mistakes: &mut Vec<Diagnostic>,
) {
    let mut paths: HashMap<String, &Document> = HashMap::new();
    for (document, loaded) in connections {
        for point in &loaded.it.built.points {
            if let Some(other) = paths.insert(point.path.folded(), document) {
                let message = format!("the point `{}` is also fed by {}", point.path, other.file);
                mistakes.push(document.mistake_at(0..0, message, "one point, one source: change `at`, the tag's name or the binding"));
            }
        }
    }
    appearing(connections, mistakes);
    let mut claims: HashMap<&Claim, &Document> = HashMap::new();
    let south = connections.iter().map(|(document, loaded)| (document, &loaded.it.built.claims));
    let north = destinations.iter().map(|(document, loaded)| (document, &loaded.it.built.claims));
    for (document, claimed) in south.chain(north) {
        for claim in claimed {
            if let Some(other) = claims.insert(claim, document) {
                let help = "one connection file is one physical endpoint: put its devices into one file";
                mistakes.push(document.mistake_at(0..0, format!("the {claim} is already used by {}", other.file), help));
            }
        }
    }
}

/// What assets say of tags: where their points live, and what the assets' types ask of them.
fn bindings(assets: &[(Document, Placed)], types: &Types) -> BTreeMap<String, Binding> {
    let mut bindings = BTreeMap::new();
    for (_, placed) in assets {
        for (tag, path, was) in &placed.binds {
            let contract = types.contract(&placed.asset.kind, path.last());
            bindings.insert(tag.to_ascii_lowercase(), Binding { path: path.clone(), was: was.clone(), contract });
        }
    }
    bindings
}

/// Whether the assets keep what their types promise.
fn contracts(
    types: &Types,
    assets: &[(Document, Placed)],
    connections: &[(Document, Loaded<Connection>)],
    mistakes: &mut Vec<Diagnostic>,
) {
    if types.is_empty() {
        return;
    }
    let points = connections.iter().flat_map(|(_, loaded)| &loaded.it.built.points);
    let declared: HashMap<String, &Declaration> = points.map(|point| (point.path.folded(), &**point)).collect();
    types.check(assets, |path| declared.get(path).copied(), mistakes);
}

/// Where points of one connection appear by themselves, no other may have any: nobody could tell them apart.
fn appearing(connections: &[(Document, Loaded<Connection>)], mistakes: &mut Vec<Diagnostic>) {
    for (index, (owner, loaded)) in connections.iter().enumerate() {
        let places = loaded.it.built.claims.iter().filter_map(|claim| match claim {
            Claim::Below(path) => Some(path),
            _ => None,
        });
        for place in places {
            let others = connections.iter().enumerate().filter(|(other, _)| *other != index);
            for (_, (document, other)) in others {
                let inside = other.it.built.points.iter().find(|point| point.path.is_under(place.as_str()));
                let within = |claim: &Claim| matches!(claim, Claim::Below(path) if path != place && path.is_under(place.as_str()));
                if inside.is_none() && !other.it.built.claims.iter().any(within) {
                    continue;
                }
                let message = match inside {
                    Some(point) => format!("the point `{}` lies below `{place}`, where points of {} appear by themselves", point.path, owner.file),
                    None => format!("its points would appear below `{place}`, where points of {} appear by themselves", owner.file),
                };
                mistakes.push(document.mistake_at(0..0, message, "choose another `at` in one of the two files"));
            }
        }
    }
}

/// Bindings of assets to tags that no connection has.
fn unbound(
    assets: &[(Document, Placed)],
    connections: &[(Document, Loaded<Connection>)],
    mistakes: &mut Vec<Diagnostic>,
) {
    let fed: std::collections::HashSet<&str> =
        connections.iter().flat_map(|(_, loaded)| &loaded.it.built.points).map(|point| point.path.as_str()).collect();
    for (document, placed) in assets {
        for (tag, path, _) in placed.binds.iter().filter(|(_, path, _)| !fed.contains(path.as_str())) {
            if let Some(other) = bound(assets, tag, path) {
                let help = "one tag, one point: bind it once";
                mistakes.push(document.mistake(&["bind", path.last()], format!("`{tag}` is also bound to {other}"), help));
                continue;
            }
            let connection = tag.split('.').next().unwrap_or_default();
            let help = if connections.iter().any(|(_, loaded)| loaded.name.eq_ignore_ascii_case(connection)) {
                format!("connections/{connection}.toml has no such device or tag")
            } else {
                format!("there is no (sound) connections/{connection}.toml")
            };
            mistakes.push(document.mistake(&["bind", path.last()], format!("nothing feeds `{tag}`"), help));
        }
    }
}

/// Another point to which the same tag is bound.
fn bound<'a>(assets: &'a [(Document, Placed)], tag: &str, path: &PointPath) -> Option<&'a PointPath> {
    let all = assets.iter().flat_map(|(_, placed)| &placed.binds);
    all.filter(|(other, at, _)| other.eq_ignore_ascii_case(tag) && at != path).map(|(_, at, _)| at).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cases/NAME.toml` of a kind of connection has a mistake in each line that ends with `# ! words`, and no other.
    #[test]
    fn cases_of_wrong_connections_name_each_mistake_at_its_line() {
        let south = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connect/src/south");
        let mut cases = 0;
        for kind in std::fs::read_dir(south).unwrap().map(|entry| entry.unwrap().path().join("cases")).filter(|dir| dir.is_dir()) {
            for case in std::fs::read_dir(kind).unwrap().map(|entry| entry.unwrap().path()) {
                let text = std::fs::read_to_string(&case).unwrap();
                let document = Document::parse("connections/x.toml", &text).unwrap();
                let context = Context::new("x", PointPath::new("acme/leeds").unwrap(), "");
                let Err(found) = connection(&document, &context) else { panic!("{} has no mistake", case.display()) };
                for (number, line) in text.lines().enumerate() {
                    let here: Vec<_> = found.iter().filter(|mistake| mistake.line() == number + 1).collect();
                    match line.split_once("# ! ") {
                        Some((_, words)) => assert!(
                            here.iter().any(|mistake| mistake.to_string().contains(words)),
                            "{}:{}: no mistake says `{words}`: {found:?}",
                            case.display(),
                            number + 1
                        ),
                        None => assert!(here.is_empty(), "{}:{}: {here:?}", case.display(), number + 1),
                    }
                }
                cases += 1;
            }
        }
        assert!(cases >= 2, "{cases} cases");
    }

    #[test]
    fn where_points_appear_by_themselves_no_other_file_may_put_any() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("connections")).unwrap();
        std::fs::write(folder.path().join("ironbridge.toml"), "enterprise = \"acme\"\nsite = \"x\"\n").unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join("connections").join(name), text).unwrap();
        let broker = "kind = \"mqtt-in\"\nurl = \"mqtt://broker\"\n";
        write("a.toml", &format!("{broker}[device.a]\nat = \"floor\"\n[device.a.patterns]\np = {{ at = \"x/{{y}}\" }}\n"));
        let tag = "[device.b.tags]\nspeed = { at = \"t\", type = \"f64\" }\n";
        for (at, expected) in [("floor/oven", 1), ("floor", 1), ("floor2", 0), ("other", 0)] {
            write("b.toml", &format!("{broker}[device.b]\nat = \"{at}\"\n{tag}"));
            let found = load(folder.path(), Arc::new(connect::kind::NoSecrets)).err().unwrap_or_default();
            assert_eq!(found.len(), expected, "{at}: {found:?}");
            assert!(found.iter().all(|mistake| mistake.to_string().contains("appear by themselves")), "{found:?}");
        }
    }

    #[test]
    fn the_smallest_plant_loads() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ironbridge.toml"), "enterprise = \"acme\"\nsite = \"x\"\n").unwrap();
        let plant = load(folder.path(), Arc::new(connect::kind::NoSecrets)).unwrap();
        assert_eq!((plant.connections.len(), plant.site.as_str()), (0, "acme/x"));
    }
}
