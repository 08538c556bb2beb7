"""Image, reference and layer rows."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from wherry.model.image import Image, Layer
from wherry.state.db import Database
from wherry.state.documents import decode, encode


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImages:
    """All that is known of images at one moment."""

    images: Mapping[str, Image] = field(default_factory=dict)
    """By id."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Fully qualified reference to image id."""
    layers: Mapping[str, Layer] = field(default_factory=dict)
    """By chain id."""


class ImageRows:
    """What is kept of images. Every change is on the disk when its method returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> StoredImages:
        return await self._database.read(_load)

    async def insert_layers(self, layers: Sequence[Layer]) -> None:
        """`layers` in an order in which each comes after its parent."""
        if layers:
            await self._database.write(lambda rows: _insert_layers(rows, layers), durable=True)

    async def save(self, images: Sequence[Image], references: Mapping[str, str]) -> None:
        """Keep images (new ones, or known ones with other details) and what names them."""

        def change(rows: sqlite3.Connection) -> None:
            rows.executemany(
                "INSERT INTO images (id, record) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET record = excluded.record",
                [(image.id, encode(image)) for image in images],
            )
            rows.executemany(
                "INSERT INTO image_references (reference, image) VALUES (?, ?) "
                "ON CONFLICT (reference) DO UPDATE SET image = excluded.image",
                list(references.items()),
            )

        await self._database.write(change, durable=True)

    async def delete(self, references: Collection[str], image_ids: Collection[str]) -> None:
        """Forget references, and images that nothing names any more."""

        def change(rows: sqlite3.Connection) -> None:
            rows.executemany(
                "DELETE FROM image_references WHERE reference = ?", [(one,) for one in references]
            )
            rows.executemany("DELETE FROM images WHERE id = ?", [(one,) for one in image_ids])

        await self._database.write(change, durable=True)

    async def delete_layers(self, chains: Sequence[str]) -> None:
        """`chains` in an order in which each comes before its parent."""
        await self._database.write(
            lambda rows: rows.executemany(
                "DELETE FROM layers WHERE chain = ?", [(chain,) for chain in chains]
            ),
            durable=True,
        )


def _load(rows: sqlite3.Connection) -> StoredImages:
    return StoredImages(
        images={
            row["id"]: decode(Image, row["record"])
            for row in rows.execute("SELECT id, record FROM images")
        },
        references={
            row["reference"]: row["image"]
            for row in rows.execute("SELECT reference, image FROM image_references")
        },
        layers={
            row["chain"]: Layer(
                chain=row["chain"],
                parent=row["parent"] or "",
                snapshot=row["snapshot"],
                diff=row["diff"],
                size_bytes=row["size"],
                blob=row["blob"],
                blob_size_bytes=row["blob_size"],
                media_type=row["media"],
            )
            for row in rows.execute("SELECT * FROM layers")
        },
    )


def _insert_layers(rows: sqlite3.Connection, layers: Sequence[Layer]) -> None:
    rows.executemany(
        "INSERT INTO layers (chain, parent, snapshot, diff, size, blob, blob_size, media) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                layer.chain,
                layer.parent or None,
                layer.snapshot,
                layer.diff,
                layer.size_bytes,
                layer.blob,
                layer.blob_size_bytes,
                layer.media_type,
            )
            for layer in layers
        ],
    )
