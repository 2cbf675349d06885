"""Writes a pump as an AASX package with the Eclipse BaSyx SDK, which nobody of Ironbridge wrote.

aas_write.py FILE json|xml: how the shells stand in the package. Beside the pump stands everything of the SDK's own example.
"""

import io
import sys

from basyx.aas import model
from basyx.aas.adapter.aasx import AASXWriter, DictSupplementaryFileContainer
from basyx.aas.examples.data import example_aas

base = "https://pumps.example/ids/"


def text(words: str) -> model.MultiLanguageTextType:
    return model.MultiLanguageTextType({"de": "nicht dies", "en": words})


def iec(unit: str, name: str) -> model.EmbeddedDataSpecification:
    reference = model.ExternalReference((model.Key(model.KeyTypes.GLOBAL_REFERENCE, "https://admin-shell.io/DataSpecificationTemplates/DataSpecificationIEC61360/3/0"),))
    content = model.DataSpecificationIEC61360(model.PreferredNameTypeIEC61360({"en": name}), unit=unit, definition=model.DefinitionTypeIEC61360({"en": name}))
    return model.EmbeddedDataSpecification(reference, content)


flow = model.ConceptDescription(base + "flow", id_short="VolumeFlow", embedded_data_specifications=[iec("m3/h", "Volume flow at the outlet")])
by_flow = model.ModelReference.from_referable(flow)
motor = model.SubmodelElementCollection(
    "Motor",
    value=[
        model.Property("Speed", model.datatypes.Int, embedded_data_specifications=[iec("1/min", "Speed")]),
        model.Property("Running", model.datatypes.Boolean),
    ],
)
live = model.Submodel(base + "live", submodel_element=[model.Property("Flow", model.datatypes.Double, semantic_id=by_flow), motor], id_short="OperationalData")
plate = model.Submodel(base + "plate", submodel_element=[model.Property("SerialNumber", model.datatypes.String, value="P-4711")], id_short="Nameplate")
pump = model.AssetAdministrationShell(
    model.AssetInformation(model.AssetKind.INSTANCE, global_asset_id=base + "asset"),
    base + "pump",
    id_short="Feed_pump_1",
    display_name=model.MultiLanguageNameType({"en": "Feed pump 1"}),
    submodel={model.ModelReference.from_referable(live), model.ModelReference.from_referable(plate)},
)
store = model.DictIdentifiableStore([pump, live, plate, flow])
for thing in example_aas.create_full_example():
    store.add(thing)
shells = [thing.id for thing in store if isinstance(thing, model.AssetAdministrationShell)]
files = DictSupplementaryFileContainer()
for name in ("/TestFile.pdf", "/aasx/files/TestFile.pdf"):
    files.add_file(name, io.BytesIO(b"no plant data"), "application/pdf")
with AASXWriter(sys.argv[1]) as writer:
    writer.write_aas(shells, store, files, write_json=sys.argv[2] == "json")
