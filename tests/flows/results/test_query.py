"""Queries, expressions and exports."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from gatewright.errors import InputError
from gatewright.flows.results import DATABASE, Results
from gatewright.flows.results.export import markdown, number_text, write_csv, write_parquet
from gatewright.flows.results.expression import MissingFigure, parse
from gatewright.flows.results.query import query

from .helpers import run


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Results]:
    with Results(tmp_path / DATABASE) as results:
        results.put(*(run(number) for number in range(20)))
        results.put(run(50, step="sim", report={"cycles": 9, "verdict": "fail"}, verdict="fail"))
        yield results


def test_the_newest_comes_first_with_the_usual_columns(results: Results) -> None:
    table = query(results, limit=3)
    assert table.total == 21 and len(table.rows) == 3
    assert table.columns[:4] == ("generator", "step", "target", "verdict")
    assert table.rows[0][:4] == ("tiny", "sim", "ge", "fail")
    assert "area" in table.columns and "luts" not in table.columns


def test_conditions_orders_and_columns(results: Results) -> None:
    table = query(results, "config.width >= 5 and area <= 110", sort="delay",
                  columns=["area", "cycles"])  # fmt: skip
    assert table.rows == tuple((100 + n, None) for n in range(10, 4, -1))
    assert query(results, 'step == "sim"', columns=["cycles"]).rows == ((9,),)
    # What lacks the figure comes last, either way.
    for sort in ("area", "-area"):
        assert query(results, sort=sort, columns=["area"]).rows[-1] == (None,)
    assert "power.total" in query(results, columns=["*"]).columns


@pytest.mark.parametrize(("arguments", "words"), [
    ({"where": "aera < 3"}, "did you mean 'area'"), ({"sort": "-dealy"}, "did you mean 'delay'"),
    ({"columns": ["nothing"]}, "columns must name"), ({"where": "area <"}, "--where"),
    ({"where": "generator < 3"}, "must have a value"),
])  # fmt: skip
def test_wrong_questions_are_told(
    results: Results, arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        query(results, **arguments)


def test_an_empty_database_has_an_empty_answer(tmp_path: Path) -> None:
    with Results(tmp_path / "empty.sqlite") as results:
        assert query(results).rows == ()


@pytest.mark.parametrize(("text", "value"), [
    ("a + 2 * b", 8), ("a ** b // 3 % 2", 0), ("-a < b <= 3 and not a == b", True),
    ("a if b > 5 else 'no'", "no"), ("max(a, b, 7) + log2(8)", 10), ("a in [1, 2]", True),
    ("c.d or a", True), ("a not in (1, 3)", True),
])  # fmt: skip
def test_expressions_compute(text: str, value: object) -> None:
    assert parse(text, "x").value({"a": 2, "b": 3, "c.d": 0}) == value


@pytest.mark.parametrize("text", [
    "__import__('os')", "a.__class__()", "(lambda: 1)()", "[x for x in a]", "a[0]", "open('x')",
    "f'{a}'", "a := 1", "max(*a)", "round(a, ndigits=1)", "", "1 +", "~a", "a @ b", "(" * 500,
])  # fmt: skip
def test_expressions_can_do_nothing_else(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: must be an expression"):
        parse(text, "here")


@pytest.mark.parametrize("text", ["9 ** 9 ** 9", "'x' * 10 ** 9", "'%9d' % 1", "1 / 0", "a < 'x'"])
def test_expressions_without_a_value_are_told(text: str) -> None:
    with pytest.raises(InputError, match="must have a value"):
        parse(text, "x").value({"a": 1})


def test_missing_names() -> None:
    expression = parse("area * config.rows", "x")
    assert expression.names == {"area", "config.rows"}
    with pytest.raises(MissingFigure):
        expression.value({"area": 1})
    with pytest.raises(InputError, match=r"fields must be one of .*did you mean 'config.row'"):
        expression.check(["area", "config.row"], "fields")


def test_csv_and_parquet_hold_the_table(results: Results, tmp_path: Path) -> None:
    table = query(results, sort="area", columns=["design", "area", "cycles"])
    write_csv(table, tmp_path / "runs.csv")
    with (tmp_path / "runs.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["design", "area", "cycles"]
    assert rows[1] == ["tiny_adder", "100.0", ""] and rows[-1] == ["tiny_adder", "", "9"]
    write_parquet(table, tmp_path / "runs.parquet")
    read = pyarrow.parquet.read_table(tmp_path / "runs.parquet").to_pydict()
    assert read["area"][0] == 100 and read["area"][-1] is None
    assert read["design"] == ["tiny_adder"] * 21


def test_cells_of_tables() -> None:
    cells = [number_text(v) for v in (None, "x", 3, 1234567, 0.123456, 1234.56, 2.0)]
    assert cells == ["", "x", "3", "1,234,567", "0.1235", "1,234.6", "2"]
    assert markdown(["n", "t"], [["1", "a|b"]]) == "| n | t |\n|---:|---|\n| 1 | a\\|b |\n"
