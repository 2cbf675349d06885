//! From files to things that can be started, with every mistake on the way.

use super::assets::{self, Asset, Placed};
use super::files::{document, names, parse, shown};
use super::fit::{self, Around};
use super::loader::Loader;
use super::settings::Settings;
use super::types::Types;
use connect::kind::{Binding, Built, Claim, Context, Models, Secrets, choose};
use connect::south::budget::shortage;
use connect::{north, south};
use model::config::{Diagnostic, Document, check, schema_of};
use model::{Declaration, Path as PointPath};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most types above a type that count.
const MAX_ABOVE: usize = 16;

/// SHA-256 of everything that a running part was made from.
pub type Fingerprint = [u8; 32];

/// One connection or destination, built and not started.
pub struct Loaded<B> {
    /// File name without `.toml`.
    pub name: String,
    /// What it was made from.
    pub mark: Mark,
    /// What was built.
    pub it: B,
}

/// What a running part was made from: enough to know, without building it, that nothing of it changed.
#[derive(Clone, Debug)]
pub struct Mark {
    /// Everything that its behaviour depends on: if this is unchanged, it is not touched by `apply`.
    pub fingerprint: Fingerprint,
    /// Files that it names.
    pub files: Vec<String>,
    /// Names of the secrets that it uses.
    pub secrets: Vec<String>,
    /// Its exclusive resources.
    pub claims: Vec<Claim>,
}

/// Running parts by name.
pub type Marks = BTreeMap<String, Mark>;

/// What runs already: what is unchanged is not built again.
#[derive(Default)]
pub struct Known {
    /// Connections.
    pub connections: Marks,
    /// Destinations.
    pub destinations: Marks,
    /// What is declared of a path now.
    pub feeder: Option<Feeder>,
}

/// Tells what is declared of a path now, and so which running connection feeds it.
pub type Feeder = Box<dyn Fn(&str) -> Option<Arc<Declaration>> + Send>;

/// What is not touched.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Connections.
    pub connections: Marks,
    /// Destinations.
    pub destinations: Marks,
}

/// A connection that can be started.
pub struct Connection {
    /// `kind = "..."`.
    pub kind: &'static str,
    /// The driver and its points.
    pub built: Built<dyn south::Driver>,
    /// No mistake, but to be known: scans that do not fit the endpoint's budget. What the device makes of a plan shows
    /// only when it is asked, and late scans are counted.
    pub note: Option<Diagnostic>,
}

/// A whole plant, built and not started, without what runs already and is unchanged.
pub struct Plant {
    /// Its folder.
    pub folder: PathBuf,
    /// ironbridge.toml.
    pub settings: Settings,
    /// enterprise/site.
    pub site: PointPath,
    /// connections/*.toml that are new or changed.
    pub connections: Vec<Loaded<Connection>>,
    /// destinations/*.toml that are new or changed.
    pub destinations: Vec<Loaded<north::Destination>>,
    /// What runs already as the folder says.
    pub kept: Kept,
    /// assets/*.toml.
    pub assets: Vec<Placed>,
    /// types/*.toml.
    pub types: Types,
    /// Types and assets as destinations tell them.
    pub models: Arc<Models>,
}

/// So many users of a secret that is not set are named.
const NAMED_USERS: usize = 3;

impl Plant {
    /// Whether the folder has a connection of this name.
    pub fn has_connection(&self, name: &str) -> bool {
        self.kept.connections.contains_key(name) || self.connections.iter().any(|one| one.name == name)
    }

    /// Whether the folder has a destination of this name.
    pub fn has_destination(&self, name: &str) -> bool {
        self.kept.destinations.contains_key(name) || self.destinations.iter().any(|one| one.name == name)
    }

    /// Who uses which secrets: `connection line-1`, `destination hq`.
    pub fn secret_users(&self) -> impl Iterator<Item = (String, &[String])> {
        let fresh = self.connections.iter().map(|one| ("connection", &one.name, &one.mark));
        let fresh = fresh.chain(self.destinations.iter().map(|one| ("destination", &one.name, &one.mark)));
        let kept = self.kept.connections.iter().map(|(name, mark)| ("connection", name, mark));
        let kept = kept.chain(self.kept.destinations.iter().map(|(name, mark)| ("destination", name, mark)));
        fresh.chain(kept).map(|(what, name, mark)| (format!("{what} {name}"), mark.secrets.as_slice()))
    }

    /// Secrets that files name and that nobody has set, each with who needs it and what to do.
    pub fn missing_secrets(&self, is_set: impl Fn(&str) -> bool) -> Vec<String> {
        let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let all: Vec<(String, &[String])> = self.secret_users().collect();
        for (user, names) in &all {
            for name in names.iter().filter(|name| !is_set(name)) {
                missing.entry(name).or_default().push(user.clone());
            }
        }
        let words = |(name, mut users): (&str, Vec<String>)| {
            users.dedup();
            let more = users.len().saturating_sub(NAMED_USERS);
            users.truncate(NAMED_USERS);
            let others = if more > 0 { format!(" and {more} more") } else { String::new() };
            let users = users.join(", ");
            format!(
                "the secret `{name}` is not set, and {users}{others} cannot work without: `ironbridge secret set {name}`"
            )
        };
        missing.into_iter().map(words).collect()
    }
}

/// Loads the folder.
///
/// # Errors
/// Every mistake in every file.
pub fn load(folder: &Path, secrets: Arc<dyn Secrets>) -> Result<Plant, Vec<Diagnostic>> {
    load_changed(folder, secrets, &Known::default())
}

/// Loads what changed in the folder since it was made into what runs.
///
/// # Errors
/// Every mistake in every file that is new or changed, or that does not fit the rest any more.
pub fn load_changed(
    folder: &Path,
    secrets: Arc<dyn Secrets>,
    known: &Known,
) -> Result<Plant, Vec<Diagnostic>> {
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
    let models = Arc::new(models(&assets, &types));
    let bindings = Arc::new(bindings(&assets, &types));
    let loader = Loader { folder, site: &site, bindings, models: models.clone(), secrets };
    let (before, mut kept) = (mistakes.len(), Kept::default());
    let connections = loader.each(
        "connections",
        (&known.connections, &mut kept.connections),
        |document, context| connection(document, context).map(|one| (one.built.claims.clone(), one)),
        &mut mistakes,
    );
    let destinations = loader.each(
        "destinations",
        (&known.destinations, &mut kept.destinations),
        |document, context| north::build(document, context).map(|one| (one.built.claims.clone(), one)),
        &mut mistakes,
    );
    let around = Around { kept: &kept, feeder: known.feeder.as_ref() };
    fit::clashes(&connections, &destinations, &around, &mut mistakes);
    fit::unbound(&assets, &connections, &around, &mut mistakes);
    if mistakes.len() == before {
        // With a connection that could not be built, points would seem to be missing that are not.
        fit::contracts(&types, &assets, &connections, &around, &mut mistakes);
    }
    match settings {
        Some((settings, site)) if mistakes.is_empty() => Ok(Plant {
            folder: folder.to_owned(),
            settings,
            site,
            connections: connections.into_iter().map(|(_, loaded)| loaded).collect(),
            destinations: destinations.into_iter().map(|(_, loaded)| loaded).collect(),
            kept,
            assets: assets.into_iter().map(|(_, placed)| placed).collect(),
            types,
            models,
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
    if let Some(Err((key, message, help))) = settings.serve.opcua.as_ref().map(super::serve::OpcUa::address) {
        mistakes.push(document.mistake(&["serve", "opcua", key], message, help));
        sound = false;
    }
    for (section, default, tables) in settings.serve.tables() {
        if let Some(Err((message, help))) = tables.map(|tables| tables.address(default)) {
            mistakes.push(document.mistake(&["serve", section, "listen"], message, help));
            sound = false;
        }
    }
    let site = PointPath::new(&format!("{}/{}", settings.enterprise, settings.site)).ok()?;
    sound.then_some((settings, site))
}

fn load_assets(folder: &Path, site: &PointPath, mistakes: &mut Vec<Diagnostic>) -> Vec<(Document, Placed)> {
    let schema = schema_of::<Asset>();
    let mut assets: Vec<(Document, Placed)> = Vec::new();
    let mut taken: HashMap<String, Arc<str>> = HashMap::new();
    for name in names(folder, "assets", mistakes) {
        let Some(document) = document(folder, "assets", &name, mistakes) else { continue };
        let Some(placed) = assets::read(&document, &schema, site, mistakes) else { continue };
        if let Some(other) = taken.insert(placed.path.folded(), document.file.clone()) {
            let message = format!("`{other}` already has the path `{}`", placed.path);
            mistakes.push(document.mistake(&["path"], message, "one asset, one path"));
        }
        assets.push((document, placed));
    }
    assets
}

/// Builds one destination from a text that is not in the folder any more.
///
/// # Errors
/// Every mistake in it.
pub fn rebuild_destination(
    plant: (&Path, &PointPath, Arc<Models>),
    name: &str,
    text: &str,
    secrets: Arc<dyn Secrets>,
) -> Result<north::Destination, Vec<Diagnostic>> {
    let (folder, site, models) = plant;
    let loader = Loader { folder, site, bindings: Arc::default(), models, secrets };
    let document = Document::parse(&shown("destinations", name), text)?;
    north::build(&document, &loader.context(name))
}

/// Finds the kind and builds.
fn connection(document: &Document, context: &Context) -> Result<Connection, Vec<Diagnostic>> {
    let kind = choose(south::KINDS, "connection", document)?;
    let built = (kind.build)(document, context)?;
    let note = shortage(built.it.as_ref())
        .map(|(message, help)| document.mistake(&["budget", "requests"], message, help));
    Ok(Connection { kind: kind.name, built, note })
}

/// Types, and the assets of them, as destinations tell them.
fn models(assets: &[(Document, Placed)], types: &Types) -> Models {
    let of = |(_, placed): &(Document, Placed)| {
        let kind = &placed.asset.kind;
        types.has(kind).then(|| (placed.path.folded(), types.name(kind).to_owned()))
    };
    let kinds = |(_, placed): &(Document, Placed)| {
        let kind = placed.asset.kind.as_str();
        let above = std::iter::successors(types.above(kind), |name| types.above(name)).take(MAX_ABOVE);
        let all = std::iter::once(kind).chain(above).map(str::to_ascii_lowercase).collect();
        (placed.path.folded(), all)
    };
    Models {
        types: types.members(),
        assets: assets.iter().filter_map(of).collect(),
        kinds: assets.iter().map(kinds).collect(),
    }
}

/// What assets say of tags: where their points live, and what the assets' types ask of them.
fn bindings(assets: &[(Document, Placed)], types: &Types) -> BTreeMap<String, Binding> {
    let mut bindings = BTreeMap::new();
    for (_, placed) in assets {
        for (tag, path, was) in &placed.binds {
            let contract = types.contract(&placed.asset.kind, path.last());
            bindings
                .insert(tag.to_ascii_lowercase(), Binding { path: path.clone(), was: was.clone(), contract });
        }
    }
    bindings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `cases/NAME.toml` of a kind of connection has a mistake in each line that ends with `# ! words`, and no other.
    #[test]
    fn cases_of_wrong_connections_name_each_mistake_at_its_line() {
        let south = Path::new(env!("CARGO_MANIFEST_DIR")).join("../connect/src/south");
        let mut cases = 0;
        for kind in std::fs::read_dir(south)
            .unwrap()
            .map(|entry| entry.unwrap().path().join("cases"))
            .filter(|dir| dir.is_dir())
        {
            for case in std::fs::read_dir(kind).unwrap().map(|entry| entry.unwrap().path()) {
                let text = std::fs::read_to_string(&case).unwrap();
                let document = Document::parse("connections/x.toml", &text).unwrap();
                let context = Context::new("x", PointPath::new("acme/leeds").unwrap(), "");
                let Err(found) = connection(&document, &context) else {
                    panic!("{} has no mistake", case.display())
                };
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
        std::fs::write(folder.path().join("ironbridge.toml"), "enterprise = \"acme\"\nsite = \"x\"\n")
            .unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join("connections").join(name), text).unwrap()
        };
        let broker = "kind = \"mqtt-in\"\nurl = \"mqtt://broker\"\n";
        write(
            "a.toml",
            &format!("{broker}[device.a]\nat = \"floor\"\n[device.a.patterns]\np = {{ at = \"x/{{y}}\" }}\n"),
        );
        let tag = "[device.b.tags]\nspeed = { at = \"t\", type = \"f64\" }\n";
        for (at, expected) in [("floor/oven", 1), ("floor", 1), ("floor2", 0), ("other", 0)] {
            write("b.toml", &format!("{broker}[device.b]\nat = \"{at}\"\n{tag}"));
            let found = load(folder.path(), Arc::new(connect::kind::NoSecrets)).err().unwrap_or_default();
            assert_eq!(found.len(), expected, "{at}: {found:?}");
            assert!(
                found.iter().all(|mistake| mistake.to_string().contains("appear by themselves")),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_smallest_plant_loads() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ironbridge.toml"), "enterprise = \"acme\"\nsite = \"x\"\n")
            .unwrap();
        let plant = load(folder.path(), Arc::new(connect::kind::NoSecrets)).unwrap();
        assert_eq!((plant.connections.len(), plant.site.as_str()), (0, "acme/x"));
    }

    fn connection_file(port: u16, at: &str, extra: &str) -> String {
        format!(
            "kind = \"modbus-tcp\"\nhost = \"192.0.2.1\"\nport = {port}\n[device.d]\nat = \"{at}\"\n[device.d.tags]\nx = {{ at = \"40001\", type = \"i16\"{extra} }}\n"
        )
    }

    /// What runs after `plant`: its connections, and who feeds which path.
    fn running(plant: &Plant) -> Known {
        let marks = plant.connections.iter().map(|one| (one.name.clone(), one.mark.clone()));
        let points = plant.connections.iter().flat_map(|one| one.it.built.points.iter().cloned());
        let fed: BTreeMap<String, Arc<Declaration>> =
            points.map(|point| (point.path.to_string(), point)).collect();
        let feeder: Feeder = Box::new(move |path| fed.get(path).cloned());
        Known { connections: marks.collect(), feeder: Some(feeder), ..Known::default() }
    }

    #[test]
    fn only_what_changed_is_built_again_and_still_fits_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let again = |known: &Known| load_changed(folder.path(), Arc::new(connect::kind::NoSecrets), known);
        let fresh = |plant: &Plant| plant.connections.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
        write("ironbridge.toml", "enterprise = \"acme\"\nsite = \"x\"\n");
        write("connections/a.toml", &connection_file(1, "a", ""));
        write("connections/b.toml", &connection_file(2, "b", ""));
        let first = again(&Known::default()).unwrap();
        assert_eq!(fresh(&first), ["a", "b"]);
        let known = running(&first);
        let nothing = again(&known).unwrap();
        assert_eq!((fresh(&nothing).len(), nothing.kept.connections.len()), (0, 2));
        // An asset that takes a tag to its place changes that connection, and no other.
        write("assets/pump.toml", "type = \"Pump\"\npath = \"pump\"\nbind = { Flow = \"b.d.x\" }\n");
        assert_eq!(fresh(&again(&known).unwrap()), ["b"]);
        std::fs::remove_file(folder.path().join("assets/pump.toml")).unwrap();
        // The same path or the same endpoint as an unchanged neighbour is found all the same.
        write("connections/b.toml", &connection_file(2, "a", ""));
        let clash = again(&known).err().unwrap();
        assert!(
            clash.iter().any(|mistake| mistake.to_string().contains("also fed by connections/a.toml")),
            "{clash:?}"
        );
        write("connections/b.toml", &connection_file(1, "b", ""));
        let clash = again(&known).err().unwrap();
        assert!(
            clash.iter().any(|mistake| mistake.to_string().contains("already used by connections/a.toml")),
            "{clash:?}"
        );
        // An interlock names points of others.
        let locked = |path: &str| {
            format!(
                ", write = {{ interlock = {{ allow_if = \"ok == 1\", points = {{ ok = \"{path}\" }} }} }}"
            )
        };
        write("connections/b.toml", &connection_file(2, "b", &locked("a/x")));
        assert_eq!(fresh(&again(&known).unwrap()), ["b"]);
        write("connections/b.toml", &connection_file(2, "b", &locked("a/y")));
        let lost = again(&known).err().unwrap();
        assert!(lost.iter().any(|mistake| mistake.to_string().contains("nothing feeds that")), "{lost:?}");
    }

    #[test]
    fn a_destination_that_tells_types_is_made_again_when_they_change_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let again = |known: &Known| load_changed(folder.path(), Arc::new(connect::kind::NoSecrets), known);
        let sparkplug = "kind = \"sparkplug\"\nurl = \"mqtt://192.0.2.1\"\n";
        write("ironbridge.toml", "enterprise = \"acme\"\nsite = \"x\"\n");
        write("types/Pump.toml", "[points]\nFlow = { type = \"number\", required = false }\n");
        write("assets/pump.toml", "type = \"pump\"\npath = \"pump\"\n");
        write("destinations/plain.toml", sparkplug);
        write("destinations/told.toml", &format!("{sparkplug}node = \"b\"\ntemplates = true\n"));
        let first = again(&Known::default()).unwrap();
        assert_eq!(first.models.assets["acme/x/pump"], "Pump", "by the type's own name");
        assert_eq!(first.models.types["Pump"][0].name, "Flow");
        let marks = first.destinations.iter().map(|one| (one.name.clone(), one.mark.clone())).collect();
        let known = Known { destinations: marks, ..Known::default() };
        assert_eq!(again(&known).unwrap().destinations.len(), 0);
        write(
            "types/Pump.toml",
            "[points]\nFlow = { type = \"number\", unit = \"l/s\", required = false }\n",
        );
        let fresh: Vec<String> =
            again(&known).unwrap().destinations.into_iter().map(|one| one.name).collect();
        assert_eq!(fresh, ["told"]);
    }
}
