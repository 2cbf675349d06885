"""BACnet/IP devices of bacpypes3: one that tells, takes commands and sends long answers, and a BBMD beside it.

bacpypes3_device.py ADDRESS:PORT INSTANCE [bbmd|max-apdu=N|no-segments|objects=N|forever]...

Lines on stdin: `set OBJECT VALUE`, `get OBJECT PROPERTY [INDEX]`, `slot OBJECT PRIORITY VALUE|null`, `out-of-service OBJECT 0|1`,
`reliability OBJECT NAME`, `subscribers`, `foreign`, `forget`. Answers stand on one line.
"""

import asyncio
import sys

from bacpypes3.app import Application
from bacpypes3.basetypes import BDTEntry, DateTime, EngineeringUnits, IPMode, Reliability, Segmentation
from bacpypes3.constructeddata import ArrayOf
from bacpypes3.local.analog import AnalogInputObject, AnalogValueObjectCmd
from bacpypes3.local.binary import BinaryInputObject, BinaryOutputObject
from bacpypes3.local.device import DeviceObject
from bacpypes3.local.multistate import MultiStateValueObject
from bacpypes3.local.networkport import NetworkPortObject
from bacpypes3.local.object import Object as LocalObject
from bacpypes3.object import (
    CharacterStringValueObject,
    DateTimeValueObject,
    IntegerValueObject,
    LargeAnalogValueObject,
)
from bacpypes3.pdu import IPv4Address
from bacpypes3.primitivedata import CharacterString, Date, Null, ObjectIdentifier, Real, Time


class Text(LocalObject, CharacterStringValueObject):
    pass


class Whole(LocalObject, IntegerValueObject):
    pass


class Large(LocalObject, LargeAnalogValueObject):
    pass


class When(LocalObject, DateTimeValueObject):
    pass


def objects(count):
    common = dict(eventState="normal", outOfService=False, statusFlags=[])
    yield AnalogInputObject(
        objectIdentifier=("analog-input", 1),
        objectName="Supply air",
        description="behind the heater",
        presentValue=21.5,
        units=EngineeringUnits("degreesCelsius"),
        covIncrement=0.5,
        reliability=Reliability("noFaultDetected"),
        minPresValue=-20.0,
        maxPresValue=60.0,
        **common,
    )
    yield AnalogValueObjectCmd(
        objectIdentifier=("analog-value", 3),
        objectName="Set-point",
        presentValue=20.0,
        relinquishDefault=20.0,
        units=EngineeringUnits("degreesCelsius"),
        covIncrement=0.1,
        **common,
    )
    yield BinaryInputObject(
        objectIdentifier=("binary-input", 1),
        objectName="Filter",
        presentValue="active",
        polarity="normal",
        activeText="dirty",
        inactiveText="clean",
        **common,
    )
    yield BinaryOutputObject(
        objectIdentifier=("binary-output", 1),
        objectName="Fan",
        presentValue="inactive",
        relinquishDefault="inactive",
        polarity="normal",
        **common,
    )
    yield MultiStateValueObject(
        objectIdentifier=("multi-state-value", 1),
        objectName="Mode",
        presentValue=2,
        numberOfStates=3,
        stateText=ArrayOf(CharacterString)(["Off", "Heat", "Cool"]),
        **common,
    )
    yield Text(objectIdentifier=("characterstring-value", 1), objectName="Note", presentValue="Zuluft Süd", statusFlags=[])
    yield Whole(
        objectIdentifier=("integer-value", 1),
        objectName="Balance",
        presentValue=-1234567,
        units=EngineeringUnits("noUnits"),
        statusFlags=[],
    )
    yield Large(
        objectIdentifier=("large-analog-value", 1),
        objectName="Energy",
        presentValue=123456789.125,
        units=EngineeringUnits("kilowattHours"),
        statusFlags=[],
    )
    yield When(
        objectIdentifier=("datetime-value", 1),
        objectName="Since",
        presentValue=DateTime(date=Date((126, 11, 22, 7)), time=Time((9, 10, 11, 12))),
        statusFlags=[],
    )
    for number in range(count):
        yield AnalogInputObject(
            objectIdentifier=("analog-input", 100 + number),
            objectName=f"Sensor number {number} of the very long corridor",
            presentValue=float(number),
            units=EngineeringUnits("percent"),
            covIncrement=1.0,
            **common,
        )


async def answer(app, words):
    object = app.objectIdentifier.get(ObjectIdentifier(words[1])) if len(words) > 1 else None
    match words[0]:
        case "set":
            kind = type(object.presentValue)
            object.presentValue = kind(words[2]) if not isinstance(object.presentValue, float) else Real(float(words[2]))
        case "get":
            return str(await object.read_property(words[2], int(words[3]) if len(words) > 3 else None))
        case "slot":
            value = Null(()) if words[3] == "null" else Real(float(words[3]))
            await object.write_property("presentValue", value, priority=int(words[2]))
        case "out-of-service":
            object.outOfService = words[2] == "1"
        case "reliability":
            object.reliability = Reliability(words[2])
        case "subscribers":
            return str(sum(len(detection.cov_subscriptions) for detection in app._cov_detections.values()))
        case "forget":
            for detection in list(app._cov_detections.values()):
                for subscription in list(detection.cov_subscriptions):
                    app.cancel_subscription(subscription)
        case "foreign":
            port = next(iter(app.link_layers.values()))
            return str(len(port.bbmdFDT))
    return "ok"


async def bound(address):
    """The library opens its socket in the background: until then the system refuses what is sent there."""
    entry = ":%04X 00000000:0000" % int(address.rpartition(":")[2])
    while not any(entry in line for line in open("/proc/net/udp")):
        await asyncio.sleep(0.01)


async def main():
    address, instance, *rest = sys.argv[1:]
    options = dict(word.partition("=")[::2] for word in rest)
    device = DeviceObject(
        objectIdentifier=("device", int(instance)),
        objectName="Air handling 1",
        vendorIdentifier=999,
        vendorName="Ironbridge tests",
        modelName="bacpypes3",
        firmwareRevision="0.1",
        maxApduLengthAccepted=int(options.get("max-apdu", 1476)),
        segmentationSupported=Segmentation("noSegmentation" if "no-segments" in options else "segmentedBoth"),
        maxSegmentsAccepted=64,
    )
    port = NetworkPortObject(IPv4Address(address), objectIdentifier=("network-port", 1), objectName="port")
    if "bbmd" in options:
        port.bacnetIPMode = IPMode.bbmd
        port.bbmdAcceptFDRegistrations = True
        port.bbmdForeignDeviceTable = []
        port.bbmdBroadcastDistributionTable = [BDTEntry(address)]
    app = Application.from_object_list([device, port, *objects(int(options.get("objects", 0)))])
    await bound(address)
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            print(await answer(app, line.split()), flush=True)
        except Exception as error:
            print(f"error {type(error).__name__} {error}", flush=True)
    if "forever" in options:
        await asyncio.Event().wait()


asyncio.run(main())
