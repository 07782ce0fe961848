"""Boards: which pin of the device each port of a design goes to."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from ...errors import InputError
from ...generators.artifacts import Manifest
from .devices import FAMILIES
from .targets import Target

__all__ = ["BOARDS", "Board", "constraint_file", "names"]


@dataclass(frozen=True)
class Board:
    """A board: the targets that it comes with."""

    summary: str
    targets: tuple[str, ...]


BOARDS: dict[str, Board] = {
    "ulx3s": Board("Radiona ULX3S", ("ecp5-25k", "ecp5-45k", "ecp5-85k")),
    "hx8k-evn": Board("Lattice iCE40-HX8K breakout board", ("ice40-hx8k",)),
    "icebreaker": Board("1BitSquared iCEBreaker", ("ice40-up5k",)),
    "tangnano9k": Board("Sipeed Tang Nano 9K", ("gowin-gw1n9",)),
    "tangnano20k": Board("Sipeed Tang Nano 20K", ("gowin-gw2a18",)),
}
_LOCATION = {
    ".lpf": re.compile(r"LOCATE\s+COMP\s+\"([^\"]+)\"", re.IGNORECASE),
    ".pcf": re.compile(r"^\s*set_io\s+(?:-\S+\s+(?:yes\s+|no\s+)?)*([^\s#]+)", re.MULTILINE),
    ".cst": re.compile(r"IO_LOC\s+\"([^\"]+)\"", re.IGNORECASE),
}


def names() -> list[str]:
    """Boards with a constraint file of ours."""
    return list(BOARDS)


def constraint_file(board: str | Path | None, target: Target, manifest: Manifest) -> Path:
    """The board's constraint file, after checking that it places every port of the design.

    Raises
    ------
    InputError
        If there is no such board or file, it does not go with the target, or lacks a pin.
    """
    assert target.device is not None
    suffix = FAMILIES[target.device.family].constraint_suffix
    fitting = [name for name, entry in BOARDS.items() if target.name in entry.targets]
    if board is None:
        raise InputError(
            f"board must be given for a bitstream: {' or '.join(fitting)}, or a {suffix} file"
        )
    known = BOARDS.get(str(board))
    if known is not None:
        if target.name not in known.targets:
            raise InputError(
                f"board {board} must go with target {' or '.join(known.targets)}, "
                f"not {target.name!r}"
            )
        path = Path(__file__).parents[2] / "constraints" / "boards" / f"{board}{suffix}"
    else:
        path = Path(board)
        if path.suffix != suffix or not path.is_file():
            near = difflib.get_close_matches(str(board), list(BOARDS), 1, 0.5)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise InputError(
                f"board must be one of {', '.join(BOARDS)}, or a {suffix} file, "
                f"not {str(board)!r}{hint}"
            )
    text = re.sub(r"(#|//).*", "", path.read_text(errors="replace"))
    placed = set(_LOCATION[suffix].findall(text))
    bits = [port for port in (manifest.clock, manifest.reset) if port]
    for port in manifest.ports:
        one = [port.name] if port.width == 1 else []
        bits += one or [f"{port.name}[{index}]" for index in range(port.width)]
    missing = [bit for bit in bits if bit not in placed]
    if missing:
        raise InputError(
            f"board {board} must place every port of {manifest.design}: it lacks "
            f"{len(missing)}, the first of them {missing[0]}"
        )
    return path
