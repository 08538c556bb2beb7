"""`wherry completion bash|zsh|fish`: scripts made from the same tables as the commands."""

from __future__ import annotations

from wherry.cli.catalog import ALIASES, CATALOG, GROUPS
from wherry.cli.command import Call, Command
from wherry.cli.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_BY_CONTAINER = (
    "attach exec inspect kill logs pause port rename restart rm start stop top unpause wait"
)
_BY_IMAGE = "create history inspect run rmi save tag"
_KINDS = {
    **dict.fromkeys(_BY_CONTAINER.split(), "containers"),
    **dict.fromkeys(_BY_IMAGE.split(), "images"),
    "volume inspect": "volumes",
    "volume rm": "volumes",
    "network inspect": "networks",
    "network rm": "networks",
    "network connect": "networks",
    "network disconnect": "networks",
    "image inspect": "images",
    "container inspect": "containers",
}
_QUERIES = {
    "containers": "wherry ps -a --format '{{.Names}}'",
    "images": "wherry images --format '{{.Repository}}:{{.Tag}}'",
    "volumes": "wherry volume ls -q",
    "networks": "wherry network ls --format '{{.Name}}'",
}


def list_paths() -> Iterator[tuple[str, str, str]]:
    """Path, what it does, and which names it takes (empty: none we know)."""
    for path in sorted({*CATALOG, *ALIASES}):
        name = ALIASES.get(path, path)
        yield path, CATALOG[name][1], _KINDS.get(name, "")


def _list_flags(path: str) -> list[str]:
    from wherry.cli.main import find_command

    command = find_command(path)
    assert command is not None
    words = []
    for flag in command.list_flags():
        if not flag.hidden:
            words += [f"--{flag.name}"] + ([f"-{flag.short}"] if flag.short else [])
    return [*words, "--help"]


def draw_bash() -> str:
    """For bash: put it into its completions directory, or source it."""
    paths = list(list_paths())
    top = sorted({path.partition(" ")[0] for path, _, _ in paths} | set(GROUPS))
    groups = "|".join(sorted(GROUPS))
    lines = [
        "# bash completion for wherry",
        "_wherry() {",
        "    local cur path i word",
        '    cur="${COMP_WORDS[COMP_CWORD]}"',
        '    path=""',
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        '        word="${COMP_WORDS[i]}"',
        '        [[ "$word" == -* ]] && continue',
        f'        case "$path" in "") path="$word" ;; {groups}) path="$path $word" ;; esac',
        "    done",
        '    case "$path" in',
        f'        "") COMPREPLY=($(compgen -W "{" ".join(top)}" -- "$cur")) ;;',
    ]
    for group in sorted(GROUPS):
        names = " ".join(p.partition(" ")[2] for p, _, _ in paths if p.startswith(f"{group} "))
        lines.append(f'        "{group}") COMPREPLY=($(compgen -W "{names}" -- "$cur")) ;;')
    for path, _, kind in paths:
        flags = " ".join(_list_flags(path))
        query = f"$({_QUERIES[kind]} 2>/dev/null)" if kind else ""
        lines += [
            f'        "{path}")',
            '            if [[ "$cur" == -* ]]; then',
            f'                COMPREPLY=($(compgen -W "{flags}" -- "$cur"))',
            "            else",
            f'                COMPREPLY=($(compgen -W "{query}" -- "$cur"))'
            if query
            else '                COMPREPLY=($(compgen -f -- "$cur"))',
            "            fi ;;",
        ]
    lines += ["    esac", "}", "complete -o default -F _wherry wherry", ""]
    return "\n".join(lines)


def draw_zsh() -> str:
    """For zsh: save it as ``_wherry`` in a directory of ``$fpath``."""
    body = draw_bash().partition("\n")[2]
    return (
        "#compdef wherry\n# zsh completion for wherry: zsh runs bash's through its own bridge\n"
        "autoload -U +X bashcompinit && bashcompinit\n" + body
    )


def draw_fish() -> str:
    """For fish: save it as ``wherry.fish`` in its completions directory."""
    lines = ["# fish completion for wherry", "complete -c wherry -f"]
    for path, text, kind in list_paths():
        group, _, name = path.rpartition(" ")
        seen = f"__fish_seen_subcommand_from {group}" if group else "__fish_use_subcommand"
        lines.append(f'complete -c wherry -n "{seen}" -a {name} -d {_fish_quote(text)}')
        if group:
            continue
        inside = f"__fish_seen_subcommand_from {path}"
        if kind:
            lines.append(
                f'complete -c wherry -n "{inside}" -a {_fish_quote(f"({_QUERIES[kind]})")}'
            )
        lines += [
            f'complete -c wherry -n "{inside}" -l {word[2:]}'
            for word in _list_flags(path)
            if word.startswith("--")
        ]
    for group, text in GROUPS.items():
        lines.append(
            f'complete -c wherry -n "__fish_use_subcommand" -a {group} -d {_fish_quote(text)}'
        )
    return "\n".join(lines) + "\n"


def _fish_quote(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SHELLS = {"bash": draw_bash, "zsh": draw_zsh, "fish": draw_fish}


def run_completion(call: Call) -> int:
    """Print the script for a shell."""
    draw = _SHELLS.get(call.args[0])
    if draw is None:
        raise Refused(f"unknown shell: {call.args[0]}: must be one of bash, zsh, fish")
    print(draw(), end="")
    return 0


COMMANDS = {"completion": Command(run_completion, "bash|zsh|fish", least=1, most=1)}
