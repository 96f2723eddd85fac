"""A calculator for expressions that come from files and people: an allow-list over `ast`, with bounds, never `eval`."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping

from tutor.domain.errors import TutorError

MAX_LENGTH = 300  # characters
MAX_DEPTH = 24  # nested operations
MAX_POWER_BITS = 1024  # of an integer power's result: the range of a float
MAX_MAGNITUDE = 1e300

_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}
# name -> (function, fewest arguments, most arguments)
FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "log": (math.log, 1, 1),
    "ln": (math.log, 1, 1),
    "log2": (math.log2, 1, 1),
    "log10": (math.log10, 1, 1),
    "exp": (math.exp, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "abs": (abs, 1, 1),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "min": (min, 1, 16),
    "max": (max, 1, 16),
    "round": (round, 1, 2),
}


def evaluate(expression: str, names: Mapping[str, float] | None = None) -> float:
    """The value of `expression`: numbers, `names`, + - * / // % **, parentheses, and log and ln (both natural), log2,
    log10, exp, sqrt, abs, floor, ceil, min, max, round.

    An integer stays an integer where Python keeps it one. Raises TutorError where the expression holds anything else,
    exceeds a bound, or has no finite value.
    """
    if len(expression) > MAX_LENGTH:
        raise TutorError(
            "An expression may have {limit} characters; this one has {n}.", limit=MAX_LENGTH, n=len(expression)
        )
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise TutorError("{expression} is not an arithmetic expression.", expression=expression) from error
    try:
        return _value(tree.body, names or {}, MAX_DEPTH)
    except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
        raise TutorError("{expression} has no finite value.", expression=expression) from error


def _value(node: ast.expr, names: Mapping[str, float], depth: int) -> float:
    if depth == 0:
        raise TutorError("An expression may be nested {limit} deep.", limit=MAX_DEPTH)
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return _bounded(number)
        case ast.Name(id=name):
            if name not in names:
                raise TutorError("An expression knows no name {name}.", name=name)
            return _bounded(names[name])
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _bounded(_UNARY[type(op)](_value(operand, names, depth - 1)))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY or isinstance(op, ast.Pow):
            a, b = _value(left, names, depth - 1), _value(right, names, depth - 1)
            return _bounded(_power(a, b) if isinstance(op, ast.Pow) else _BINARY[type(op)](a, b))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            function, fewest, most = FUNCTIONS[name]
            if fewest <= len(arguments) <= most:
                return _bounded(function(*(_value(argument, names, depth - 1) for argument in arguments)))
    raise TutorError(
        "An expression may not contain {part}.",
        hint="It may have numbers, + - * / // % **, parentheses, and {functions}.",
        part=ast.unparse(node),
        functions=", ".join(FUNCTIONS),
    )


def _power(base: float, exponent: float) -> float:
    # Checked before it is computed: 9**9**9 would fill the memory first.
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > MAX_POWER_BITS:
        raise OverflowError
    result = base**exponent
    if isinstance(result, complex):
        raise ValueError("a root of a negative number")
    return float(result) if isinstance(result, float) else int(result)


def _bounded(number: float) -> float:
    if not abs(number) <= MAX_MAGNITUDE:  # NaN too
        raise OverflowError
    return number
