"""``gatewright describe``"""

from __future__ import annotations

import json as json_text
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..generators.registry import find
from .console import Console
from .options import ConfigFile, Debug, Json, Name, Params

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..generators.artifacts import Manifest
    from ..generators.config_fields import Field

__all__ = ["describe"]


def describe(
    name: Name,
    config: ConfigFile = None,
    param: Params = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Tell what a generator takes, and the ports and latency of what it makes.

    The fields of the config, with what each may be, its default and its meaning; then the ports,
    streams, latency and throughput of the design that the config given (or the default) makes.

    \b
    Examples:
      gatewright describe flint
      gatewright describe flint -p rows=4 -p types=int,flint,pot
      gatewright describe flint --json | jq '.streams[].name'
    """
    from ..generators.build import build_design
    from ..generators.config import load_config
    from ..generators.config_fields import fields_of

    generator = find(name)
    config_class = generator.config()
    values = load_config(config_class, config, param or [])
    with tempfile.TemporaryDirectory() as folder:
        manifest = build_design(generator, values, Path(folder)).manifest
    fields = fields_of(config_class)
    console = Console(json=json)
    console.document(
        {
            "name": generator.name,
            "summary": generator.summary,
            "fields": [_document(field) for field in fields],
            "config": values.model_dump(mode="json"),
            "top": manifest.top,
            "ports": [asdict(port) for port in manifest.ports],
            "streams": [asdict(stream) for stream in manifest.streams],
            "latency": manifest.latency,
            "throughput": manifest.throughput,
            "schema": config_class.model_json_schema(),
        }
    )
    console.say(f"{generator.name}: {generator.summary}")
    console.say()
    console.table(
        "Config",
        ["field", "default", "must be", "meaning"],
        [[field.name, _default(field), field.allowed, field.meaning] for field in fields],
        fixed=2,
    )
    _tell_design(console, manifest)


def _tell_design(console: Console, manifest: Manifest) -> None:
    console.say(f"\nModule {manifest.top}: {_clocking(manifest)}\n")
    console.table(
        "Streams (valid, ready, payload)",
        ["stream", "direction", "bits", "meaning", "payload, from bit 0"],
        [
            [s.name, s.direction, str(s.width), s.meaning, _payload([f.name for f in s.fields])]
            for s in manifest.streams
        ],
        fixed=3,
    )
    members = {
        name for stream in manifest.streams for name in (stream.valid, stream.ready, stream.payload)
    }
    plain = [port for port in manifest.ports if port.name not in members]
    if plain and manifest.streams:
        console.say()
    console.table(
        "Ports",
        ["port", "direction", "bits", "meaning"],
        [[port.name, port.direction, str(port.width), port.meaning] for port in plain],
        fixed=3,
    )
    for title, figures in (("Latency", manifest.latency), ("Throughput", manifest.throughput)):
        console.say(f"\n{title}" if figures else f"\n{title}: not told")
        _tell_figures(console, figures)


def _tell_figures(console: Console, figures: Mapping[str, Any]) -> None:
    for name, figure in figures.items():
        if isinstance(figure, list):
            console.say(f"  {name}:")
            for line in figure:
                console.say(f"    {line}")
        else:
            console.say(f"  {name}: {figure}")


def _clocking(manifest: Manifest) -> str:
    if manifest.clock is None:
        return "combinational"
    reset = f", synchronous active-high {manifest.reset}" if manifest.reset else ""
    return f"rising edge of {manifest.clock}{reset}"


def _payload(names: list[str]) -> str:
    """Return the fields of a payload; an array's elements as a range."""
    if names and all(name.isdigit() for name in names):
        return f"elements {names[0]}..{names[-1]}" if len(names) > 1 else "element 0"
    return ", ".join(names)


def _default(field: Field) -> str:
    return "(required)" if field.required else _yaml(field.default)


def _yaml(value: Any) -> str:
    match value:
        case str():
            return value
        case [*items]:
            return f"[{', '.join(_yaml(item) for item in items)}]"
    return json_text.dumps(value)


def _document(field: Field) -> dict[str, Any]:
    return {
        "name": field.name,
        "default": field.default,
        "required": field.required,
        "allowed": field.allowed,
        "meaning": field.meaning,
    }
