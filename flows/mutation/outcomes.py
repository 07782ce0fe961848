"""What the testbench said of each mutant, kept in a file so that no mutant is run twice."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ...generators.artifacts import write_json

__all__ = ["OUTCOMES", "Outcomes"]

OUTCOMES = "outcomes.json"
"""File beside the report of a run."""


@dataclass
class Outcomes:
    """Outcomes of runs that all have one key.

    Attributes
    ----------
    path
        Where they are kept.
    key
        Hash of all that they depend on: the design, its mutants, the testbench, the simulator.
    found
        By the number of the mutant: the test that failed, or None if all passed. 0 is the design.
    first_result
        Cycles from reset to the first beat of an output stream of the design itself, the least of
        all tests; None if no stream gives any.
    """

    path: Path
    key: str
    found: dict[int, str | None] = field(default_factory=dict)
    first_result: int | None = None

    @classmethod
    def read(cls, path: Path, key: str) -> Outcomes:
        """Return what is kept under this key: nothing if the file is of another, or cannot be read;
        and nothing under an empty key, which says nothing of what a run depends on."""
        try:
            told = json.loads(path.read_text())
            if not key or told["key"] != key:
                return cls(path, key)
            found = {int(number): test for number, test in told["found"].items()}
            return cls(path, key, found, told["first_result"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(path, key)

    def write(self) -> None:
        """Keep them."""
        told = {
            "key": self.key, "first_result": self.first_result,
            "found": {str(number): test for number, test in sorted(self.found.items())},
        }  # fmt: skip
        write_json(self.path, told)
