use crate::plant::load;
use connect::kind::NoSecrets;
use model::ValueType;
use std::sync::Arc;

const CONNECTION: &str = "kind = \"modbus-tcp\"\nhost = \"127.0.0.1\"\n\n[device.plc]\nat = \"hall/plc\"\n\n[device.plc.tags]\n\
    speed = { at = \"holding 0\", type = \"u16\", unit = \"rpm\" }\n\
    steam = { at = \"holding 1\", type = \"u16\", unit = \"kPa\", scale = 0.1, range = [0, 1000] }\n\
    state = { at = \"holding 2\", type = \"u16\" }\n\
    name = { at = \"holding 10\", type = \"text\", length = 8 }\n";
const MACHINE: &str = "[points]\nState = { type = \"whole\", states = { 0 = \"Idle\", 1 = \"Execute\" } }\n";
const FILLER: &str = "extends = \"Machine\"\n\n[points]\nSpeed = { type = \"number\", unit = \"/min\", description = \"Bottles\" }\n\
    Steam = { type = \"number\", unit = \"bar\" }\nNote = { type = \"text\", required = false }\n";
const SOUND: &str = "type = \"Filler\"\npath = \"hall/filler\"\n\n[bind]\nSpeed = \"c.plc.speed\"\nSteam = \"c.plc.steam\"\nState = \"c.plc.state\"\n";

fn plant(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let settings = ("ironbridge.toml", "enterprise = \"acme\"\nsite = \"leeds\"\n");
    for (name, text) in files.iter().chain([&settings, &("connections/c.toml", CONNECTION)]) {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    folder
}

fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    match load(plant(files).path(), Arc::new(NoSecrets)) {
        Ok(_) => Vec::new(),
        Err(found) => found.iter().map(|one| one.to_string()).collect(),
    }
}

#[test]
fn a_sound_asset_sees_its_points_as_its_type_does() {
    let folder = plant(&[
        ("types/Machine.toml", MACHINE),
        ("types/Filler.toml", FILLER),
        ("assets/filler.toml", SOUND),
    ]);
    let plant = load(folder.path(), Arc::new(NoSecrets)).unwrap_or_else(|found| panic!("{found:?}"));
    let points = &plant.connections[0].it.built.points;
    let point = |path: &str| points.iter().find(|point| point.path.as_str() == path).unwrap();
    let steam = point("acme/leeds/hall/filler/Steam");
    assert_eq!(
        (steam.unit.as_str(), steam.value_type, steam.range),
        ("bar", ValueType::F64, Some((0.0, 10.0)))
    );
    let speed = point("acme/leeds/hall/filler/Speed");
    assert_eq!(
        (speed.unit.as_str(), speed.value_type, speed.description.as_str()),
        ("/min", ValueType::U64, "Bottles")
    );
    assert_eq!(point("acme/leeds/hall/filler/State").states[&1], "Execute", "inherited");
    assert_eq!(point("acme/leeds/hall/plc/name").unit, "", "what no asset binds stays as it is");
}

#[test]
fn broken_promises_are_told_at_the_asset() {
    let types = [("types/Machine.toml", MACHINE), ("types/Filler.toml", FILLER)];
    let told = |asset: &str| mistakes(&[types[0], types[1], ("assets/filler.toml", asset)]);
    for (what, asset, line, words) in [
        ("a slip", SOUND.replace("\"Filler\"", "\"Filer\""), 1, "did you mean \"Filler\"?"),
        (
            "missing, with another name",
            SOUND.replace("Speed =", "Spede ="),
            4,
            "is `Spede` the point? Then call it `Speed`",
        ),
        (
            "missing",
            SOUND.replace("State = \"c.plc.state\"\n", ""),
            4,
            "a `Filler` has the point `State`, a whole number",
        ),
        (
            "wrong type",
            SOUND.replace("c.plc.speed", "c.plc.name"),
            5,
            "`Speed` of a `Filler` is a number, but its tag gives text",
        ),
        (
            "bound twice",
            SOUND.replace("c.plc.steam", "c.plc.speed"),
            5,
            "`c.plc.speed` is also bound to acme/leeds/hall/filler/Steam",
        ),
        (
            "no unit",
            SOUND
                .replace("c.plc.state", "c.plc.x")
                .replace("c.plc.steam", "c.plc.state")
                .replace("c.plc.x", "c.plc.speed")
                .replace("Speed = \"c.plc.speed\"", "Speed = \"c.plc.steam\""),
            6,
            "but its tag has no unit",
        ),
        (
            "wrong unit",
            SOUND
                .replace("c.plc.steam", "c.plc.speed")
                .replace("Speed = \"c.plc.speed\"", "Speed = \"c.plc.steam\""),
            5,
            "is in kPa",
        ),
    ] {
        let found = told(&asset);
        let there = format!("assets/filler.toml:{line}:");
        assert!(found.iter().any(|one| one.starts_with(&there) && one.contains(words)), "{what}: {found:#?}");
    }
    assert_eq!(told(SOUND), Vec::<String>::new());
    assert_eq!(
        told(&SOUND.replace("\"Filler\"", "\"Robot\"")),
        Vec::<String>::new(),
        "a word without a contract"
    );
}

#[test]
fn parts_stand_below_and_have_their_type() {
    let types = [
        ("types/Machine.toml", MACHINE),
        ("types/Conveyor.toml", "extends = \"Machine\"\n"),
        (
            "types/Line.toml",
            "[parts]\nInfeed = { type = \"Machine\" }\nOutfeed = { type = \"Conveyor\", required = false }\n",
        ),
    ];
    let line = ("assets/line.toml", "type = \"Line\"\npath = \"hall/line\"\nlevel = \"line\"\n");
    let infeed = |kind: &str| {
        format!("type = \"{kind}\"\npath = \"hall/line/infeed\"\n\n[bind]\nState = \"c.plc.state\"\n")
    };
    let with = |below: &str| mistakes(&[types[0], types[1], types[2], line, ("assets/infeed.toml", below)]);
    assert_eq!(with(&infeed("Conveyor")), Vec::<String>::new(), "a conveyor is a machine");
    let found = mistakes(&[types[0], types[1], types[2], line]);
    assert!(found.len() == 1 && found[0].contains("a `Line` has the part `Infeed`"), "{found:#?}");
    let found = with("type = \"Line\"\npath = \"hall/line/infeed\"\n");
    assert!(found.iter().any(|one| one.contains("`Infeed` of a `Line` is a `Machine`, but")), "{found:#?}");
}

#[test]
fn types_are_checked_before_any_asset_uses_them() {
    for (what, text, words) in [
        ("unknown key", "[points]\nSpeed = { type = \"number\", unti = \"bar\" }\n", "did you mean `unit`?"),
        ("unknown kind", "[points]\nSpeed = { type = \"integer\" }\n", "number"),
        ("unknown parent", "extends = \"Machin\"\n", "did you mean \"Machine\"?"),
        ("itself", "extends = \"Filler\"\n", "`Filler` extends itself"),
        ("unknown part", "[parts]\nA = { type = \"Robot\" }\n", "there is no type \"Robot\""),
        ("bad name", "[points]\n\"a b\" = { type = \"bool\" }\n", "character"),
        (
            "states of no whole number",
            "[points]\nS = { type = \"bool\", state_model = \"packml\" }\n",
            "names of whole numbers",
        ),
        (
            "two state models",
            "[points]\nS = { type = \"whole\", state_model = \"packml\", states = { 1 = \"x\" } }\n",
            "say it twice",
        ),
        ("unknown state model", "[points]\nS = { type = \"whole\", state_model = \"pckml\" }\n", "packml"),
        ("bad state", "[points]\nS = { type = \"whole\", states = { x = \"y\" } }\n", "no whole number"),
    ] {
        let found = mistakes(&[("types/Machine.toml", MACHINE), ("types/Filler.toml", text)]);
        assert!(
            found.len() == 1 && found[0].starts_with("types/Filler.toml:") && found[0].contains(words),
            "{what}: {found:#?}"
        );
    }
    let found = mistakes(&[("types/A.toml", "extends = \"B\"\n"), ("types/B.toml", "extends = \"A\"\n")]);
    assert_eq!(found.len(), 2, "both say so: {found:#?}");
}

#[test]
fn a_named_state_model_gives_its_words_to_the_point() {
    let machine = MACHINE.replace("states = { 0 = \"Idle\", 1 = \"Execute\" }", "state_model = \"packml\"");
    let folder = plant(&[
        ("types/Machine.toml", &machine),
        ("types/Filler.toml", FILLER),
        ("assets/filler.toml", SOUND),
    ]);
    let plant = load(folder.path(), Arc::new(NoSecrets)).unwrap_or_else(|found| panic!("{found:?}"));
    let points = &plant.connections[0].it.built.points;
    let state = points.iter().find(|point| point.path.as_str() == "acme/leeds/hall/filler/State").unwrap();
    assert_eq!(
        (state.states.len(), state.states[&6].as_str(), state.states[&17].as_str()),
        (17, "Execute", "Completed")
    );
}
