"""From a config to a build folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from amaranth.hdl import Shape, ShapeCastable
from amaranth.lib import data, stream, wiring

from .. import __version__
from .artifacts import Build, Field, Manifest, Port, Stream, digest
from .config import Config, config_hash
from .emission import emit
from .registry import Details, Generator

__all__ = ["build_design", "payload_fields"]


def build_design(generator: Generator, config: Config, out: Path) -> Build:
    """Emit the design of ``config`` into the folder ``out``.

    The Verilog depends on the config and on the versions of the tools that its header names, and
    on nothing else: neither time nor place nor process.
    """
    unit = generator.build(config)
    details = generator.details(config)
    values = config.model_dump(mode="json")
    line = json.dumps(values, separators=(",", ":"))
    design_hash = config_hash(generator.name, config)
    tools = {
        "gatewright": __version__, "amaranth": version("amaranth"), "yosys": version("pyosys"),
    }
    header = (
        f"gatewright {__version__} {generator.name}: {generator.summary}\n"
        f"config {design_hash} {line}"
    )
    emission = emit(unit, header=header, clocked=True)
    ports, streams = _interface(unit, details)
    source = f"{emission.top}.v"
    manifest = Manifest(
        generator=generator.name, design=emission.top, top=emission.top, verilog=(source,),
        config=values, config_hash=design_hash, hash=digest(emission.verilog),
        clock="clk", reset="rst", ports=ports, streams=streams, enums=emission.enums,
        latency=dict(details.latency), throughput=dict(details.throughput),
        testbench=generator.testbench, tools=tools,
    )
    build = Build(out, manifest)
    build.save({source: emission.verilog})
    return build


def _interface(
    unit: wiring.Component, details: Details
) -> tuple[tuple[Port, ...], tuple[Stream, ...]]:
    ports: list[Port] = []
    streams: list[Stream] = []
    for name, of, member in _leaves(unit):
        meaning = details.meanings.get(of, "")
        direction: Any = "in" if member.flow is wiring.In else "out"
        if member.is_port:
            shape = Shape.cast(member.shape)
            ports.append(Port(name, direction, shape.width, shape.signed, meaning))
            continue
        if not isinstance(member.signature, stream.Signature):
            ports += _bus(name, member.signature, details)
            continue
        payload = member.signature.members["payload"].shape
        width = Shape.cast(payload).width
        back: Any = "out" if direction == "in" else "in"
        ready = "" if member.signature.always_ready else f"{name}__ready"
        ports += [
            Port(f"{name}__payload", direction, width, Shape.cast(payload).signed, meaning),
            Port(f"{name}__valid", direction, 1, meaning=f"{name} has a beat"),
            *([Port(ready, back, 1, meaning=f"{name} beat is taken")] if ready else []),
        ]
        streams.append(
            Stream(
                name, direction, f"{name}__valid", ready, f"{name}__payload", width, meaning,
                tuple(payload_fields(payload)),
            )
        )
    return tuple(ports), tuple(streams)


def _bus(name: str, signature: wiring.Signature, details: Details) -> Iterator[Port]:
    """Yield the ports of a bus of plain signals."""
    for inner, member in signature.members.items():
        port = f"{name}__{inner}"
        if not member.is_port or member.dimensions:
            raise TypeError(f"port {port} of a top unit must be a plain port")
        shape = Shape.cast(member.shape)
        direction: Any = "in" if member.flow is wiring.In else "out"
        yield Port(port, direction, shape.width, shape.signed, details.meanings.get(port, ""))


def _leaves(unit: wiring.Component) -> Iterator[tuple[str, str, wiring.Member]]:
    """Yield the name and the member of each port, those of an array one by one, and its name."""
    for name, member in unit.signature.members.items():
        for index in product(*map(range, member.dimensions)):
            yield "__".join([name, *map(str, index)]), name, member


def payload_fields(shape: Any, prefix: str = "", offset: int = 0) -> Iterator[Field]:
    """Yield the leaf fields of a payload shape, names joined with dots."""
    if isinstance(shape, data.StructLayout | data.ArrayLayout):
        for key, field in shape:
            name = f"{prefix}.{key}" if prefix else str(key)
            yield from payload_fields(field.shape, name, offset + field.offset)
        return
    plain = Shape.cast(shape)
    if not plain.width:
        return
    names: dict[str, str] | None = None
    if isinstance(shape, ShapeCastable) and hasattr(shape, "__members__"):
        names = {str(member.value): member.name for member in shape}
    yield Field(prefix or "payload", offset, plain.width, plain.signed, names)
