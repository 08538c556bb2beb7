"""Pull progress: one line a layer that changes in place on a terminal, plain lines elsewhere."""

from __future__ import annotations

from wherry.client.images import pull_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, TextIO

    from wherry.client.engine import Engine


def split_reference(reference: str) -> tuple[str, str]:
    """Repository, and tag or digest; the tag is empty when there is none."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, tail = name.rpartition("/")
    base, _, tag = tail.partition(":")
    return f"{head}{slash}{base}", tag


def pull(
    engine: Engine,
    reference: str,
    *,
    platform: str = "",
    out: TextIO | None,
    everything: bool = False,
) -> None:
    """Have the engine pull; progress goes to `out`. WherryError when it fails."""
    image, tag = split_reference(reference)
    documents = pull_image(engine, image=image, tag="" if everything else tag, platform=platform)
    show_progress(documents, out)


def show_progress(documents: Iterable[dict[str, Any]], out: TextIO | None) -> dict[str, Any]:
    """Draw a JSON progress stream on `out`; the last ``aux`` document. WherryError from within."""
    lines: dict[str, int] = {}
    terminal = out is not None and out.isatty()
    aux: dict[str, Any] = {}
    for document in documents:
        if "aux" in document:
            aux = document["aux"]
            continue
        if out is None:
            continue
        if "stream" in document:
            out.write(str(document["stream"]))
            out.flush()
            continue
        layer = document.get("id")
        bar = str(document.get("progress") or "")
        if bar and not terminal:
            continue
        text = str(document.get("status", ""))
        text = f"{layer}: {text}" if layer else text
        if bar:
            text += f" {bar}"
        if terminal and layer:
            _draw(out, lines, str(layer), text)
        else:
            out.write(f"{text}\n")
        out.flush()
    return aux


def _draw(out: TextIO, lines: dict[str, int], layer: str, text: str) -> None:
    """Write over the line of `layer`, or add one below."""
    if layer not in lines:
        lines[layer] = len(lines)
        out.write(f"{text}\n")
        return
    up = len(lines) - lines[layer]
    out.write(f"\x1b[{up}A\x1b[2K\r{text}\r\x1b[{up}B")
