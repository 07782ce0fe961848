"""The checks themselves: right reducers of any latency pass, one wrong or late result does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatewright.flows.simulation.batched import BatchedModel

from .banks import BankParameters, ReducerBank, build_unit, check_bank, every_operand
from .lanes import check_every_operand
from .reference import DividerParameters


def test_bank_of_different_latencies(tmp_path: Path) -> None:
    moduli = (2, 3, 4, 7, 11, 16, 21)
    p = BankParameters(
        tuple(
            DividerParameters(modulus=m, width=2 * m.bit_length(), ranks=m % 5 + 1) for m in moduli
        )
    )
    model = BatchedModel(build_unit(tmp_path, ReducerBank(p)))
    xs = every_operand(p.reducers)
    assert len(xs) == 1 << 10
    assert check_bank(model, p, xs) <= 6 * len(xs)


@pytest.mark.thorough
def test_one_wrong_residue_is_found(tmp_path: Path) -> None:
    reducers = [DividerParameters(modulus=modulus, width=12) for modulus in (13, 29, 61)]
    last = DividerParameters(modulus=47, width=12, wrong_from=4095)
    p = BankParameters((*reducers, last))
    model = BatchedModel(build_unit(tmp_path, ReducerBank(p)))
    check_bank(model, p, np.arange(4095))
    with pytest.raises(AssertionError, match="1 of 4096 residues differ; expected 6, got 5"):
        check_bank(model, p, every_operand(p.reducers))


def test_one_wrong_or_late_residue_is_found_in_gates() -> None:
    right = [DividerParameters(modulus=m, width=6, ranks=m % 3 + 1) for m in (3, 5, 7)]
    check_every_operand(right)
    wrong = DividerParameters(modulus=5, width=6, wrong_from=63)
    with pytest.raises(AssertionError, match="1 of 64 residues differ; expected 3, got 2 from 63"):
        check_every_operand([*right, wrong])
    with pytest.raises(AssertionError, match="those due in cycle 1"):
        check_every_operand([*right, DividerParameters(modulus=5, width=6, slow=17)])
