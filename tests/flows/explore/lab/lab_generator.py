"""A generator whose cost model does what a sweep must survive: it dies, hangs, eats memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.errors import InputError
from gatewright.generators.registry import Details, Generator

if TYPE_CHECKING:
    from gatewright.generators.config import Config
    from gatewright.hw.unit import Unit


def _config() -> type[Config]:
    from typing import Literal

    from pydantic import Field, model_validator

    from gatewright.generators.config import Config

    class LabConfig(Config):
        x: int = Field(1, ge=0, le=1000, description="Size.")
        y: int = Field(1, ge=0, le=1000, description="Speed.")
        trouble: Literal["none", "die", "hang", "memory"] = Field(
            "none", description="What the model does."
        )
        once: bool = Field(False, description="Only the first time.")

        @model_validator(mode="after")
        def _check(self) -> LabConfig:
            if self.x == 13:
                raise ValueError("x must not be 13, not 13")
            return self

    return LabConfig


def _model(config: Any, workload: Mapping[str, Any]) -> Mapping[str, float]:
    folder = Path(workload["folder"])
    name = f"{config.x}-{config.y}-{config.trouble}"
    with (folder / "calls").open("a") as calls:
        calls.write(f"{name} {os.getpid()}\n")
    mark = folder / name
    if config.trouble != "none" and not (config.once and mark.exists()):
        mark.touch()
        _make(config.trouble, folder)
    time.sleep(workload.get("seconds", 0))
    if config.y == 999:
        raise InputError("y must be modelled, not 999")
    return {"area": config.x * 10.0, "time": 100.0 / (1 + config.y), "pid": os.getpid()}


def _make(trouble: str, folder: Path) -> None:
    if trouble == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if trouble == "hang":
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (folder / "child").write_text(str(child.pid))
        child.wait()
    if trouble == "memory":
        held = [bytearray(b"x" * (1 << 20)) for _ in range(700)]
        time.sleep(60 + len(held))


def _build(config: Any) -> Unit:
    raise AssertionError("the lab has models and runs, no hardware")


def _details(config: Any) -> Details:
    return Details({}, {}, {})


generator = Generator(
    name="lab",
    summary="designs that make trouble",
    config=_config,
    build=_build,
    details=_details,
    testbench="nowhere",
    model=_model,
)
