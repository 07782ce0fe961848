"""``gatewright prove``"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import InputError
from ..generators.registry import find, nearest
from .console import Console
from .options import ConfigFile, Debug, Force, Json, Params, Quiet
from .source import default_folder
from .verdict import verdict

if TYPE_CHECKING:
    from ..generators.artifacts import Build
    from ..generators.formal import Property

__all__ = ["prove"]

_FABRIC = "fabric"


def prove(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="A generator, or `fabric`: the stream blocks that all share."
        ),
    ],
    config: ConfigFile = None,
    param: Params = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="DIR",
            help="Folder of the report  [default: build/NAME-CONFIGHASH/prove]",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="PROPERTY", help="Prove this one, or all that begin so (repeatable)."
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the properties and prove none.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="S", min=1, help="Seconds for each property.")
    ] = 120.0,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Prove what a generator claims of its hardware.

    Each property is decided by the cheapest method that leaves out nothing: model checking with
    invariants or induction (ABC), simulation of every input (Verilator), or exact arithmetic. What
    the time was too short for is told as unknown, never as proved. Exit code 1 if a property is
    unknown or refuted; a refuted one leaves its hardware, a waveform and a test in
    DIR/counterexample-PROPERTY. The report goes to DIR/report.json, and to the results database of
    the builds (beside DIR if -o names it); a run that stands there is not repeated.

    \b
    Examples:
      gatewright prove fabric
      gatewright prove flint --list
      gatewright prove flint -p types=int,flint --only pe
      gatewright prove modred -p modulus=0x3fd --timeout 300
    """
    console = Console(json=json, quiet=quiet)
    properties, subject = _claimed(name, config, param, out)
    chosen = _chosen(properties, only or [])
    if listed:
        console.document([{"name": each.name, "says": each.says} for each in chosen])
        rows = [[each.name, each.says] for each in chosen]
        console.table("", ["property", "what it says"], rows)
        return
    from ..flows.formal.prove import prove as run
    from ..flows.results.record import once, prove_step

    where = out or subject.folder / "prove"
    module = None if name == _FABRIC else find(name).config().__module__
    with verdict(console, where), console.progress() as progress:
        report = once(
            subject,
            prove_step([each.name for each in chosen], module),
            where,
            lambda: run(
                name, subject.manifest.config, chosen, where, seconds=timeout, progress=progress
            ),
            force=force,
            say=console.note,
        )
    console.table("", ["property", "verdict", "engine", "depth", "cases", "seconds"], _rows(report))
    counts = ", ".join(f"{count} {kind}" for kind, count in report["counts"].items() if count)
    console.say(f"{name}: {counts} in {report['seconds']:g} s")
    console.say(f"report: {where / 'report.json'}")


def _claimed(
    name: str, config: Path | None, param: Sequence[str] | None, out: Path | None
) -> tuple[Sequence[Property], Build]:
    """The properties, and what they are about, in the folder beside which its runs are stored."""
    from ..flows.results.record import claims

    if name == _FABRIC:
        from ..generators.fabric_properties import fabric_properties

        if config is not None or param:
            raise InputError("-c and -p must be left out for fabric, which has no config")
        return fabric_properties(), claims(_FABRIC, {}, _FABRIC, out or Path("build") / _FABRIC)
    from ..generators.config import config_hash, load_config

    generator = find(name)
    if generator.properties is None:
        raise InputError(f"generator must be one that claims properties, not {name!r}")
    values = load_config(generator.config(), config, param or [])
    subject = claims(
        name, values.model_dump(mode="json"), config_hash(name, values),
        out or default_folder(generator, values),
    )  # fmt: skip
    return generator.properties(values), subject


def _chosen(properties: Sequence[Property], only: Sequence[str]) -> list[Property]:
    names = [each.name for each in properties]
    for wanted in only:
        if not any(name.startswith(wanted) for name in names):
            raise InputError(
                f"--only must name a property that --list tells, not {wanted!r}"
                + nearest(wanted, names)
            )
    return [
        each for each in properties if not only or any(each.name.startswith(x) for x in only)
    ]


def _rows(report: Mapping[str, Any]) -> list[list[str]]:
    return [
        [
            each["name"], each["verdict"], each["engine"],
            "" if each["depth"] is None else str(each["depth"]),
            "" if each["cases"] is None else f"{each['cases']:,}", f"{each['seconds']:.1f}",
        ]
        for each in report["properties"]
    ]  # fmt: skip
