use super::super::{ExportFormat, export};
use super::*;
use crate::plant::{Plant, load};
use connect::import::zip::pack;
use connect::kind::NoSecrets;
use proptest::prelude::*;
use std::path::Path;
use std::sync::Arc;

const CONNECTION: &str = r#"kind = "modbus-tcp"
host = "192.0.2.1"

[device.plc]
at = "hall/plc"

[device.plc.tags]
pressure = { at = "40001", type = "u16", unit = "kPa" }
state    = { at = "40003", type = "u16" }
door     = { at = "40004.1", type = "bool", description = "open <or> \"shut\" & locked" }
loose    = { at = "40005", type = "u16" }
"#;
const FILES: &[(&str, &str)] = &[
    ("ironbridge.toml", "enterprise = \"acme\"\nsite = \"leeds\"\n"),
    ("connections/steam.toml", CONNECTION),
    (
        "types/Machine.toml",
        "description = \"Runs\"\n\n[points]\nState = { type = \"whole\", states = { 0 = \"Idle\", 6 = \"Execute\" } }\n",
    ),
    (
        "types/Boiler.toml",
        "description = \"Steam & <more>\"\nextends = \"Machine\"\n\n[points]\nPressure = { type = \"number\", unit = \"bar\", range = [0, 16.5], name = \"Druck\", description = \"At the outlet\" }\n\
         \"Fill-level\" = { type = \"number\", unit = \"%\", required = false }\nNote = { type = \"text\", required = false }\nLit = { type = \"bool\", required = false }\n\n\
         [parts]\nBurner = { type = \"Machine\", required = false }\n\"4th-door\" = { type = \"Machine\", required = false }\n",
    ),
    (
        "types/Big-Boiler.toml",
        "extends = \"Boiler\"\n\n[points]\nMode = { type = \"whole\", state_model = \"packml\", required = false }\nState = { type = \"whole\", required = false }\n",
    ),
    ("assets/house.toml", "type = \"House\"\npath = \"hall-1/house\"\nlevel = \"area\"\n"),
    (
        "assets/boiler.toml",
        "type = \"Boiler\"\npath = \"hall-1/house/boiler\"\nname = \"Boiler \u{df}\"\nowner_ot = \"Utilities\"\nowner_it = \"Plant IT\"\nzone = \"steam\"\n\
         was = [\"old/boiler\", \"older/boiler\"]\n\n[bind]\nPressure = \"steam.plc.pressure\"\nState = \"steam.plc.state\"\n\"4th-door\" = \"steam.plc.door\"\n",
    ),
];

fn write(folder: &Path, files: &[(String, String)]) {
    for (name, text) in files {
        let file = folder.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

fn plant(folder: &Path) -> Plant {
    load(folder, Arc::new(NoSecrets)).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// Everything of a plant that a model holds: types as written, assets as written.
fn said(plant: &Plant) -> Vec<String> {
    let types = plant.types.all().map(|(name, description, _)| {
        let own: Vec<_> = plant.types.own(name).collect();
        let parts: Vec<_> = plant.types.own_parts(name).collect();
        format!("{name} {description:?} {:?} {own:#?} {parts:?}", plant.types.above(name))
    });
    let assets = plant.assets.iter().map(|placed| format!("{:#?}", placed.asset));
    let mut all: Vec<String> = types.chain(assets).collect();
    all.sort();
    all
}

#[test]
fn what_we_export_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    write(folder.path(), &files);
    let first = plant(folder.path());
    for (kind, name) in
        [(ExportFormat::Aas, "aas"), (ExportFormat::Aasx, "aasx"), (ExportFormat::Nodeset2, "nodeset2")]
    {
        let bytes = export(&first, kind).unwrap();
        assert_eq!(guess(&format!("plant.{name}"), &bytes), Some(name));
        let drafts =
            import(format(name).unwrap(), "plant", &bytes).unwrap_or_else(|why| panic!("{name}: {why:?}"));
        assert_eq!((&drafts.notes, &drafts.mistakes), (&vec![], &vec![]), "{name}");
        let again = tempfile::tempdir().unwrap();
        write(again.path(), &files[..2]);
        write(again.path(), &drafts.files);
        assert_eq!(said(&plant(again.path())), said(&first), "{name}");
    }
}

const SHELLS: &str = r#"{
  "assetAdministrationShells": [
    { "modelType": "AssetAdministrationShell", "id": "https://example.com/pump-101", "idShort": "Pump_101",
      "assetInformation": { "assetKind": "Instance", "globalAssetId": "https://example.com/asset/101" },
      "submodels": [ { "type": "ModelReference", "keys": [ { "type": "Submodel", "value": "live" } ] },
                     { "type": "ModelReference", "keys": [ { "type": "Submodel", "value": "plate" } ] },
                     { "type": "ModelReference", "keys": [ { "type": "Submodel", "value": "gone" } ] } ] }
  ],
  "submodels": [
    { "modelType": "Submodel", "id": "live", "idShort": "OperationalData", "submodelElements": [
      { "modelType": "Property", "idShort": "Flow", "valueType": "xs:double", "description": [ { "language": "de", "text": "Fluss" }, { "language": "en-GB", "text": "Flow" } ],
        "semanticId": { "type": "ExternalReference", "keys": [ { "type": "GlobalReference", "value": "0173-1#flow" } ] } },
      { "modelType": "SubmodelElementCollection", "idShort": "Motor", "value": [
        { "modelType": "Property", "idShort": "Speed", "valueType": "xs:int" },
        { "modelType": "Property", "idShort": "Since", "valueType": "xs:dateTime" } ] },
      { "modelType": "Operation", "idShort": "Reset" } ] },
    { "modelType": "Submodel", "id": "plate", "idShort": "Nameplate", "submodelElements": [
      { "modelType": "Property", "idShort": "SerialNumber", "valueType": "xs:string", "value": "4711\nbad = 1" },
      { "modelType": "MultiLanguageProperty", "idShort": "ManufacturerName", "value": [ { "language": "en", "text": "Example Pumps" } ] } ] }
  ],
  "conceptDescriptions": [
    { "modelType": "ConceptDescription", "id": "0173-1#flow", "embeddedDataSpecifications": [ { "dataSpecificationContent": {
      "modelType": "DataSpecificationIec61360", "unit": "m3/h", "definition": [ { "language": "en", "text": "unused: the property says it" } ] } } ] }
  ]
}"#;

fn file<'a>(drafts: &'a Drafts, name: &str) -> &'a str {
    let found = drafts.files.iter().find(|(file, _)| file == name);
    found.map_or_else(|| panic!("no {name} in {:#?}", drafts.files), |(_, text)| text)
}

#[test]
fn a_shell_of_others_becomes_a_type_and_an_asset() {
    let drafts = import(format("aas").unwrap(), "pump.json", SHELLS.as_bytes()).unwrap();
    assert_eq!(drafts.mistakes, Vec::<String>::new());
    let of = file(&drafts, "types/Pump.toml");
    assert!(of.contains("Flow = { type = \"number\", unit = \"m3/h\", description = \"Flow\" }\nMotor_Speed = { type = \"whole\" }"), "{of}");
    let asset = file(&drafts, "assets/pump_101.toml");
    for part in [
        "# SerialNumber: 4711 bad = 1\n",
        "# ManufacturerName: Example Pumps\n",
        "type = \"Pump\"\npath = \"Pump_101\"\n",
        "# Flow = \"connection.device.tag\"    # a number in m3/h\n",
    ] {
        assert!(asset.contains(part), "{part}: {asset}");
    }
    assert_eq!(drafts.unbound, 2);
    let notes: Vec<&str> = drafts.notes.iter().map(|note| note.text.as_str()).collect();
    for part in [
        "`Reset`: Operation has no counterpart",
        "`Motor_Since`: there is no point of the type xs:dateTime",
        "`gone`: the file does not have this submodel",
    ] {
        assert!(notes.iter().any(|note| note.contains(part)), "{part}: {notes:#?}");
    }
}

const NODES: &str = r#"<UANodeSet xmlns="http://opcfoundation.org/UA/2011/03/UANodeSet.xsd" xmlns:u="http://opcfoundation.org/UA/2008/02/Types.xsd">
  <NamespaceUris><Uri>http://example.com/pumps</Uri></NamespaceUris>
  <Aliases><Alias Alias="Double">i=11</Alias><Alias Alias="HasComponent">i=47</Alias><Alias Alias="HasTypeDefinition">i=40</Alias></Aliases>
  <UADataType NodeId="ns=1;i=10" BrowseName="1:Mode"><References><Reference ReferenceType="i=45" IsForward="false">i=29</Reference></References>
    <Definition Name="1:Mode"><Field Name="Off" Value="0"/><Field Name="Auto" Value="2"/></Definition></UADataType>
  <UAObjectType NodeId="ns=1;i=1" BrowseName="1:PumpType"><Description>A pump</Description><References><Reference ReferenceType="i=45" IsForward="false">i=58</Reference>
    <Reference ReferenceType="HasComponent">ns=1;i=2</Reference><Reference ReferenceType="HasComponent">ns=1;i=3</Reference></References></UAObjectType>
  <UAVariable NodeId="ns=1;i=2" BrowseName="1:Flow" DataType="Double"><References><Reference ReferenceType="HasTypeDefinition">i=2368</Reference><Reference ReferenceType="i=37">i=78</Reference><Reference ReferenceType="i=46">ns=1;i=4</Reference></References></UAVariable>
  <UAVariable NodeId="ns=1;i=3" BrowseName="1:Mode" DataType="ns=1;i=10"><References><Reference ReferenceType="HasTypeDefinition">i=63</Reference><Reference ReferenceType="i=37">i=80</Reference></References></UAVariable>
  <UAVariable NodeId="ns=1;i=4" BrowseName="EngineeringUnits" DataType="i=887"><References><Reference ReferenceType="HasTypeDefinition">i=68</Reference></References>
    <Value><u:ExtensionObject><u:Body><u:EUInformation><u:UnitId>5067080</u:UnitId><u:DisplayName><u:Text>cubic metre per hour</u:Text></u:DisplayName></u:EUInformation></u:Body></u:ExtensionObject></Value></UAVariable>
  <UAObject NodeId="ns=1;i=20" BrowseName="1:Water works"><References><Reference ReferenceType="i=35" IsForward="false">i=85</Reference><Reference ReferenceType="HasTypeDefinition">i=61</Reference></References></UAObject>
  <UAObject NodeId="ns=1;i=21" BrowseName="1:Pump 7"><References><Reference ReferenceType="i=35" IsForward="false">ns=1;i=20</Reference><Reference ReferenceType="HasTypeDefinition">ns=1;i=1</Reference></References></UAObject>
  <UAVariable NodeId="ns=1;i=22" BrowseName="1:Flow" DataType="Double"><References><Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=21</Reference><Reference ReferenceType="HasTypeDefinition">i=2368</Reference></References></UAVariable>
  <UAObject NodeId="ns=1;i=23" BrowseName="1:Drive" ParentNodeId="ns=1;i=21"><References><Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=21</Reference><Reference ReferenceType="HasTypeDefinition">i=58</Reference></References></UAObject>
  <UAVariable NodeId="ns=1;i=24" BrowseName="1:Current" DataType="Double"><References><Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=23</Reference></References></UAVariable>
  <UAVariable NodeId="ns=1;i=25" BrowseName="1:Curve" DataType="Double" ValueRank="1"><References><Reference ReferenceType="HasComponent" IsForward="false">ns=1;i=23</Reference></References></UAVariable>
</UANodeSet>"#;

#[test]
fn what_not_all_things_of_a_made_type_have_may_be_missing() {
    let less = NODES
        .replace("<Reference ReferenceType=\"HasTypeDefinition\">ns=1;i=1</Reference>", "<Reference ReferenceType=\"HasTypeDefinition\">ns=7;i=1</Reference>")
        .replace("</UANodeSet>", "<UAObject NodeId=\"ns=1;i=30\" BrowseName=\"1:Pump 8\"><References><Reference ReferenceType=\"HasTypeDefinition\">ns=7;i=1</Reference></References></UAObject>\
            <UAVariable NodeId=\"ns=1;i=31\" BrowseName=\"1:Flow\" DataType=\"Double\" ParentNodeId=\"ns=1;i=30\"/></UANodeSet>");
    let drafts = import(format("nodeset2").unwrap(), "x", less.as_bytes()).unwrap();
    let of = file(&drafts, "types/Pump.toml");
    assert!(of.contains("Flow = { type = \"number\" }"), "{of}");
    assert!(of.contains("Drive_Current = { type = \"number\", required = false }"), "{of}");
}

#[test]
fn nodes_of_others_become_types_and_assets() {
    assert_eq!(guess("pumps.xml", NODES.as_bytes()), Some("nodeset2"));
    let drafts = import(format("nodeset2").unwrap(), "pumps.xml", NODES.as_bytes()).unwrap();
    assert_eq!(drafts.mistakes, Vec::<String>::new());
    let of = file(&drafts, "types/PumpType.toml");
    for part in [
        "description = \"A pump\"",
        "Flow = { type = \"number\", unit = \"m3/h\" }",
        "Mode = { type = \"whole\", required = false, states = { 0 = \"Off\", 2 = \"Auto\" } }",
        "Drive_Current = { type = \"number\", required = false }",
    ] {
        assert!(of.contains(part), "{part}: {of}");
    }
    let asset = file(&drafts, "assets/pump-7.toml");
    assert!(
        asset.contains("type = \"PumpType\"\npath = \"Water-works/Pump-7\"\nname = \"Pump 7\"\n"),
        "{asset}"
    );
    assert!(
        drafts.notes.iter().any(|note| note.text.contains("`Drive_Curve`: it is a list of values")),
        "{:?}",
        drafts.notes
    );
}

#[test]
fn hostile_and_wrong_files_are_refused_in_words() {
    let told =
        |name: &str, data: &[u8]| import(format(name).unwrap(), "x", data).map(|_| ()).unwrap_err().message;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(told("aas", deep.as_bytes()).contains("recursion limit"));
    let entities = "<!DOCTYPE a [<!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]><UANodeSet>&c;</UANodeSet>";
    assert!(told("nodeset2", entities.as_bytes()).contains("DTD"));
    assert!(told("nodeset2", "<UANodeSet>".repeat(1_000_000).as_bytes()).contains("nested deeper"));
    assert!(told("nodeset2", b"<Tagtable/>").contains("not `UANodeSet`"));
    assert!(told("nodeset2", b"<UANodeSet/>").contains("nothing of `x` can be taken over"));
    assert!(told("aas", &vec![b' '; 17 << 20]).contains("larger than 16 MiB"));
    assert!(told("aasx", &pack(&[("a", b"b")]).unwrap()).contains("no package of shells"));
    // A thing that stands in itself, and one whose name is nothing.
    let ring = NODES.replace("IsForward=\"false\">i=85<", "IsForward=\"false\">ns=1;i=21<");
    assert!(import(format("nodeset2").unwrap(), "x", ring.as_bytes()).is_ok());
    let nameless = NODES.replace("1:Pump 7", "1:\u{6c34}").replace("1:Flow", "1:../../etc");
    let drafts = import(format("nodeset2").unwrap(), "x", nameless.as_bytes()).unwrap();
    assert!(drafts.files.iter().all(|(name, _)| !name.contains("..")), "{:?}", drafts.files);
    assert_eq!(drafts.mistakes, Vec::<String>::new());
}

proptest! {
    #[test]
    fn damaged_models_are_refused_or_drafted_soundly(at in 0_usize..4_000, with in "[\\PC]{0,4}") {
        for (name, text) in [("aas", SHELLS), ("nodeset2", NODES)] {
            let mut damaged = text.to_owned();
            let place = (0..=at.min(damaged.len())).rev().find(|at| damaged.is_char_boundary(*at)).unwrap_or(0);
            damaged.insert_str(place, &with);
            if let Ok(drafts) = import(format(name).unwrap(), "x", damaged.as_bytes()) {
                for (file, text) in &drafts.files {
                    prop_assert!(text.parse::<toml::Table>().is_ok(), "{file}: {text}");
                }
            }
        }
    }
}
