"""The design that a command works on: emitted from a generator's config, or a folder on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError
from ..generators.registry import find, generators

if TYPE_CHECKING:
    from ..generators.artifacts import Build
    from ..generators.config import Config
    from ..generators.registry import Generator

__all__ = ["default_folder", "emit_design", "open_design"]


def emit_design(
    name: str, config: Path | None, params: Sequence[str] | None, out: Path | None
) -> Build:
    """Emit the design of generator ``name``; the default folder tells two configs apart."""
    from ..generators.build import build_design
    from ..generators.config import load_config

    generator = find(name)
    values = load_config(generator.config(), config, params or [])
    return build_design(generator, values, out or default_folder(generator, values))


def open_design(
    source: str, config: Path | None, params: Sequence[str] | None, out: Path | None
) -> Build:
    """Emit the design of the generator ``source``, or load the build folder ``source``."""
    folder = Path(source)
    if source in generators() or not folder.is_dir():
        return emit_design(source, config, params, out)
    if config is not None or params:
        raise InputError(f"-c and -p must be left out for a build folder: {source} has its config")
    if out is not None:
        raise InputError(f"-o must be left out for a build folder: reports go into {source}")
    from ..generators.artifacts import Build

    return Build.load(folder)


def default_folder(generator: Generator, config: Config) -> Path:
    """Return the build folder of a design that was given none."""
    from ..generators.config import config_hash

    return Path("build") / f"{generator.name}-{config_hash(generator.name, config)[:8]}"
