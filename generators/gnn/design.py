"""From a config to hardware: the engine, and what is told of it."""

from __future__ import annotations

from ...hw.gnn.engine import GnnEngine, GnnEngineParameters
from ..registry import Details
from .config import GnnConfig
from .image import digest

__all__ = ["details", "top"]

_CHANNELS = {
    "ar": "address of a read burst", "r": "beats of read bursts, in the order of their addresses",
    "aw": "address of a write burst", "w": "beats of write bursts", "b": "answers to write bursts",
}  # fmt: skip
_LITE = {
    "aw": "address of a register to write", "w": "what to write", "b": "answer to a write",
    "ar": "address of a register to read", "r": "what it holds",
}  # fmt: skip
_SIGNALS = {
    "axi": ("AXI4 master: ", _CHANNELS, {
        "valid", "ready", "addr", "len", "size", "burst", "data", "resp", "last", "strb",
    }),
    "control": ("AXI4-Lite slave: ", _LITE, {"valid", "ready", "addr", "data", "resp", "strb"}),
}  # fmt: skip


def top(config: GnnConfig) -> GnnEngine:
    """Return the top unit of a config."""
    parameters = config.parameters()
    return GnnEngine(GnnEngineParameters(parameters, digest(parameters)))


def details(config: GnnConfig) -> Details:
    """Return what the manifest says: ports, cycles and throughput."""
    p = config.parameters()
    meanings = {
        "interrupt": "the engine is done, or stopped by an error, until STATUS is cleared, or it "
        "starts or is reset",
    }
    for bus, (kind, channels, signals) in _SIGNALS.items():
        for channel, what in channels.items():
            for signal in signals:
                meanings[f"{bus}__{channel}{signal}"] = f"{kind}{what}; {signal}"
    return Details(
        meanings=meanings,
        latency={
            "a run": "as `gatewright gnn compile` foretells for a program; the memory decides",
        },
        throughput={
            "matrix unit": f"{p.rows} x {p.columns} multiply-accumulates of 8 bits in a cycle",
            "edges": f"{p.lanes} features of an edge in a cycle",
            "scores of edges": f"{p.score_lanes} in a cycle",
            "memory": f"{p.bus_bytes} bytes read and {p.bus_bytes} written in a cycle",
        },
    )
