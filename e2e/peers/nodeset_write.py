"""Writes the NodeSet2 of a small plant with asyncua, which nobody of Ironbridge wrote: nodeset_write.py FILE."""

import asyncio
import logging
import sys

from asyncua import Server, ua

logging.disable(logging.WARNING)


async def main() -> None:
    server = Server()
    await server.init()
    space = await server.register_namespace("http://mixers.example/model")
    base = server.get_node(ua.ObjectIds.BaseObjectType)
    machine = await base.add_object_type(space, "MachineType")
    state = await machine.add_variable(space, "State", 0, datatype=ua.NodeId(ua.ObjectIds.Int32))
    await state.set_modelling_rule(True)
    names = [ua.EnumValueType(0, ua.LocalizedText("Idle"), ua.LocalizedText("")), ua.EnumValueType(6, ua.LocalizedText("Execute"), ua.LocalizedText(""))]
    await (await state.add_property(0, "EnumValues", names)).set_modelling_rule(True)
    mixer = await machine.add_object_type(space, "MixerType")
    speed = await mixer.add_variable(space, "Speed", 0.0)
    await speed.set_modelling_rule(True)
    unit = ua.EUInformation(NamespaceUri="http://www.opcfoundation.org/UA/units/un/cefact", UnitId=0x52504D, DisplayName=ua.LocalizedText("revolutions"))
    await (await speed.add_property(0, "EngineeringUnits", unit)).set_modelling_rule(True)
    await (await speed.add_property(0, "EURange", ua.Range(0.0, 120.5))).set_modelling_rule(True)
    lid = await mixer.add_variable(space, "Lid", False)
    await lid.set_modelling_rule(False)
    curve = await mixer.add_variable(space, "Curve", [0.0, 1.0])
    await curve.set_modelling_rule(False)
    hall = await server.nodes.objects.add_folder(space, "Hall 2")
    one = await hall.add_object(space, "Mixer 1", objecttype=mixer, instantiate_optional=False)
    extra = await one.add_variable(space, "Temperature", 0.0)
    await extra.write_attribute(ua.AttributeIds.Description, ua.DataValue(ua.LocalizedText("Of the \"mash\" & more")))
    nodes = [machine, mixer, hall, one]
    seen = []
    while nodes:
        node = nodes.pop()
        if node.nodeid.NamespaceIndex == space and node not in seen:
            seen.append(node)
            nodes.extend(await node.get_children())
        elif node not in seen and (await node.read_node_class()) == ua.NodeClass.Variable:
            seen.append(node)
    await server.export_xml(seen, sys.argv[1], export_values=True)


asyncio.run(main())
