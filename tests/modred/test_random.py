"""Random moduli, widths and options: a bank per architecture, so that one build tries many."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.batched import BatchedModel
from gatewright.golden.modred.vectors import classes

from .banks import BankParameters, ReducerBank, build_unit, check_bank
from .designs import ARCHITECTURES, config


def settings_of(rng: random.Random, architecture: str, n: int) -> str:
    """Random options of an architecture for a modulus of n bits, with the operand's width."""
    width = rng.randint(n, 2 * n if architecture == "montgomery_mcm" else min(60, 3 * n + 2))
    chosen: dict[str, object] = {"width": width}
    if architecture in ("horner", "horner_cs", "restoring"):
        chosen["mode"] = rng.choice(["multi_cycle", "streaming"])
    match architecture:
        case "lut":
            chosen |= {"group_bits": rng.randint(1, 6), "fold_bits": rng.randint(1, 5),
                       "pipeline": rng.choice(["none", "stages", "levels"]),
                       "technology": rng.choice(["fpga", "asic"])}  # fmt: skip
        case "hybrid":
            chosen |= {"group_bits": rng.randint(1, 5), "split": rng.randint(0, width - n),
                       "tree": rng.randint(1, 3), "restore_bits": rng.randint(1, 3),
                       "fuse": rng.choice(["early", "mid", "late"])}  # fmt: skip
        case "horner":
            chosen |= {"digit_bits": (digits := rng.randint(1, 6)),
                       "tables": rng.randint(1, min(3, digits))}  # fmt: skip
        case "horner_cs":
            chosen["digit_bits"] = rng.randint(1, min(4, n))
        case "restoring":
            chosen["restore_bits"] = rng.randint(1, 4)
        case _:
            chosen |= {"naf": rng.randint(2, 6),
                       "pipeline": rng.choice(["none", "stages", "levels"]),
                       "technology": rng.choice(["fpga", "asic"])}  # fmt: skip
    return " ".join([architecture, *(f"{name}={value}" for name, value in chosen.items())])


def check(folder: Path, architecture: str, seed: int, count: int) -> None:
    rng = random.Random(seed)
    reducers = []
    for _ in range(count):
        n = rng.choice((2, 3, 5, 8, 12, 17, 24, 28, rng.randint(2, 28)))
        modulus = rng.getrandbits(n - 1) | 1 << n - 1
        if architecture == "montgomery_mcm":
            modulus |= 1
        reducers.append(config(modulus, settings_of(rng, architecture, n)).reducer)
    p = BankParameters(tuple(reducers))
    # Each reducer meets the corners of all the others too, cut to its own width.
    drawn = [x for each in reducers
             for xs in classes(each.modulus, each.width, rng, 30).values() for x in xs]  # fmt: skip
    xs = np.array(list(dict.fromkeys(drawn)), dtype=np.int64)
    check_bank(BatchedModel(build_unit(folder, ReducerBank(p))), p, xs, seed=seed)


@pytest.mark.thorough
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_random_reducers(tmp_path: Path, architecture: str) -> None:
    check(tmp_path, architecture, seed=1, count=14)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 8))
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_more_random_reducers(tmp_path: Path, architecture: str, seed: int) -> None:
    check(tmp_path, architecture, seed=seed, count=60)
