"""The registry: every generator that is installed, ours and those of other packages."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ..errors import InputError

if TYPE_CHECKING:
    from ..hw.unit import Unit
    from .config import Config
    from .formal import Property

__all__ = ["Details", "Generator", "deferred", "find", "found_in", "generators", "nearest"]

GROUP = "gatewright.generators"


@dataclass(frozen=True)
class Details:
    """What the manifest says of a design beside its ports.

    ``meanings`` gives a sentence for each port and stream; ``latency`` and ``throughput`` are
    named figures in cycles, or sentences.
    """

    meanings: Mapping[str, str]
    latency: Mapping[str, Any]
    throughput: Mapping[str, Any]


def found_in(module: str, name: str) -> Callable[[], Any]:
    """Return a function that imports ``module`` when it is called, and returns its ``name``."""
    return lambda: getattr(import_module(module), name)


def deferred(module: str, name: str) -> Callable[..., Any]:
    """Return a function that imports ``module`` when it is called, and calls its ``name``."""
    find_function = found_in(module, name)
    return lambda *arguments: find_function()(*arguments)


@dataclass(frozen=True)
class Generator:
    """One accelerator generator.

    Its functions are :func:`deferred`, so that listing generators imports no hardware.

    Attributes
    ----------
    name, summary : str
        Name on the command line and one line on what it makes.
    config : callable
        Returns the config class.
    build : callable
        ``build(config)`` returns the top :class:`~gatewright.hw.unit.Unit`.
    details : callable
        ``details(config)`` returns the :class:`Details` of the design.
    testbench : str
        Module of its cocotb testbench.
    commands : str, optional
        ``"module:app"``, a Typer application with its workload commands.
    properties : callable, optional
        ``properties(config)`` returns what ``gatewright prove`` proves of the design.
    mutated : tuple of str
        Modules whose mutants ``gatewright mutate`` makes: patterns of names in the Verilog, such as
        ``*_pe``. Empty: all modules.
    model : callable, optional
        ``model(config, workload)`` returns named figures of a design without building it, in
        milliseconds or a few seconds. A workload is a mapping that the generator knows how to
        read, and refuses with `InputError`; an empty one means a usual one.
    """

    name: str
    summary: str
    config: Callable[[], type[Config]]
    build: Callable[[Any], Unit]
    details: Callable[[Any], Details]
    testbench: str
    commands: str | None = None
    properties: Callable[[Any], Sequence[Property]] | None = None
    mutated: tuple[str, ...] = ()
    model: Callable[[Any, Mapping[str, Any]], Mapping[str, float | str]] | None = None


@cache
def generators() -> dict[str, Generator]:
    """Return every installed generator by name, in alphabetical order."""
    found: dict[str, Generator] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name):
        generator = entry.load()
        found[generator.name] = generator
    return found


def find(name: str) -> Generator:
    """Return the generator called ``name``.

    Raises
    ------
    InputError
        If there is none; the line names the nearest.
    """
    known = generators()
    if name not in known:
        raise InputError(f"generator must be one of {', '.join(known)}, not {name!r}"
                         + nearest(name, known))
    return known[name]


def nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
