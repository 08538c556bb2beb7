"""The letters of a template: text and actions, an action's tokens, constants."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Fail = Callable[[int, str], Exception]

_BLANKS = " \t\r\n"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b"}


class Token:
    __slots__ = ("glued", "kind", "position", "text")

    def __init__(self, kind: str, text: str, position: int, *, glued: bool) -> None:
        self.kind, self.text, self.position = kind, text, position
        self.glued = glued
        """Nothing stands between this token and the one before it."""


def split_actions(source: str, error: Fail) -> list[str | tuple[int, str]]:
    """Text, and actions with their position; trim markers and comments are dealt with."""
    pieces: list[str | tuple[int, str]] = []
    place, trim = 0, False
    while True:
        start = source.find("{{", place)
        text = source[place : start if start >= 0 else len(source)]
        if trim:
            text = text.lstrip(_BLANKS)
        if start < 0:
            pieces.append(text)
            return [piece for piece in pieces if piece]
        inner = start + 2
        if source[inner : inner + 1] == "-" and source[inner + 1 : inner + 2] in (*_BLANKS,):
            text = text.rstrip(_BLANKS)
            inner += 1
        end = _find_end(source, inner)
        if end < 0:
            raise error(start, "unclosed action")
        pieces.append(text)
        action = source[inner:end]
        trim = action.endswith("-") and action[-2:-1] in (*_BLANKS,)
        action = action[:-1] if trim else action
        if not action.strip(_BLANKS).startswith("/*"):
            pieces.append((inner, action))
        place = end + 2


def _find_end(source: str, place: int) -> int:
    """Where the ``}}`` of an action begins, strings passed over; -1 when there is none."""
    quote = ""
    while place < len(source):
        character = source[place]
        if quote:
            if character == "\\" and quote != "`":
                place += 1
            elif character == quote:
                quote = ""
        elif character in "\"`'":
            quote = character
        elif source.startswith("}}", place):
            return place
        place += 1
    return -1


def lex_action(action: str, start: int, error: Fail) -> list[Token]:
    tokens: list[Token] = []
    place, glued = 0, False
    while place < len(action):
        character = action[place]
        if character in _BLANKS:
            place, glued = place + 1, False
            continue
        kind, end = _scan(action, place)
        if end <= place:
            if kind == "open":
                raise error(start + place, "unterminated quoted string")
            raise error(start + place, f"unexpected {character!r} in command")
        tokens.append(Token(kind, action[place:end], start + place, glued=glued))
        place, glued = end, True
    return tokens


def _scan(action: str, place: int) -> tuple[str, int]:
    """The kind of the token at `place` and where it ends; an end of -1 for none."""
    character = action[place]
    following = action[place + 1 : place + 2]
    if character in "\"`'":
        end = place + 1
        while end < len(action) and action[end] != character:
            end += 2 if action[end] == "\\" and character != "`" else 1
        return ("string", end + 1) if end < len(action) else ("open", -1)
    if character == "." and not (following.isalnum() or following == "_"):
        return "dot", place + 1
    if character.isdigit() or (character in "+-." and following.isdigit()):
        end = place + 1
        while end < len(action) and (action[end].isalnum() or action[end] == "."):
            end += 1
        return "number", end
    if character in ".$" or character.isalpha() or character == "_":
        end = place + 1
        while end < len(action) and (action[end].isalnum() or action[end] == "_"):
            end += 1
        return {".": "field", "$": "variable"}.get(character, "name"), end
    if action.startswith(":=", place):
        return "sign", place + 2
    return ("sign", place + 1) if character in "|(),=" else ("none", -1)


def read_constant(kind: str, text: str) -> Any:
    if kind == "name":
        return {"true": True, "false": False, "nil": None}[text]
    if kind == "number":
        return float(text) if "." in text else int(text, 0)
    if text[0] == "`":
        return text[1:-1]
    value = _unescape(text[1:-1])
    return ord(value) if text[0] == "'" and len(value) == 1 else value


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    parts: list[str] = []
    place = 0
    while place < len(text):
        character = text[place]
        if character != "\\" or place + 1 == len(text):
            parts.append(character)
            place += 1
            continue
        letter = text[place + 1]
        digits = {"x": 2, "u": 4, "U": 8}.get(letter, 0)
        if digits:
            parts.append(chr(int(text[place + 2 : place + 2 + digits], 16)))
        else:
            parts.append(_ESCAPES.get(letter, letter))
        place += 2 + digits
    return "".join(parts)
