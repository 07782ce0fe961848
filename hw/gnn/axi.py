"""Buses of an engine: an AXI4 master to the memory, and an AXI4-Lite slave to its registers.

No signal that the AXI rules let a master or slave leave out is there: one identifier, bursts of
kind INCR, plain memory without locks, caches or protection.
"""

from __future__ import annotations

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ADDRESS_BITS", "BOUNDARY", "LONGEST_BURST", "axi_lite", "axi_master", "burst_beats"]

ADDRESS_BITS = 40
BOUNDARY = 4096
"""Bytes; no burst reaches over a multiple of it."""
LONGEST_BURST = 256
"""Beats."""


def burst_beats(bus_bytes: int) -> int:
    """Return the most beats of a burst; bursts never reach over a multiple of so many beats."""
    return min(LONGEST_BURST, BOUNDARY // bus_bytes)


def axi_master(bus_bytes: int) -> wiring.Signature:
    """An AXI4 bus of ``bus_bytes`` in a beat, as its master has it."""
    channels = {}
    for name in ("ar", "aw"):
        channels |= {
            f"{name}valid": Out(1), f"{name}ready": In(1), f"{name}addr": Out(ADDRESS_BITS),
            f"{name}len": Out(8), f"{name}size": Out(3), f"{name}burst": Out(2),
        }  # fmt: skip
    return wiring.Signature({
        **channels,
        "rvalid": In(1), "rready": Out(1), "rdata": In(8 * bus_bytes), "rresp": In(2),
        "rlast": In(1),
        "wvalid": Out(1), "wready": In(1), "wdata": Out(8 * bus_bytes), "wstrb": Out(bus_bytes),
        "wlast": Out(1),
        "bvalid": In(1), "bready": Out(1), "bresp": In(2),
    })  # fmt: skip


def axi_lite(address_bits: int) -> wiring.Signature:
    """An AXI4-Lite bus of 32 bits, as its master has it."""
    return wiring.Signature({
        "awvalid": Out(1), "awready": In(1), "awaddr": Out(address_bits),
        "wvalid": Out(1), "wready": In(1), "wdata": Out(32), "wstrb": Out(4),
        "bvalid": In(1), "bready": Out(1), "bresp": In(2),
        "arvalid": Out(1), "arready": In(1), "araddr": Out(address_bits),
        "rvalid": In(1), "rready": Out(1), "rdata": In(32), "rresp": In(2),
    })  # fmt: skip
