"""From a method and a path to a handler and the placeholders' values.

A pattern's segments are literal or ``{name}``; ``{name:path}`` also matches slashes. A path may
have ``/vX.Y`` before it. Of two patterns that match, the more literal one wins, wherever they
stand in the table. HEAD is answered by GET's handler where it has none of its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from wherry.http.messages import Handler, Routes

_VERSION = re.compile(r"/v([0-9][0-9.]*)(?=/)")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)(:path)?\}")
_NOTHING: Mapping[str, str] = {}


class Match(NamedTuple):
    route: str
    """The pattern with its method, such as ``GET /containers/{id}/json``."""
    handler: Handler
    path: Mapping[str, str]
    version: str | None


class Miss(NamedTuple):
    allowed: Sequence[str]
    """The methods that this path has; none when the path is not known at all."""
    version: str | None


class _Pattern(NamedTuple):
    route: str
    handler: Handler
    segments: tuple[str, ...]  # literals, and "" for a placeholder
    names: tuple[str, ...]
    regex: re.Pattern[str] | None  # only where a placeholder matches slashes


class Router:
    """A table of routes, made once."""

    def __init__(self, *tables: Routes) -> None:
        """ValueError when two routes are the same."""
        self._literal: dict[tuple[str, str], tuple[str, Handler]] = {}
        self._by_shape: dict[tuple[str, int, str], list[_Pattern]] = {}
        self._with_slashes: dict[tuple[str, str], list[_Pattern]] = {}
        self._methods: set[str] = set()
        self.routes: list[str] = []
        for table in tables:
            for route, handler in table.items():
                self._add(route, handler)
        for patterns in (*self._by_shape.values(), *self._with_slashes.values()):
            patterns.sort(key=_literalness, reverse=True)

    def find(self, method: str, raw_path: str) -> Match | Miss:
        """Who answers a request for this path, as it stood in the request line, without query."""
        version = None
        if found := _VERSION.match(raw_path):
            version = found[1]
            raw_path = raw_path[found.end() :]
        match = self._find(method, raw_path, version)
        if match is None and method == "HEAD":
            match = self._find("GET", raw_path, version)
        if match is not None:
            return match
        allowed = [one for one in sorted(self._methods) if self._find(one, raw_path, None)]
        return Miss(allowed, version)

    def _find(self, method: str, raw_path: str, version: str | None) -> Match | None:
        if literal := self._literal.get((method, raw_path)):
            return Match(literal[0], literal[1], _NOTHING, version)
        parts = raw_path.split("/")
        for pattern in self._by_shape.get((method, len(parts), parts[1] if parts[1:] else ""), ()):
            if (values := _fit(pattern.segments, parts)) is not None:
                path = dict(zip(pattern.names, values, strict=True))
                return Match(pattern.route, pattern.handler, path, version)
        for pattern in self._with_slashes.get((method, parts[1] if parts[1:] else ""), ()):
            if pattern.regex is not None and (found := pattern.regex.fullmatch(raw_path)):
                path = {name: unquote(text) for name, text in found.groupdict().items()}
                return Match(pattern.route, pattern.handler, path, version)
        return None

    def _add(self, route: str, handler: Handler) -> None:
        method, _, path = route.partition(" ")
        if not method.isupper() or not path.startswith("/"):
            raise ValueError(f"not a route: {route!r}")
        if route in self.routes:
            raise ValueError(f"two handlers for {route}")
        self.routes.append(route)
        self._methods.add(method)
        placeholders = _PLACEHOLDER.findall(path)
        if not placeholders:
            self._literal[method, path] = (route, handler)
            return
        parts = path.split("/")
        if parts[1].startswith("{"):
            raise ValueError(f"a route's first segment must be literal: {route}")
        segments = tuple("" if "{" in part else part for part in parts)
        names = tuple(name for name, _ in placeholders)
        if any(slashes for _, slashes in placeholders):
            pattern = _Pattern(route, handler, segments, names, _regex(path))
            self._with_slashes.setdefault((method, parts[1]), []).append(pattern)
        else:
            pattern = _Pattern(route, handler, segments, names, None)
            self._by_shape.setdefault((method, len(parts), parts[1]), []).append(pattern)


def _fit(segments: Sequence[str], parts: Iterable[str]) -> Sequence[str] | None:
    values = []
    for index, (wanted, part) in enumerate(zip(segments, parts, strict=True)):
        if index == 0:  # before the first slash
            continue
        if wanted:
            if wanted != part:
                return None
        elif part:
            values.append(unquote(part) if "%" in part else part)
        else:
            return None
    return values


def _literalness(pattern: _Pattern) -> tuple[int, int]:
    return sum(map(bool, pattern.segments)), len(pattern.segments)


def _regex(path: str) -> re.Pattern[str]:
    out, end = "", 0
    for found in _PLACEHOLDER.finditer(path):
        inner = ".+" if found[2] else "[^/]+"
        out += re.escape(path[end : found.start()]) + f"(?P<{found[1]}>{inner})"
        end = found.end()
    return re.compile(out + re.escape(path[end:]))
