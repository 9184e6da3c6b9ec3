"""Type annotations describe a JSON document: they validate it and generate its JSON Schema.

Supported are ``str``, ``int``, ``float``, ``bool``, ``Any`` (any JSON value), ``T | None``, ``Literal``,
``tuple[T, ...]``, ``dict[str, T]``, dataclasses of these, and ``Annotated`` with the constraints below.
"""

from __future__ import annotations

import dataclasses
import math
import re
import reprlib
import sys
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from embeddings.display.text import is_plain, printable, shortened
from embeddings.errors import ManifestInvalid, did_you_mean

DEEPEST = 64
"""The most levels of lists and objects within a value of type `Any`."""


@dataclasses.dataclass(frozen=True)
class Pattern:
    """The whole string matches a regular expression."""

    regex: str
    meaning: str

    def allows(self, value: str) -> bool:
        """Whether the value satisfies the constraint."""
        return re.fullmatch(self.regex, value) is not None

    def json_schema(self) -> dict[str, Any]:
        """Return the constraint as JSON Schema."""
        return {"pattern": self.regex}


@dataclasses.dataclass(frozen=True)
class AtLeast:
    """The number is not below a minimum."""

    minimum: int

    @property
    def meaning(self) -> str:
        """What a value must be, for messages."""
        return f"a number >= {self.minimum}"

    def allows(self, value: float) -> bool:
        """Whether the value satisfies the constraint."""
        return value >= self.minimum

    def json_schema(self) -> dict[str, Any]:
        """Return the constraint as JSON Schema."""
        return {"minimum": self.minimum}


@dataclasses.dataclass(frozen=True)
class AtMost:
    """The number is not above a maximum."""

    maximum: int

    @property
    def meaning(self) -> str:
        """What a value must be, for messages."""
        return f"a number <= {self.maximum}"

    def allows(self, value: float) -> bool:
        """Whether the value satisfies the constraint."""
        return value <= self.maximum

    def json_schema(self) -> dict[str, Any]:
        """Return the constraint as JSON Schema."""
        return {"maximum": self.maximum}


@dataclasses.dataclass(frozen=True)
class Longest:
    """The string has at most this many characters."""

    length: int

    @property
    def meaning(self) -> str:
        """What a value must be, for messages."""
        return f"a text of at most {self.length} characters"

    def allows(self, value: str) -> bool:
        """Whether the value satisfies the constraint."""
        return len(value) <= self.length

    def json_schema(self) -> dict[str, Any]:
        """Return the constraint as JSON Schema."""
        return {"maxLength": self.length}


_SCALARS = {str: ("string", "a string"), bool: ("boolean", "true or false")}
_LARGEST = sys.float_info.max
_NUMBERS = {int: ("integer", "an integer"), float: ("number", "a finite number")}


@cache
def field_types(cls: type) -> dict[str, Any]:
    """Return field name -> annotation of a dataclass, in order."""
    return get_type_hints(cls, include_extras=True)


def parse(annotation: Any, value: Any, at: str = "") -> Any:
    """Check a JSON value against an annotation and return it as that type.

    Args:
        annotation: what the value must be; see the module's docstring.
        value: as ``json.loads`` returns it.
        at: path of the value in its document, for the message.

    Raises:
        ManifestInvalid: it does not fit; the message names the place, what was expected and what was there.
    """
    if dataclasses.is_dataclass(annotation):
        return _parse_object(annotation, value, at)
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            return _parse_constrained(arguments, value, at)
        case types.UnionType | typing.Union:
            return None if value is None else parse(_optional(arguments), value, at)
        case origin if origin is Literal:
            return _parse_literal(arguments, value, at)
        case origin if origin is tuple:
            _check(isinstance(value, list | tuple), value, at, "an array")
            return tuple(parse(arguments[0], item, f"{at}[{i}]") for i, item in enumerate(value))
        case origin if origin is dict:
            _check(_is_object(value), value, at, "an object with string keys")
            hint = arguments[1]
            return {parse(arguments[0], k, f"{at} (key)"): parse(hint, v, _join(at, k)) for k, v in value.items()}
    return _parse_scalar(annotation, value, at)


def problems(annotation: Any, value: Any, at: str = "") -> list[str]:
    """Return everything about a JSON value that does not fit an annotation, where `parse` stops at the first.

    Args:
        annotation: as for `parse`.
        value: as for `parse`.
        at: as for `parse`.

    Returns:
        Sentences that name the place, what was expected and what was there; none if the value fits.
    """
    arguments = get_args(annotation)
    match get_origin(annotation):
        case None if dataclasses.is_dataclass(annotation) and _is_object(value):
            return _object_problems(annotation, value, at)
        case types.UnionType | typing.Union if value is not None:
            return problems(_optional(arguments), value, at)
        case origin if origin is tuple and isinstance(value, list | tuple):
            return [found for i, item in enumerate(value) for found in problems(arguments[0], item, f"{at}[{i}]")]
        case origin if origin is dict and _is_object(value):
            keys = [found for key in value for found in problems(arguments[0], key, f"{at} (key)")]
            return keys + [found for k, item in value.items() for found in problems(arguments[1], item, _join(at, k))]
    try:
        parse(annotation, value, at)
    except ManifestInvalid as error:
        return [str(error)]
    return []


def _object_problems(cls: Any, value: Mapping[str, Any], at: str) -> list[str]:
    hints = field_types(cls)
    unknown = [f"{_join(at, key)}: no such field.{did_you_mean(key, hints)}" for key in value if key not in hints]
    missing = [f"{_join(at, name)}: this field is missing." for name in _required(cls) if name not in value]
    wrong = [found for k, hint in hints.items() if k in value for found in problems(hint, value[k], _join(at, k))]
    return missing + wrong + unknown


def _parse_object(cls: Any, value: Any, at: str) -> Any:
    _check(_is_object(value), value, at, "an object")
    hints = field_types(cls)
    for key in value:
        if key not in hints:
            raise ManifestInvalid(f"{_join(at, key)}: no such field.{did_you_mean(key, hints)}")
    for field in _required(cls):
        if field not in value:
            raise ManifestInvalid(f"{_join(at, field)}: this field is missing.")
    return cls(**{key: parse(hints[key], item, _join(at, key)) for key, item in value.items()})


def _parse_constrained(arguments: tuple[Any, ...], value: Any, at: str) -> Any:
    base, *constraints = arguments
    parsed = _check(isinstance(value, str), value, at, "a string") if base is str else parse(base, value, at)
    for constraint in constraints:
        _check(constraint.allows(parsed), value, at, constraint.meaning)
    return _check_plain(parsed, at) if base is str else parsed


def _parse_literal(choices: tuple[Any, ...], value: Any, at: str) -> Any:
    same = [c for c in choices if c == value and isinstance(c, bool) == isinstance(value, bool)]
    _check(bool(same), value, at, " or ".join(map(repr, choices)))
    return same[0]


def _parse_scalar(annotation: Any, value: Any, at: str) -> Any:
    if annotation is Any:
        return _parse_any(value, at, DEEPEST)
    if annotation is str and isinstance(value, str):
        return _check_plain(value, at)
    if annotation in _NUMBERS:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        fits = is_number and abs(value) <= _LARGEST and (annotation is float or value == int(value))
        _check(fits, value, at, _NUMBERS[annotation][1])
        return annotation(value)
    return _check(isinstance(value, annotation), value, at, _SCALARS[annotation][1])


def _parse_any(value: Any, at: str, depth: int) -> Any:
    if depth == 0:
        raise ManifestInvalid(f"{shortened(at)}: lists and objects are nested more than {DEEPEST} deep.")
    if isinstance(value, list | tuple):
        return [_parse_any(item, f"{at}[{i}]", depth - 1) for i, item in enumerate(value)]
    if _is_object(value):
        return {_check_plain(k, f"{at} (key)"): _parse_any(item, _join(at, k), depth - 1) for k, item in value.items()}
    if isinstance(value, str):
        return _check_plain(value, at)
    plain = value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    return _check(plain, value, at, "a JSON value without NaN or infinity")


def _check_plain(value: str, at: str) -> str:
    return _check(is_plain(value), value, at, "a text without control characters")


def json_schema(annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an annotation."""
    if dataclasses.is_dataclass(annotation):
        return _object_schema(annotation)
    arguments = get_args(annotation)
    match get_origin(annotation):
        case origin if origin is Annotated:
            base, *constraints = arguments
            return json_schema(base) | {k: v for c in constraints for k, v in c.json_schema().items()}
        case types.UnionType | typing.Union:
            return {"anyOf": [json_schema(_optional(arguments)), {"type": "null"}]}
        case origin if origin is Literal:
            return {"enum": list(arguments)}
        case origin if origin is tuple:
            return {"type": "array", "items": json_schema(arguments[0])}
        case origin if origin is dict:
            keys, values = map(json_schema, arguments)
            return {"type": "object", "propertyNames": keys, "additionalProperties": values}
    return {} if annotation is Any else {"type": (_SCALARS | _NUMBERS)[annotation][0]}


def _object_schema(cls: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": (cls.__doc__ or "").partition("\n")[0],
        "properties": {name: json_schema(hint) for name, hint in field_types(cls).items()},
        "required": _required(cls),
        "additionalProperties": False,
    }


def _required(cls: Any) -> list[str]:
    missing = dataclasses.MISSING
    return [f.name for f in dataclasses.fields(cls) if f.default is missing and f.default_factory is missing]


def _optional(arguments: tuple[Any, ...]) -> Any:
    return next(argument for argument in arguments if argument is not type(None))


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(key, str) for key in value)


def _join(at: str, key: str) -> str:
    return f"{at}.{shortened(key)}" if at else shortened(key)


def _check(fits: bool, value: Any, at: str, expected: str) -> Any:
    if not fits:
        raise ManifestInvalid(f"{at or 'the document'}: expected {expected}, got {_shown(value)}.")
    return value


def _shown(value: Any) -> str:
    """Return a value as Python writes it, shortened."""
    brief = reprlib.Repr()
    brief.maxstring = brief.maxother = brief.maxlong = 60
    shown = printable(brief.repr(value))
    return shown if len(shown) <= 60 else shown[:57] + "..."
