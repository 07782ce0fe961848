"""Run Yosys commands in this process: `python -P -m gatewright.flows.synthesis.worker SCRIPT`.

Yosys ends the process on an error and keeps state between designs, so each job gets its own
process; `yosys.run` starts one and reads its exit code and log.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(script: Path) -> None:
    """Run each line of `script` as one Yosys command."""
    from pyosys import libyosys

    design = libyosys.Design()
    for command in script.read_text().splitlines():
        if command.strip():
            libyosys.run_pass(command, design)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
