"""The job of a section: steps that are timed, designs, and a report of what was found."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...errors import CheckFailed
from ...generators.artifacts import Build
from ..simulation.batched import BatchedModel
from ..synthesis import synthesize

__all__ = ["STALL", "Job", "Progress", "told_of"]

Settings = TypeVar("Settings")
Progress = Callable[[str, float, float], None]
"""Told what is being done, and how much of how much is done."""

STALL = 0.25
"""Share of cycles in which a stream waits, in the runs with stalls."""


class Job(ABC, Generic[Settings]):
    """One run of a section: each step adds to ``report`` what it found.

    Attributes
    ----------
    settings
        Size of the job, as the section has it.
    folder
        Where build folders and step reports go.
    seed
        Of everything random.
    report
        What was found. It holds ``verdict`` ("pass" or "fail"), ``failure`` (None, or a mapping
        with ``explanation``, a list of lines), ``seconds`` by step, and everything that a table or
        a page shows.
    """

    def __init__(self, settings: Settings, folder: Path, seed: int, progress: Progress) -> None:
        self.settings = settings
        self.folder = folder
        self.seed = seed
        self.progress = progress
        self.report: dict[str, Any] = {"verdict": "fail", "failure": None, "seconds": {}}

    @abstractmethod
    def steps(self) -> None:
        """Do the job. A failed check ends it; `checking` keeps one from ending the others."""

    def run(self) -> dict[str, Any]:
        """Do the job and return the report."""
        try:
            self.steps()
        except CheckFailed as error:
            self.fail(str(error).splitlines())
        if not self.report["failure"]:
            self.report["verdict"] = "pass"
        return self.report

    def fail(self, explanation: list[str], **found: Any) -> None:
        """Note a failed check: of the first one, all that is told; of the others, the lines."""
        failure = self.report["failure"] = self.report["failure"] or {**found, "explanation": []}
        failure["explanation"] += explanation

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Add the seconds of what is done here to those of the step."""
        start = time.perf_counter()
        yield
        seconds = self.report["seconds"]
        seconds[step] = seconds.get(step, 0.0) + time.perf_counter() - start

    @contextmanager
    def checking(self, name: str, row: dict[str, Any]) -> Iterator[None]:
        """Tell in the row of a design how its check ended; other designs run on if it failed."""
        row["verdict"] = "fail"
        try:
            yield
        except CheckFailed as error:
            self.fail([f"{name}: {line}" for line in str(error).splitlines()], design=name)
        else:
            row["verdict"] = "pass"

    def counted(self, what: str, names: Collection[str]) -> Iterator[str]:
        """Pass the names on, and tell how many of them are done."""
        for done, name in enumerate(names):
            self.progress(what, done, len(names))
            yield name
        self.progress(what, len(names), len(names))

    def compiled(
        self, what: str, names: Collection[str], emit: Callable[[str], Build]
    ) -> dict[str, Build]:
        """Emit designs and compile their simulators: one design while the next is emitted.

        A simulator is compiled by processes of its own; `BatchedModel` of a build then finds it.
        """

        def compile_one(build: Build) -> None:
            with self.timed("simulator builds"):
                BatchedModel(build, seed=self.seed)

        builds: dict[str, Build] = {}
        compiling: list[Future[None]] = []
        with ThreadPoolExecutor(max_workers=1) as pool:
            for name in self.counted(f"emitting {what}", names):
                with self.timed("emission"):
                    builds[name] = emit(name)
                compiling.append(pool.submit(compile_one, builds[name]))
            for done, each in enumerate(compiling):
                self.progress(f"compiling {what}", done, len(compiling))
                each.result()
        return builds

    def synthesised(self, name: str, build: Build, target: str) -> dict[str, Any]:
        """Synthesise a build; return the report of the flow."""
        return synthesize(
            build, target, recipes="fast",
            progress=lambda what, done, total: self.progress(
                f"synthesising {name}, {what}", done, total
            ),
        )  # fmt: skip


def told_of(build: Build, folder: str) -> dict[str, Any]:
    """Return what a report tells of every design: where it lies, and what it was made of."""
    manifest = build.manifest
    return {
        "folder": folder,
        "verilog": manifest.verilog[0],
        "verilog_hash": manifest.hash,
        "verilog_lines": build.verilog[0].read_text().count("\n"),
        "config_hash": manifest.config_hash,
        "config": manifest.config,
    }
