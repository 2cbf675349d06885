"""Checks the simulated Logix controller with a client nobody here wrote (pip install pycomm3).

Usage: pycomm3_check.py PATH, e.g. 127.0.0.1:44818/0. Exits with 1 at the first difference.
"""
import sys

from pycomm3 import LogixDriver


def check(what, got, wanted):
    ok = got == wanted
    print("ok  " if ok else "FAIL", what, "" if ok else f"{got!r} instead of {wanted!r}")
    if not ok:
        sys.exit(1)


with LogixDriver(sys.argv[1]) as plc:
    check("product", plc.info["product_name"], "1756-L83E/B")
    check("revision", plc.info["revision"], {"major": 33, "minor": 11})
    check("program name", plc.info["name"], "Bottling")
    check("programs", sorted(plc.info["programs"]), ["Main"])
    check("large connection", plc.connection_size, 4000)
    tags = plc.tags
    wanted = {
        "Speed": ("REAL", [0, 0, 0]),
        "Counts": ("DINT", [1500, 0, 0]),
        "Grid": ("INT", [3, 4, 0]),
        "Bits": ("DWORD", [2, 0, 0]),
        "Name": ("STRING", [0, 0, 0]),
        "Line1": ("Line", [0, 0, 0]),
        "Lines": ("Line", [4, 0, 0]),
        "Program:Main.Count": ("DINT", [0, 0, 0]),
    }
    for name, (kind, dimensions) in wanted.items():
        check(f"type of {name}", tags[name]["data_type_name"], kind)
        check(f"dimensions of {name}", tags[name]["dimensions"], dimensions)
    check("no system tags", [t for t in tags if t.startswith("__") or ":" in t and not t.startswith("Program:")], [])
    many = [t for t in tags if t.startswith("Many_")]
    check("a list of several parts", len(many), 400)

    members = tags["Line1"]["data_type"]["attributes"]
    check("members", members, ["Running", "Fault", "Speed", "Total", "Motor", "Temps", "Batch"])
    check("hidden members are hidden", plc.read("Line1").value, {
        "Running": True, "Fault": False, "Speed": 12.5, "Total": 1234567890123,
        "Motor": {"Amps": 7.25, "Hours": 41}, "Temps": [1, -2, 3], "Batch": "B-0007",
    })
    check("real", plc.read("Speed").value, 1.5)
    check("fragmented read", plc.read("Counts{1500}").value, list(range(1500)))
    check("element", plc.read("Counts[7]").value, 7)
    check("two dimensions", plc.read("Grid[2,1]").value, 9)
    check("string", plc.read("Name").value, "Leeds")
    check("program scope", plc.read("Program:Main.Count").value, 4711)
    check("array of structures", plc.read("Lines[2].Motor.Hours").value, 77)
    check("bits of an array", plc.read("Bits[33]").value, True)
    check("bit of an integer", plc.read("Program:Main.Count.0").value, True)
    values = plc.read(*[f"Many_{i}" for i in range(400)])
    check("many in packets", [t.value for t in values], list(range(400)))
    missing = plc.read("Speed", "Counts[1500]")
    check("outside the array", (missing[0].value, missing[1].value), (1.5, None))

    check("write real", plc.write("Speed", -3.25).error, None)
    check("read it back", plc.read("Speed").value, -3.25)
    check("write string", plc.write("Name", "Iron").error, None)
    check("read it back", plc.read("Name").value, "Iron")
    check("write many", plc.write("Counts{1500}", list(range(1500, 3000))).error, None)
    check("read them back", plc.read("Counts{1500}").value, list(range(1500, 3000)))
    check("write a bit", plc.write("Program:Main.Count.3", True).error, None)
    check("read it back", plc.read("Program:Main.Count").value, 4711 | 8)
    check("write a member", plc.write("Line1.Motor.Amps", 8.5).error, None)
    check("read it back", plc.read("Line1.Motor.Amps").value, 8.5)
    check("read only stays", bool(plc.write("Fixed", 1)), False)
print("done")
