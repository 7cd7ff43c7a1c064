"""JSON as anyone may have written it: plain values that can be written again, or a ValueError in words; and where two
such values differ."""

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MAX_DEPTH = 40
MAX_PARTS = 1_000_000  # lists and objects
MAX_DIGITS = 19  # of a whole number: as many as nanoseconds since 1970 have

_MAY_BE_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str) -> Any:
    """The value of a JSON text. Cost: memory of about a dozen times the text's, at most.

    Raises: ValueError for what is no JSON, is nested too deep, has too many parts or a whole number of too many digits,
    and for a lone surrogate, half a character that no file can hold.
    """
    if text.count("[") + text.count("{") > MAX_PARTS:
        raise ValueError(f"more than {MAX_PARTS:,} lists and objects")
    try:
        value = json.loads(text, parse_int=_whole)
    except RecursionError:
        raise ValueError("nested too deep") from None
    if _is_deep(value):
        raise ValueError("nested too deep")
    if _MAY_BE_LONE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = error.object[error.start]
            raise ValueError(f"a lone surrogate, \\u{ord(half):04x}, is no character") from None
    return value


class Difference(NamedTuple):
    """A part of two values that is not the same in both: its dotted key, and None where one has no such part."""

    key: str
    left: Any
    right: Any


def differences(left: Any, right: Any, key: str = "") -> Iterator[Difference]:
    """Where two plain values differ: the innermost parts of objects, and of lists that are equally long."""
    if isinstance(left, dict) and isinstance(right, dict):
        inner: list[tuple[Any, Any, Any]] = [(name, left.get(name), right.get(name)) for name in {**left, **right}]
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        inner = list(zip(range(len(left)), left, right, strict=True))
    else:
        inner = []
        if left != right:
            yield Difference(key, left, right)
    for name, one, other in inner:
        yield from differences(one, other, f"{key}.{name}" if key else str(name))


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise ValueError(f"a whole number of more than {MAX_DIGITS} digits")
    return int(digits)


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for outer in level for inner in _parts(outer)]
    return bool(level)


def _parts(value: Any) -> Iterator[Any]:
    """What is in a list or an object and may have parts itself."""
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return (item for item in inner if isinstance(item, list | dict))
