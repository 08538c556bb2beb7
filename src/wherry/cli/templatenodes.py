"""The tree of a template: what can be evaluated, what writes, and how it is executed."""

from __future__ import annotations

from wherry.cli.templatefunctions import FUNCTIONS, Nil, format_value, is_true, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any


class TemplateError(Exception):
    """The template cannot be read (`parse_template`) or not be filled in (`Template.execute`)."""


class Break(Exception):
    pass


class Continue(Exception):
    pass


class Context:
    """Where we are while executing: the variables, and what is being evaluated for messages."""

    __slots__ = ("functions", "name", "out", "source", "variables")

    def __init__(
        self, name: str, source: str, functions: Mapping[str, Callable[..., Any]], data: Any
    ) -> None:
        self.name, self.source, self.functions = name, source, functions
        self.variables: list[tuple[str, Any]] = [("$", data)]
        self.out: list[str] = []

    def fail(self, node: Node, message: str) -> TemplateError:
        line = self.source.count("\n", 0, node.position) + 1
        column = node.position - (self.source.rfind("\n", 0, node.position) + 1)
        return TemplateError(
            f'template: {self.name}:{line}:{column}: executing "{self.name}" '
            f"at <{node.spelling}>: {message}"
        )


class Node:
    """Part of a template that can be evaluated; `spelling` and `position` are for messages."""

    __slots__ = ("position", "spelling")

    def __init__(self, position: int, spelling: str) -> None:
        self.position, self.spelling = position, spelling

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
        raise NotImplementedError


class Constant(Node):
    __slots__ = ("value",)

    def __init__(self, position: int, spelling: str, value: Any) -> None:
        super().__init__(position, spelling)
        self.value = value

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
        if arguments:
            raise context.fail(self, f"can't give argument to non-function {self.spelling}")
        return self.value


class Access(Node):
    """A base (dot, a variable, a parenthesis) and the fields behind it."""

    __slots__ = ("base", "fields")

    def __init__(
        self, position: int, spelling: str, base: str | Node, fields: Sequence[str]
    ) -> None:
        super().__init__(position, spelling)
        self.base, self.fields = base, fields

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
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

    def _start(self, dot: Any, context: Context) -> Any:
        if isinstance(self.base, Node):
            return self.base.evaluate(dot, context)
        if self.base == ".":
            return dot
        for name, value in reversed(context.variables):
            if name == self.base:
                return value
        raise context.fail(self, f'undefined variable "{self.base}"')

    def _field(self, value: Any, name: str, context: Context) -> Any:
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


class Calling(Node):
    """A function's name; `and` and `or` look at their arguments one at a time."""

    __slots__ = ()

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
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


class Command(Node):
    __slots__ = ("words",)

    def __init__(self, position: int, spelling: str, words: Sequence[Node]) -> None:
        super().__init__(position, spelling)
        self.words = words

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
        first, *rest = self.words
        if first.spelling in ("and", "or") and isinstance(first, Calling):
            wanted = first.spelling == "or"
            value: Any = None
            for word in rest:
                value = word.evaluate(dot, context)
                if is_true(value) == wanted:
                    return value
            return arguments[0] if arguments else value
        values = [word.evaluate(dot, context) for word in rest]
        return first.evaluate(dot, context, (*values, *arguments))


class Pipe(Node):
    __slots__ = ("assigns", "commands", "names")

    def __init__(
        self,
        position: int,
        spelling: str,
        names: Sequence[str],
        commands: Sequence[Command],
        *,
        assigns: bool,
    ) -> None:
        super().__init__(position, spelling)
        self.names, self.commands, self.assigns = names, commands, assigns

    def evaluate(self, dot: Any, context: Context, arguments: Sequence[Any] = ()) -> Any:
        value: Any = None
        for place, command in enumerate(self.commands):
            value = command.evaluate(dot, context, (value,) if place else ())
        return value

    def bind(self, value: Any, context: Context) -> None:
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


class Step:
    """Part of a template that writes."""

    __slots__ = ()

    def run(self, dot: Any, context: Context) -> None:
        raise NotImplementedError


class Text(Step):
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def run(self, dot: Any, context: Context) -> None:
        context.out.append(self.text)


class Print(Step):
    __slots__ = ("pipe",)

    def __init__(self, pipe: Pipe) -> None:
        self.pipe = pipe

    def run(self, dot: Any, context: Context) -> None:
        value = self.pipe.evaluate(dot, context)
        self.pipe.bind(value, context)
        if not self.pipe.names:
            context.out.append(format_value(value, top=True))


class Jump(Step):
    __slots__ = ("kind",)

    def __init__(self, kind: type[Exception]) -> None:
        self.kind = kind

    def run(self, dot: Any, context: Context) -> None:
        raise self.kind


class Branch(Step):
    """``if``, ``with`` and ``range``."""

    __slots__ = ("body", "kind", "otherwise", "pipe")

    def __init__(
        self, kind: str, pipe: Pipe, body: Sequence[Step], otherwise: Sequence[Step]
    ) -> None:
        self.kind, self.pipe, self.body, self.otherwise = kind, pipe, body, otherwise

    def run(self, dot: Any, context: Context) -> None:
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

    def _range(self, dot: Any, value: Any, context: Context) -> None:
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
            except Continue:
                continue
            except Break:
                break
        if not pairs:
            _run_all(self.otherwise, dot, context)

    def _pairs(self, value: Any, context: Context) -> Iterator[tuple[Any, Any]]:
        if isinstance(value, dict):
            return iter(sorted(value.items()))
        if isinstance(value, (list, tuple)):
            return enumerate(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return ((number, number) for number in range(value))
        if value is None or isinstance(value, Nil):
            return iter(())
        raise context.fail(self.pipe, f"range can't iterate over {format_value(value)}")


def _run_all(steps: Sequence[Step], dot: Any, context: Context) -> None:
    for step in steps:
        step.run(dot, context)


class Template:
    """A template that has been read."""

    __slots__ = ("_name", "_source", "_steps")

    def __init__(self, name: str, source: str, steps: Sequence[Step]) -> None:
        self._name, self._source, self._steps = name, source, steps

    def execute(self, data: Any, functions: Mapping[str, Callable[..., Any]] | None = None) -> str:
        """The text for `data`. `functions` replace those of the same name. TemplateError."""
        known = {**FUNCTIONS, **(functions or {})}
        context = Context(self._name, self._source, known, data)
        _run_all(self._steps, data, context)
        return "".join(context.out)
