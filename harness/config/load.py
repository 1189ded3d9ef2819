# SPDX-License-Identifier: GPL-2.0-or-later
"""From files and ``--set`` to a checked Profile that knows where each value came from."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError

from harness.config.budget import check_budget
from harness.config.model import Profile
from harness.config.schema import ProfileFile
from harness.errors import UsageError

PROFILES_DIR = Path(__file__).resolve().parent.parent / "profiles"
BUILT_IN = "built-in default"
FROM_SET = "--set"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A profile, its values by dotted key, and the origin of each."""

    profile: Profile
    document: Mapping[str, Any]
    """The whole profile as JSON can hold it: ``profile_of`` makes it a Profile again."""
    values: Mapping[str, Any]
    origins: Mapping[str, str]


def shipped_profiles() -> tuple[str, ...]:
    """Names of the profiles that come with the harness."""
    return tuple(sorted(path.stem for path in PROFILES_DIR.glob("*.toml")))


def load_profile(name: str = "default", *, overrides: Sequence[str] = ()) -> Resolved:
    """Read a shipped profile or a file, apply ``key.path=value`` overrides, check all of it.

    Raises UsageError that names the file and the key path of whatever is wrong.
    """
    raw: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for path, layer in _layers(_locate(name), ()):
        _lay_over(raw, layer, origins, _shown(path), ())
    for override in overrides:
        key, value = _parse_override(override)
        nested: Any = value
        for part in reversed(key):
            nested = {part: nested}
        _lay_over(raw, nested, origins, FROM_SET, ())
    try:
        checked = ProfileFile.model_validate(raw)
    except ValidationError as error:
        raise _usage_error(error, origins, name) from error
    document = checked.model_dump(mode="json")
    values = dict(_flatten(document, ()))
    profile = checked.to_profile(Path(name).stem)
    for guest in profile.guests.values():
        if values[f"guests.{guest.name}.ip"] is None:
            values[f"guests.{guest.name}.ip"] = guest.ip
            origins[f"guests.{guest.name}.ip"] = "assigned"
    check_budget(profile, origins)
    found = {key: origins.get(key, BUILT_IN) for key in values}
    return Resolved(profile, document, values, found)


def profile_of(document: Mapping[str, Any], name: str) -> Profile:
    """The profile that ``Resolved.document`` was taken from, whatever its file says by now."""
    return ProfileFile.model_validate(document).to_profile(Path(name).stem)


def _locate(name: str) -> Path:
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    path = PROFILES_DIR / f"{name}.toml"
    if not path.exists():
        known = ", ".join(shipped_profiles())
        raise UsageError(f"no profile {name!r}", hint=f"one of {known}, or the path of a file")
    return path


def _shown(path: Path) -> str:
    """How a file is called in messages: shipped ones as they lie in the repository."""
    return f"harness/profiles/{path.name}" if path.parent == PROFILES_DIR else str(path)


def _layers(path: Path, seen: tuple[Path, ...]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The file and what it extends, the deepest first."""
    if path in seen:
        raise UsageError("profiles extend one another in a circle", where=f"{path}: extends")
    try:
        layer = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the profile: {error}", where=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"not TOML: {error}", where=str(path)) from error
    base = layer.pop("extends", None)
    if base is not None:
        if not isinstance(base, str):
            raise UsageError("not the name of a profile", where=f"{path}: extends")
        beside = path.parent / base
        below = beside if base.endswith(".toml") and beside.exists() else _locate(base)
        yield from _layers(below, (*seen, path))
    yield path, layer


def _lay_over(
    under: dict[str, Any],
    over: Mapping[str, Any],
    origins: dict[str, str],
    origin: str,
    at: tuple[str, ...],
) -> None:
    for key, value in over.items():
        here = (*at, key)
        if isinstance(value, Mapping):
            below = under.setdefault(key, {})
            if not isinstance(below, dict):
                raise UsageError(
                    "a table where a value is expected", where=f"{origin}: {'.'.join(here)}"
                )
            origins.setdefault(".".join(here), origin)
            _lay_over(below, value, origins, origin, here)
        else:
            under[key] = value
            origins[".".join(here)] = origin


def _parse_override(text: str) -> tuple[list[str], Any]:
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise UsageError(f"cannot read {text!r}", where=FROM_SET, hint="--set board.cpus=1")
    try:
        return parts, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return parts, value  # a bare word: cortex-a76 needs no quotes within quotes


def _flatten(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _flatten(below, (*at, key))
    else:
        yield ".".join(at), value


def _usage_error(error: ValidationError, origins: Mapping[str, str], name: str) -> UsageError:
    problems = [_describe(problem, origins, name) for problem in error.errors()]
    message, where, hint = problems[0]
    others = [f"{w}: {m}" for m, w, _ in problems[1:]]
    return UsageError(message, where=where, hint=hint, context=others)


def _describe(problem: Any, origins: Mapping[str, str], name: str) -> tuple[str, str, str]:
    location = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join(location)
    origin = next(
        (o for n in range(len(location), 0, -1) if (o := origins.get(".".join(location[:n])))),
        name,
    )
    hint = ""
    if problem["type"] == "extra_forbidden":
        message = f"unknown key {location[-1]!r}"
        close = difflib.get_close_matches(location[-1], _keys_at(location[:-1]), n=1)
        hint = f"did you mean {close[0]!r}?" if close else ""
    elif problem["type"] == "missing":
        message = "is missing"
    else:
        message = f"{problem['msg']}, not {_short(problem['input'])}"
    return message, f"{origin}: {key}", hint


def _short(value: Any) -> str:
    """A value as it stands in a message; of a table only its keys."""
    return f"a table of {', '.join(value)}" if isinstance(value, dict) else repr(value)


def _keys_at(location: Sequence[str]) -> list[str]:
    """The keys that the schema has beside an unknown one."""
    model: Any = ProfileFile
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(part)
            model = field.annotation if field is not None else None
            if isinstance(model, UnionType):  # a table that may be left out
                model = model.__args__[0]
        else:  # the name of a guest below dict[str, GuestSection]
            model = getattr(model, "__args__", [None])[-1]
    return list(getattr(model, "model_fields", ()))
