"""The one place that knows where Icarus Verilog is."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache

from ...errors import MissingToolError

__all__ = ["icarus_version"]


@cache
def icarus_version() -> str:
    """The version of ``iverilog``, which must be on PATH together with ``vvp``.

    Raises
    ------
    MissingToolError
        If one of them is missing, naming the package.
    """
    for program in ("iverilog", "vvp"):
        if shutil.which(program) is None:
            raise MissingToolError(f"{program} is not installed: install the package iverilog")
    said = subprocess.run(["iverilog", "-V"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\S+)", said.stdout)
    return found[1] if found else "unknown"
