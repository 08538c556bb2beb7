"""Go's text templates, as far as `--format` needs them: text in, a `Template` to execute out.

Known: fields and chains, variables, pipes, parentheses, ``if``/``else if``/``else``, ``range``
(with ``break`` and ``continue``), ``with``, trim markers, comments, and the functions of
`templatefunctions`. Not known: ``define``, ``block``, ``template``. Messages are Go's, because
scripts and people look at them.

Source: pkg.go.dev/text/template, sections "Actions", "Pipelines", "Text and spaces".
"""

from __future__ import annotations

from wherry.cli.templatefunctions import FUNCTIONS
from wherry.cli.templatelexer import Token, lex_action, read_constant, split_actions
from wherry.cli.templatenodes import (
    Access,
    Branch,
    Break,
    Calling,
    Command,
    Constant,
    Continue,
    Jump,
    Node,
    Pipe,
    Print,
    Step,
    Template,
    TemplateError,
    Text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Template", "TemplateError", "parse_template"]

_KEYWORDS = ("if", "else", "end", "range", "with", "break", "continue")


def parse_template(source: str, *, name: str = "") -> Template:
    """Read `source`. TemplateError with Go's words."""
    return Template(name, source, _Parser(source, name).parse())


class _Parser:
    """Recursive descent over the actions; text between them is passed on."""

    def __init__(self, source: str, name: str) -> None:
        self._source, self._name = source, name
        self._pieces = list(reversed(split_actions(source, self._error)))
        self._tokens: list[Token] = []
        self._next = 0

    def _error(self, position: int, message: str) -> TemplateError:
        line = self._source.count("\n", 0, position) + 1
        return TemplateError(f"template: {self._name}:{line}: {message}")

    def parse(self) -> Sequence[Step]:
        steps, stop = self._parse_list()
        if stop:
            raise self._error(len(self._source), f"unexpected {{{{{stop}}}}}")
        return steps

    def _parse_list(self) -> tuple[list[Step], str]:
        """Steps up to an ``end`` or ``else`` (which is named), or the end of the template."""
        steps: list[Step] = []
        while self._pieces:
            piece = self._pieces.pop()
            if isinstance(piece, str):
                steps.append(Text(piece))
                continue
            start, action = piece
            self._tokens, self._next = lex_action(action, start, self._error), 0
            if not self._tokens:
                raise self._error(start, "missing value for command")
            word = self._tokens[0]
            if word.kind == "name" and word.text in _KEYWORDS:
                self._next = 1
                if word.text in ("end", "else"):
                    return steps, word.text
                steps.append(self._parse_keyword(word.text))
            else:
                steps.append(Print(self._parse_pipe("command")))
                self._expect_end("command")
        return steps, ""

    def _parse_keyword(self, word: str) -> Step:
        if word == "break":
            return Jump(Break)
        if word == "continue":
            return Jump(Continue)
        pipe = self._parse_pipe(word, pair=word == "range")
        self._expect_end(word)
        body, stop = self._parse_list()
        otherwise: list[Step] = []
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
        return Branch(word, pipe, body, otherwise)

    def _peek(self, ahead: int = 0) -> Token | None:
        place = self._next + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _expect_end(self, where: str) -> None:
        token = self._peek()
        if token is not None:
            raise self._error(token.position, f'unexpected "{token.text}" in {where}')

    def _parse_pipe(self, where: str, *, pair: bool = False) -> Pipe:
        first = self._peek()
        if first is None:
            raise self._error(len(self._source), f"missing value for {where}")
        names, assigns = self._parse_declaration(pair)
        commands: list[Command] = []
        while True:
            commands.append(self._parse_command(where))
            token = self._peek()
            if token is None or token.text != "|":
                break
            self._next += 1
        return Pipe(
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

    def _parse_command(self, where: str) -> Command:
        words: list[Node] = []
        start = self._peek()
        while (token := self._peek()) and token.text not in ("|", ")"):
            words.append(self._parse_operand())
        if not words or start is None:
            raise self._error(start.position if start else 0, f"missing value for {where}")
        return Command(start.position, self._spelling(start.position), words)

    def _parse_operand(self) -> Node:
        token = self._tokens[self._next]
        self._next += 1
        kind, text, position = token.kind, token.text, token.position
        if kind == "name" and text not in ("true", "false", "nil"):
            if text not in FUNCTIONS:
                raise self._error(position, f'function "{text}" not defined')
            return Calling(position, text)
        if kind in ("name", "string", "number"):
            return Constant(position, text, read_constant(kind, text))
        base: str | Node = "."
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
        return Access(where, self._spelling(position), base, fields)

    def _spelling(self, start: int) -> str:
        last = self._tokens[self._next - 1]
        return self._source[start : last.position + len(last.text)]
