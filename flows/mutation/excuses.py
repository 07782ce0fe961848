"""Mutants that survive for a reason, as data beside each generator's testbench.

``verification/NAME/survivors.yaml`` lists them by module, by what the changed line of Verilog
looks like (lines move, their text stays) and, where only some changes of it survive, by mode. What
holds at some sizes alone names them: the same bit means something else in another design.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ...errors import InputError
from .mutants import Mutant

__all__ = ["Excuse", "excuses_of", "load_excuses", "read_excuses"]

_FIELDS = {"module", "text", "modes", "pin", "config", "equivalent", "reason"}


@dataclass(frozen=True)
class Excuse:
    """Why some mutants survive.

    Attributes
    ----------
    module
        Name in the Verilog.
    text
        Regular expression that the changed line of source holds.
    modes
        Changes that this is about; none means all.
    pin
        Regular expression that the changed cell, port and wire hold.
    config
        What the design's config must hold; nothing means any.
    equivalent
        Whether no run in the environment that the design is made for can show the change: such
        mutants do not count. Others do, as survivors.
    reason
        The argument.
    """

    module: str
    text: str
    reason: str
    modes: tuple[str, ...] = ()
    pin: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    equivalent: bool = False

    def of(self, mutant: Mutant, config: Mapping[str, Any]) -> bool:
        """Return whether this is about a mutant of a design with a config."""
        return (
            mutant.module == self.module
            and self.config.items() <= config.items()
            and (not self.modes or mutant.mode in self.modes)
            and re.search(self.text, mutant.text) is not None
            and re.search(self.pin, mutant.where) is not None
        )


def load_excuses(generator: str) -> list[Excuse]:
    """Return what is known of a generator's survivors: nothing if nobody has written any."""
    path = excuses_of(generator)
    return read_excuses(path) if path.is_file() else []


def excuses_of(generator: str) -> Path:
    """Return the file of a generator's excuses, which need not be there."""
    return Path(__file__).resolve().parents[2] / "verification" / generator / "survivors.yaml"


def read_excuses(path: Path) -> list[Excuse]:
    """Read a file of excuses.

    Raises
    ------
    InputError
        If a field is unknown or missing, or an expression is none.
    """
    found = []
    for number, each in enumerate(yaml.safe_load(path.read_text()) or []):
        place = f"{path.name}[{number}]"
        if not isinstance(each, dict) or set(each) - _FIELDS or not each.get("reason"):
            raise InputError(
                f"{place} must hold module, text, reason and maybe {', '.join(sorted(_FIELDS))}, "
                f"not {each!r}"
            )
        try:
            excuse = Excuse(**each | {"modes": tuple(each.get("modes", ()))})
            re.compile(excuse.text), re.compile(excuse.pin), excuse.config.items()
        except (TypeError, AttributeError, re.error) as error:
            raise InputError(f"{place} must name module, text and reason: {error}") from error
        found.append(excuse)
    return found
