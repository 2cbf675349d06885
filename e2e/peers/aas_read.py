"""Reads Asset Administration Shells, JSON or a package, with the Eclipse BaSyx SDK, which nobody of Ironbridge wrote; strict: any defect fails.

Prints one JSON object: shells (id_short -> type of asset, derived from), properties (path -> value type, unit), entities.
"""

import json
import sys

from basyx.aas import model
from basyx.aas.adapter.aasx import AASXReader, DictSupplementaryFileContainer
from basyx.aas.adapter.json import read_aas_json_file

if sys.argv[1].endswith(".aasx"):
    store = model.DictIdentifiableStore()
    with AASXReader(sys.argv[1], failsafe=False) as reader:
        reader.read_into(store, DictSupplementaryFileContainer())
else:
    with open(sys.argv[1], encoding="utf-8") as file:
        store = read_aas_json_file(file, failsafe=False)

shells, properties, templates, entities, facts = {}, {}, {}, [], {}
for thing in store:
    if isinstance(thing, model.AssetAdministrationShell):
        of = thing.derived_from.key[-1].value if thing.derived_from else None
        shells[thing.id] = [thing.asset_information.asset_kind.name, of]
    elif isinstance(thing, model.Submodel):
        for element in thing.submodel_element:
            if isinstance(element, model.Entity):
                entities.append(element.global_asset_id)
                continue
            if thing.kind is model.ModellingKind.INSTANCE:
                facts.setdefault(thing.id, {q.type: q.value for q in thing.qualifier})
            content = next(iter(element.embedded_data_specifications)).data_specification_content
            path = next((q.value for q in element.qualifier if q.type == "Path"), None)
            said = [element.value_type.__name__, content.unit]
            if path is None:
                templates[f"{thing.id}/{element.id_short}"] = said
            else:
                properties[path] = said
print(json.dumps({"shells": shells, "properties": properties, "templates": templates, "entities": entities, "facts": facts}))
