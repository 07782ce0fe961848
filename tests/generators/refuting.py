"""Claims that must be refuted, and units that are wrong in one way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In

from gatewright.errors import CheckFailed
from gatewright.flows.formal.prove import prove
from gatewright.generators.formal import Always, Claim, Computed, Property
from gatewright.hw.unit import flat_ports

__all__ = ["around", "refuted", "refuted_of", "verdict"]

Write = Callable[[Claim], None]


def verdict(tmp_path: Path, method: Always | Computed) -> str:
    tmp_path.mkdir(exist_ok=True)
    try:
        prove("a test", {}, [Property("claim", "so", method)], tmp_path, seconds=40)
    except CheckFailed as failure:
        assert "claim: " in str(failure)
    (found,) = json.loads((tmp_path / "report.json").read_bytes())["properties"]
    return str(found["verdict"])


def refuted(
    tmp_path: Path, write: Write, *, inductive: bool = False, cycles: int = 1
) -> None:
    method = Always(write, bound=cycles, inductive=True) if inductive else Always(write)
    assert verdict(tmp_path, method) == "refuted"


def refuted_of(tmp_path: Path, properties: Iterable[Property], *begins: str) -> set[str]:
    """Which of the properties whose names begin so are refuted; the others must be proved."""
    chosen = [each for each in properties if each.name.startswith(begins)]
    verdicts = {each.name: verdict(tmp_path / each.name, each.method) for each in chosen}
    assert verdicts and set(verdicts.values()) <= {"refuted", "proved"}
    return {name for name, found in verdicts.items() if found == "refuted"}


def around(kind: type[Any], change: Callable[[Module, Any, Any], None], *own: str) -> type[Any]:
    """Return a unit with one of ``kind`` inside; ``change`` wires the ports with the names ``own``.

    All other ports are those of the one inside.
    """

    class Around(kind):
        def body(self) -> Module:
            m = Module()
            m.submodules.inner = inner = kind(self.p)
            for (name, flow, *ends), (*_, inside) in zip(
                flat_ports(self), flat_ports(inner), strict=True
            ):
                if not any(fnmatch(name, pattern) for pattern in own):
                    source, target = (*ends, inside) if flow is In else (inside, *ends)
                    m.d.comb += target.eq(source)
            change(m, self, inner)
            return m

    return Around
