"""A root file system of about 160 MB, the same on every machine: 9,000 files in 900 folders.

Sizes follow what a distribution's minimal system has (most files are small, a few large), the
content compresses about as well as programs do.
"""

import hashlib
import io
import json
import random
import tarfile
from pathlib import Path

SEED = 20240501
FILES = 9_000
FOLDERS = 900
TOTAL_BYTES = 160_000_000


def write_rootfs(path: Path) -> None:
    """Write the tree as an uncompressed tar."""
    chance = random.Random(SEED)
    weights = [chance.lognormvariate(0, 2) for _ in range(FILES)]
    scale = TOTAL_BYTES / sum(weights)
    words = chance.randbytes(1 << 16)
    folders = [f"usr/lib/part{n // 30:02}/folder{n:03}" for n in range(FOLDERS)]
    with tarfile.open(path, "w") as tar:
        for folder in dict.fromkeys(part for name in folders for part in _parents(name)):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for number, weight in enumerate(weights):
            size = max(1, int(weight * scale))
            entry = tarfile.TarInfo(f"{chance.choice(folders)}/file{number:05}")
            entry.size, entry.mode, entry.mtime = size, 0o644, 1_700_000_000
            tar.addfile(entry, io.BytesIO(_content(chance, words, size)))


def write_archive(rootfs: Path, path: Path, name: str) -> None:
    """Wrap the tree into an archive as `docker load` takes it (docker-archive, one layer)."""
    digest = hashlib.sha256()
    with rootfs.open("rb") as stream:
        while part := stream.read(1 << 20):
            digest.update(part)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["true"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest.hexdigest()}"]},
            "history": [{"created": "2024-05-01T00:00:00Z"}],
        }
    ).encode()
    manifest = json.dumps(
        [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    ).encode()
    with tarfile.open(path, "w") as tar:
        for member, data in (("config.json", config), ("manifest.json", manifest)):
            entry = tarfile.TarInfo(member)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        tar.add(rootfs, "layer.tar")


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _content(chance: random.Random, words: bytes, size: int) -> bytes:
    """Half noise, half repetition, as compressible as a program."""
    made = bytearray()
    while len(made) < size:
        start = chance.randrange(len(words) - 512)
        made += words[start : start + 512] + bytes(256) + words[:256]
    return bytes(made[:size])
