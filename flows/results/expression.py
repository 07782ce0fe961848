"""Expressions over named figures: constraints of a space, conditions of a query, objectives.

A small part of Python's grammar, read by Python's own parser and then interpreted here, so that an
expression from a file can do nothing but compute: numbers, texts, names (``area``,
``config.rows``), ``+ - * / // % **``, comparisons, ``and or not``, ``x if c else y``, ``in`` a
list, and the functions of `FUNCTIONS`.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ...generators.registry import nearest

__all__ = ["FUNCTIONS", "Expression", "MissingFigure", "parse"]

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs, "ceil": math.ceil, "floor": math.floor, "len": len, "log2": math.log2,
    "max": max, "min": min, "round": round, "sqrt": math.sqrt,
}  # fmt: skip
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_LONGEST = 2000
_LARGEST_POWER = 4096  # bits of a power's result

Names = Mapping[str, Any]
_Closure = Callable[[Names], Any]


class MissingFigure(LookupError):
    """A figure that an expression needs is not there."""


@dataclass(frozen=True)
class Expression:
    """An expression as it was written, the names in it, and how to compute it."""

    text: str
    names: frozenset[str]
    _value: _Closure

    def value(self, figures: Names) -> Any:
        """Compute the expression.

        Raises
        ------
        MissingFigure
            If ``figures`` lacks one of the names.
        InputError
            If it cannot be computed: a division by zero, a text where a number is needed.
        """
        try:
            return self._value(figures)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise InputError(
                f"expression must have a value for every design: {self.text!r}: {error}"
            ) from error

    def check(self, known: Collection[str], what: str) -> None:
        """Refuse names that are not ``known``; ``what`` says what they are names of."""
        for name in sorted(self.names):
            if name not in known:
                raise InputError(
                    f"{what} must be one of {', '.join(sorted(known))}, not {name!r} "
                    f"(in {self.text!r}){nearest(name, list(known))}"
                )


def parse(text: str, source: str) -> Expression:
    """Read an expression; ``source`` names where it stands in the line of an `InputError`."""
    if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST:
        raise InputError(f"{source}: must be an expression such as \"rows * cols <= 256\", "
                         f"not {str(text)[:80]!r}")  # fmt: skip
    try:
        tree = ast.parse(text.strip(), mode="eval")
        names: set[str] = set()
        value = _closure(tree.body, names)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise InputError(f"{source}: must be an expression, not {text!r}: {reason}") from error
    return Expression(text.strip(), frozenset(names), value)


def _closure(node: ast.expr, names: set[str]) -> _Closure:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return lambda _: value
        case ast.Name() | ast.Attribute():
            name = _dotted(node)
            names.add(name)
            return _look_up(name)
        case ast.BoolOp(op=op, values=values):
            parts = [_closure(each, names) for each in values]
            if isinstance(op, ast.And):
                return lambda v: all(part(v) for part in parts)
            return lambda v: any(part(v) for part in parts)
        case ast.UnaryOp(op=op, operand=operand):
            inner = _closure(operand, names)
            if isinstance(op, ast.Not):
                return lambda v: not inner(v)
            if isinstance(op, ast.USub):
                return lambda v: -inner(v)
            raise ValueError("of unary operators only not and - are known")
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(op, _closure(left, names), _closure(right, names))
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparison(ops, [_closure(each, names) for each in (left, *others)])
        case ast.IfExp(test=test, body=body, orelse=orelse):
            chosen, then, other = (_closure(each, names) for each in (test, body, orelse))
            return lambda v: then(v) if chosen(v) else other(v)
        case ast.List(elts=items) | ast.Tuple(elts=items):
            each = [_closure(item, names) for item in items]
            return lambda v: [item(v) for item in each]
        case ast.Call(func=ast.Name(id=called), args=arguments, keywords=[]):
            if called not in FUNCTIONS:
                raise ValueError(f"functions are {', '.join(FUNCTIONS)}, not {called}")
            function = FUNCTIONS[called]
            given = [_closure(each, names) for each in arguments]
            return lambda v: function(*(each(v) for each in given))
    raise ValueError(f"{type(node).__name__} is not allowed in it")


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    raise ValueError("a name must be of letters, digits, _ and dots")


def _look_up(name: str) -> _Closure:
    def value(figures: Names) -> Any:
        try:
            return figures[name]
        except KeyError:
            raise MissingFigure(name) from None

    return value


def _binary(op: ast.operator, left: _Closure, right: _Closure) -> _Closure:
    function = _BINARY.get(type(op))
    if isinstance(op, ast.Pow):
        function = _power
    elif isinstance(op, ast.Mult):
        function = _product
    elif isinstance(op, ast.Mod):
        function = _remainder
    if function is None:
        raise ValueError(f"operator {type(op).__name__} is not allowed in it")
    chosen = function
    return lambda v: chosen(left(v), right(v))


def _numbers(*values: Any) -> None:
    # `"x" * 10**9` and `"%1000000000d" % 1` would fill the memory.
    if not all(isinstance(value, int | float) for value in values):
        raise TypeError("operands must be numbers")


def _product(left: Any, right: Any) -> Any:
    _numbers(left, right)
    return left * right


def _remainder(left: Any, right: Any) -> Any:
    _numbers(left, right)
    return left % right


def _power(base: Any, exponent: Any) -> Any:
    _numbers(base, exponent)
    if isinstance(base, int) and abs(base) > 1 and base.bit_length() * exponent > _LARGEST_POWER:
        raise ValueError(f"a power must be of at most {_LARGEST_POWER} bits")
    return base**exponent


def _comparison(ops: list[ast.cmpop], parts: list[_Closure]) -> _Closure:
    functions = []
    for op in ops:
        if type(op) not in _COMPARE:
            raise ValueError("comparisons are == != < <= > >= in and not in")
        functions.append(_COMPARE[type(op)])

    def value(figures: Names) -> bool:
        left = parts[0](figures)
        for function, part in zip(functions, parts[1:], strict=True):
            right = part(figures)
            if not function(left, right):
                return False
            left = right
        return True

    return value
