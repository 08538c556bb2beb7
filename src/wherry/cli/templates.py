"""Go's text templates, as far as `--format` needs them: text in, a `Template` to execute out.

Known: fields and chains, variables, pipes, parentheses, ``if``/``else if``/``else``, ``range``
(with ``break`` and ``continue``), ``with``, trim markers, comments, and the functions of
`templatefunctions`. Not known: ``define``, ``block``, ``template``. Messages are Go's, because
scripts and people look at them.

Source: pkg.go.dev/text/template, sections "Actions", "Pipelines", "Text and spaces".
"""

from __future__ import annotations

from wherry.cli.templatefunctions import FUNCTIONS, Nil, format_value, is_true, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_BLANKS = " \t\r\n"
_KEYWORDS = ("if", "else", "end", "range", "with", "break", "continue")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b"}


class TemplateError(Exception):
    """The template cannot be read (`parse_template`) or not be filled in (`Template.execute`)."""


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Token:
    __slots__ = ("glued", "kind", "position", "text")

    def __init__(self, kind: str, text: str, position: int, *, glued: bool) -> None:
        self.kind, self.text, self.position = kind, text, position
        self.glued = glued
        """Nothing stands between this token and the one before it."""


class _Context:
    """Where we are while executing: the variables, and what is being evaluated for messages."""

    __slots__ = ("functions", "name", "out", "source", "variables")

    def __init__(
        self, name: str, source: str, functions: Mapping[str, Callable[..., Any]], data: Any
    ) -> None:
        self.name, self.source, self.functions = name, source, functions
        self.variables: list[tuple[str, Any]] = [("$", data)]
        self.out: list[str] = []

    def fail(self, node: _Node, message: str) -> TemplateError:
        line = self.source.count("\n", 0, node.position) + 1
        column = node.position - (self.source.rfind("\n", 0, node.position) + 1)
        return TemplateError(
            f'template: {self.name}:{line}:{column}: executing "{self.name}" '
            f"at <{node.spelling}>: {message}"
        )


class _Node:
    """Part of a template that can be evaluated; `spelling` and `position` are for messages."""

    __slots__ = ("position", "spelling")

    def __init__(self, position: int, spelling: str) -> None:
        self.position, self.spelling = position, spelling

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        raise NotImplementedError


class _Constant(_Node):
    __slots__ = ("value",)

    def __init__(self, position: int, spelling: str, value: Any) -> None:
        super().__init__(position, spelling)
        self.value = value

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        if arguments:
            raise context.fail(self, f"can't give argument to non-function {self.spelling}")
        return self.value


class _Access(_Node):
    """A base (dot, a variable, a parenthesis) and the fields behind it."""

    __slots__ = ("base", "fields")

    def __init__(
        self, position: int, spelling: str, base: str | _Node, fields: Sequence[str]
    ) -> None:
        super().__init__(position, spelling)
        self.base, self.fields = base, fields

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        value = self._start(dot, context)
        for place, name in enumerate(self.fields):
            value = self._field(value, name, context)
            if callable(value):
                last = place == len(self.fields) - 1
                value = value(*arguments) if last else value()
                if last:
                    return value
        if arguments:
            raise context.fail(self, f"{self.spelling} has arguments but cannot be invoked")
        return value

    def _start(self, dot: Any, context: _Context) -> Any:
        if isinstance(self.base, _Node):
            return self.base.evaluate(dot, context)
        if self.base == ".":
            return dot
        for name, value in reversed(context.variables):
            if name == self.base:
                return value
        raise context.fail(self, f'undefined variable "{self.base}"')

    def _field(self, value: Any, name: str, context: _Context) -> Any:
        if isinstance(value, dict):
            if name in value:
                return value[name]
            missing = getattr(value, "find_absent", None)
            if missing is not None and name in missing:
                return missing[name]
            raise context.fail(self, f'map has no entry for key "{name}"')
        find = getattr(value, "find_field", None)
        if find is not None:
            try:
                return find(name)
            except KeyError:
                pass
        if value is None or isinstance(value, Nil):
            raise context.fail(self, f"nil pointer evaluating interface {{}}.{name}")
        raise context.fail(self, f"can't evaluate field {name} in type {type_name(value)}")


class _Calling(_Node):
    """A function's name; `and` and `or` look at their arguments one at a time."""

    __slots__ = ()

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        try:
            return context.functions[self.spelling](*arguments)
        except TypeError as error:
            if "positional argument" in str(error) or "required" in str(error):
                raise context.fail(
                    self, f"wrong number of args for {self.spelling}: got {len(arguments)}"
                ) from None
            raise context.fail(self, f"error calling {self.spelling}: {error}") from None
        except (ValueError, KeyError, IndexError) as error:
            words = error.args[0] if error.args else error
            raise context.fail(self, f"error calling {self.spelling}: {words}") from None


class _Command(_Node):
    __slots__ = ("words",)

    def __init__(self, position: int, spelling: str, words: Sequence[_Node]) -> None:
        super().__init__(position, spelling)
        self.words = words

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        first, *rest = self.words
        if first.spelling in ("and", "or") and isinstance(first, _Calling):
            wanted = first.spelling == "or"
            value: Any = None
            for word in rest:
                value = word.evaluate(dot, context)
                if is_true(value) == wanted:
                    return value
            return arguments[0] if arguments else value
        values = [word.evaluate(dot, context) for word in rest]
        return first.evaluate(dot, context, (*values, *arguments))


class _Pipe(_Node):
    __slots__ = ("assigns", "commands", "names")

    def __init__(
        self,
        position: int,
        spelling: str,
        names: Sequence[str],
        commands: Sequence[_Command],
        *,
        assigns: bool,
    ) -> None:
        super().__init__(position, spelling)
        self.names, self.commands, self.assigns = names, commands, assigns

    def evaluate(self, dot: Any, context: _Context, arguments: Sequence[Any] = ()) -> Any:
        value: Any = None
        for place, command in enumerate(self.commands):
            value = command.evaluate(dot, context, (value,) if place else ())
        return value

    def bind(self, value: Any, context: _Context) -> None:
        """Give the declared variable its value."""
        if not self.names:
            return
        name = self.names[0]
        if self.assigns:
            for place in range(len(context.variables) - 1, -1, -1):
                if context.variables[place][0] == name:
                    context.variables[place] = (name, value)
                    return
        context.variables.append((name, value))


class _Step:
    """Part of a template that writes."""

    __slots__ = ()

    def run(self, dot: Any, context: _Context) -> None:
        raise NotImplementedError


class _Text(_Step):
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, dot: Any, context: _Context) -> None:
        context.out.append(self.text)


class _Print(_Step):
    __slots__ = ("pipe",)

    def __init__(self, pipe: _Pipe) -> None:
        self.pipe = pipe

    def run(self, dot: Any, context: _Context) -> None:
        value = self.pipe.evaluate(dot, context)
        self.pipe.bind(value, context)
        if not self.pipe.names:
            context.out.append(format_value(value, top=True))


class _Jump(_Step):
    __slots__ = ("kind",)

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def run(self, dot: Any, context: _Context) -> None:
        raise self.kind


class _Branch(_Step):
    """``if``, ``with`` and ``range``."""

    __slots__ = ("body", "kind", "otherwise", "pipe")

    def __init__(
        self, kind: str, pipe: _Pipe, body: Sequence[_Step], otherwise: Sequence[_Step]
    ) -> None:
        self.kind, self.pipe, self.body, self.otherwise = kind, pipe, body, otherwise

    def run(self, dot: Any, context: _Context) -> None:
        depth = len(context.variables)
        value = self.pipe.evaluate(dot, context)
        if self.kind == "range":
            self._range(dot, value, context)
        else:
            self.pipe.bind(value, context)
            if is_true(value):
                _run_all(self.body, value if self.kind == "with" else dot, context)
            else:
                _run_all(self.otherwise, dot, context)
        del context.variables[depth:]

    def _range(self, dot: Any, value: Any, context: _Context) -> None:
        pairs = list(self._pairs(value, context))
        depth = len(context.variables)
        for key, item in pairs:
            del context.variables[depth:]
            names = self.pipe.names
            if len(names) == 1:
                context.variables.append((names[0], item))
            elif names:
                context.variables += [(names[0], key), (names[1], item)]
            try:
                _run_all(self.body, item, context)
            except _Continue:
                continue
            except _Break:
                break
        if not pairs:
            _run_all(self.otherwise, dot, context)

    def _pairs(self, value: Any, context: _Context) -> Iterator[tuple[Any, Any]]:
        if isinstance(value, dict):
            return iter(sorted(value.items()))
        if isinstance(value, (list, tuple)):
            return enumerate(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return ((number, number) for number in range(value))
        if value is None or isinstance(value, Nil):
            return iter(())
        raise context.fail(self.pipe, f"range can't iterate over {format_value(value)}")


def _run_all(steps: Sequence[_Step], dot: Any, context: _Context) -> None:
    for step in steps:
        step.run(dot, context)


class Template:
    """A template that has been read."""

    __slots__ = ("_name", "_source", "_steps")

    def __init__(self, name: str, source: str, steps: Sequence[_Step]) -> None:
        self._name, self._source, self._steps = name, source, steps

    def execute(self, data: Any, functions: Mapping[str, Callable[..., Any]] | None = None) -> str:
        """The text for `data`. `functions` replace those of the same name. TemplateError."""
        known = {**FUNCTIONS, **(functions or {})}
        context = _Context(self._name, self._source, known, data)
        _run_all(self._steps, data, context)
        return "".join(context.out)


def parse_template(source: str, *, name: str = "") -> Template:
    """Read `source`. TemplateError with Go's words."""
    return Template(name, source, _Parser(source, name).parse())


class _Parser:
    """Recursive descent over the actions; text between them is passed on."""

    def __init__(self, source: str, name: str) -> None:
        self._source, self._name = source, name
        self._pieces = list(reversed(_split(source, self._error)))
        self._tokens: list[_Token] = []
        self._next = 0

    def _error(self, position: int, message: str) -> TemplateError:
        line = self._source.count("\n", 0, position) + 1
        return TemplateError(f"template: {self._name}:{line}: {message}")

    def parse(self) -> Sequence[_Step]:
        steps, stop = self._parse_list()
        if stop:
            raise self._error(len(self._source), f"unexpected {{{{{stop}}}}}")
        return steps

    def _parse_list(self) -> tuple[list[_Step], str]:
        """Steps up to an ``end`` or ``else`` (which is named), or the end of the template."""
        steps: list[_Step] = []
        while self._pieces:
            piece = self._pieces.pop()
            if isinstance(piece, str):
                steps.append(_Text(piece))
                continue
            start, action = piece
            self._tokens, self._next = _lex(action, start, self._error), 0
            if not self._tokens:
                raise self._error(start, "missing value for command")
            word = self._tokens[0]
            if word.kind == "name" and word.text in _KEYWORDS:
                self._next = 1
                if word.text in ("end", "else"):
                    return steps, word.text
                steps.append(self._parse_keyword(word.text))
            else:
                steps.append(_Print(self._parse_pipe("command")))
                self._expect_end("command")
        return steps, ""

    def _parse_keyword(self, word: str) -> _Step:
        if word == "break":
            return _Jump(_Break)
        if word == "continue":
            return _Jump(_Continue)
        pipe = self._parse_pipe(word, pair=word == "range")
        self._expect_end(word)
        body, stop = self._parse_list()
        otherwise: list[_Step] = []
        if stop == "else":
            following = self._peek()
            if following is not None and following.text in ("if", "with"):
                self._next += 1
                # `else if` opens a branch of its own that shares our end.
                otherwise, stop = [self._parse_keyword(following.text)], "end"
            else:
                otherwise, stop = self._parse_list()
        if stop != "end":
            raise self._error(len(self._source), "unexpected EOF")
        return _Branch(word, pipe, body, otherwise)

    def _peek(self, ahead: int = 0) -> _Token | None:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _expect_end(self, where: str) -> None:
        token = self._peek()
        if token is not None:
            raise self._error(token.position, f'unexpected "{token.text}" in {where}')

    def _parse_pipe(self, where: str, *, pair: bool = False) -> _Pipe:
        first = self._peek()
        if first is None:
            raise self._error(len(self._source), f"missing value for {where}")
        names, assigns = self._parse_declaration(pair)
        commands: list[_Command] = []
        while True:
            commands.append(self._parse_command(where))
            token = self._peek()
            if token is None or token.text != "|":
                break
            self._next += 1
        return _Pipe(
            first.position, self._spelling(first.position), names, commands, assigns=assigns
        )

    def _parse_declaration(self, pair: bool) -> tuple[list[str], bool]:
        names: list[str] = []
        ahead = 0
        while (token := self._peek(ahead)) and token.kind == "variable":
            names.append(token.text)
            sign = self._peek(ahead + 1)
            if sign is None:
                return [], False
            if sign.text in (":=", "="):
                self._next += ahead + 2
                return names, sign.text == "="
            if sign.text != "," or not pair:
                return [], False
            ahead += 2
        return [], False

    def _parse_command(self, where: str) -> _Command:
        words: list[_Node] = []
        start = self._peek()
        while (token := self._peek()) and token.text not in ("|", ")"):
            words.append(self._parse_operand())
        if not words or start is None:
            raise self._error(start.position if start else 0, f"missing value for {where}")
        return _Command(start.position, self._spelling(start.position), words)

    def _parse_operand(self) -> _Node:
        token = self._tokens[self._next]
        self._next += 1
        kind, text, position = token.kind, token.text, token.position
        if kind == "name" and text not in ("true", "false", "nil"):
            if text not in FUNCTIONS:
                raise self._error(position, f'function "{text}" not defined')
            return _Calling(position, text)
        if kind in ("name", "string", "number"):
            return _Constant(position, text, _constant(kind, text))
        base: str | _Node = "."
        fields: list[str] = []
        if kind == "variable":
            base = text
        elif kind == "field":
            fields.append(text[1:])
        elif text == "(":
            base = self._parse_pipe("parenthesized pipeline")
            closing = self._peek()
            if closing is None or closing.text != ")":
                raise self._error(position, "unclosed left paren")
            self._next += 1
        elif kind != "dot":
            raise self._error(position, f'unexpected "{text}" in operand')
        where = position
        while (behind := self._peek()) and behind.kind == "field" and behind.glued:
            if where == position:
                where = behind.position
            fields.append(behind.text[1:])
            self._next += 1
        return _Access(where, self._spelling(position), base, fields)

    def _spelling(self, start: int) -> str:
        last = self._tokens[self._next - 1]
        return self._source[start : last.position + len(last.text)]


def _split(source: str, error: Callable[[int, str], TemplateError]) -> list[str | tuple[int, str]]:
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


def _lex(action: str, start: int, error: Callable[[int, str], TemplateError]) -> list[_Token]:
    tokens: list[_Token] = []
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
        tokens.append(_Token(kind, action[place:end], start + place, glued=glued))
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


def _constant(kind: str, text: str) -> Any:
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
