"""What a list, a prune or the stream of events is narrowed to: keys with several values each.

Values of one key are alternatives, labels must all match, and a key that is not there narrows
nothing. Which keys exist is said by whoever is asked; one that nobody knows is refused and never
ignored, since an ignored filter turns "remove these" into "remove everything".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from wherry.model.errors import InvalidArgument

_TRUE = frozenset({"1", "t", "true", "T", "True", "TRUE"})
_FALSE = frozenset({"0", "f", "false", "F", "False", "FALSE"})


@dataclass(frozen=True, slots=True)
class Filters:
    """Filter keys and their values, in the order they were given."""

    entries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.entries)

    def __contains__(self, key: str) -> bool:
        return key in self.entries

    def values(self, key: str) -> tuple[str, ...]:
        """The values of a key; none when the key was not given."""
        return self.entries.get(key, ())

    def require_known(self, known: Collection[str]) -> None:
        """InvalidArgument when a key is not one of `known`."""
        for key in self.entries:
            if key not in known:
                raise InvalidArgument(f"invalid filter '{key}'")

    def flag(self, key: str) -> bool | None:
        """A key that is true or false, None when it was not given.

        Raises:
            InvalidArgument: it is something else, or both.
        """
        values = set(self.values(key))
        if not values:
            return None
        if values <= _TRUE:
            return True
        if values <= _FALSE:
            return False
        raise InvalidArgument(f"invalid filter '{key}=[{' '.join(self.values(key))}]'")

    def match_exact(self, key: str, *actual: str) -> bool:
        """Is one of `actual` one of the values? True when the key was not given."""
        wanted = self.values(key)
        return not wanted or any(one in wanted for one in actual)

    def match_prefix(self, key: str, *actual: str) -> bool:
        """Does one of `actual` begin with one of the values? True when the key was not given."""
        wanted = self.values(key)
        return not wanted or any(one.startswith(wanted) for one in actual)

    def match_part(self, key: str, *actual: str) -> bool:
        """Does one of `actual` contain one of the values? True when the key was not given."""
        wanted = self.values(key)
        return not wanted or any(part in one for one in actual for part in wanted)

    def match_labels(self, key: str, labels: Mapping[str, str]) -> bool:
        """Do all values, each ``name`` or ``name=value``, hold for these labels?"""
        return all(_holds(one, labels) for one in self.values(key))

    def match_any_label(self, key: str, labels: Mapping[str, str]) -> bool:
        """Does one of the values hold? False when the key was not given: for ``label!``."""
        return any(_holds(one, labels) for one in self.values(key))


def filters_of(entries: Mapping[str, Iterable[str]]) -> Filters:
    """Filters from any mapping of keys to values."""
    return Filters({key: tuple(values) for key, values in entries.items()})


def _holds(wanted: str, labels: Mapping[str, str]) -> bool:
    name, has_value, value = wanted.partition("=")
    return name in labels and (not has_value or labels[name] == value)
