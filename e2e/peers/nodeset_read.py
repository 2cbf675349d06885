"""Imports a NodeSet2 into an asyncua server, which nobody of Ironbridge wrote, and reads it back through its address space.

Prints one JSON object: types (name -> supertype), objects (path -> type), variables (path -> data type, unit, range, writable).
"""

import asyncio
import json
import logging
import sys

from asyncua import Server, ua

logging.disable(logging.WARNING)


async def main() -> None:
    server = Server()
    await server.init()
    await server.import_xml(sys.argv[1])
    space = await server.get_namespace_index(sys.argv[2])
    types, objects, variables = {}, {}, {}

    async def name_of(node) -> str:
        return (await node.read_browse_name()).Name

    async def visit(node) -> None:
        kind = await node.read_node_class()
        path = node.nodeid.Identifier
        if kind == ua.NodeClass.Object:
            objects[path] = await name_of(server.get_node(await node.read_type_definition()))
        elif kind == ua.NodeClass.Variable:
            about = {}
            for property in await node.get_properties():
                about[await name_of(property)] = await property.read_value()
            unit = about.get("EngineeringUnits")
            limits = about.get("EURange")
            level = await node.read_attribute(ua.AttributeIds.AccessLevel)
            variables[path] = {
                "type": await name_of(server.get_node(await node.read_data_type())),
                "unit": [unit.DisplayName.Text, unit.UnitId] if unit else None,
                "range": [limits.Low, limits.High] if limits else None,
                "writable": bool(level.Value.Value & 2),
            }
        for child in await node.get_children():
            if child.nodeid.NamespaceIndex == space and "#" not in str(child.nodeid.Identifier):
                await visit(child)

    for child in await server.nodes.objects.get_children():
        if child.nodeid.NamespaceIndex == space:
            await visit(child)
    base = server.get_node(ua.ObjectIds.BaseObjectType)

    async def subtypes(above) -> None:
        for child in await above.get_children(refs=ua.ObjectIds.HasSubtype):
            if child.nodeid.NamespaceIndex == space:
                types[await name_of(child)] = await name_of(above)
            await subtypes(child)

    await subtypes(base)
    print(json.dumps({"types": types, "objects": objects, "variables": variables}))


asyncio.run(main())
