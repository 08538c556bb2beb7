"""Manifests, configurations and indexes: read in one way only, written the same every time."""

import json
from typing import Any

import pytest

from wherry.model.digest import chain_ids, digest_of
from wherry.model.errors import InvalidArgument, TooLarge
from wherry.model.image import HealthcheckConfig, HistoryEntry, Image, ImageConfig
from wherry.model.platform import Platform
from wherry.model.ports import ContainerPort
from wherry.oci.image import OCI_CONFIG, encode_image, parse_image, parse_manifest
from wherry.oci.index import OCI_INDEX, OCI_MANIFEST, parse_index

DIGEST = "sha256:" + "a" * 64
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def a_manifest(**changes: Any) -> bytes:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": 2},
        "layers": [{"mediaType": LAYER, "digest": DIGEST, "size": 3}],
    }
    document.update(changes)
    return json.dumps(document).encode()


def a_config(**changes: Any) -> bytes:
    document: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    }
    document.update(changes)
    return json.dumps(document).encode()


def test_what_is_written_is_read_back() -> None:
    draft = Image(
        id="",
        config_size_bytes=0,
        config=ImageConfig(
            entrypoint=("a", "b"),
            command=(),
            env=("A=b",),
            working_dir="/w",
            user="1:2",
            labels={"k": "v", "K": "V"},
            exposed_ports=(ContainerPort(number=80),),
            volumes=("/x",),
            stop_signal="9",
            healthcheck=HealthcheckConfig(test=("NONE",), interval_ns=5, retries=2),
            shell=("/bin/ash",),
            on_build=("RUN ls",),
        ),
        platform=Platform(architecture="arm64", variant="v8"),
        created="2026-01-02T03:04:05.123456789Z",
        author="me",
        comment="made",
        diff_ids=(DIGEST,),
        history=(HistoryEntry(created_by="x", comment="made", empty_layer=True),),
    )
    data = encode_image(draft)
    image = parse_image(data)
    assert encode_image(image) == data
    assert image.id == digest_of(data)
    assert image.config == draft.config
    assert image.created_ns == 1767323045123456789
    assert (image.platform, image.history) == (draft.platform, draft.history)


def test_chain_ids_follow_the_specification() -> None:
    first, second = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    assert chain_ids((first, second)) == (first, digest_of(f"{first} {second}".encode()))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(a_manifest(manifests=[]), id="manifest and index at once"),
        pytest.param(a_manifest(mediaType=OCI_INDEX), id="another media type"),
        pytest.param(a_manifest(schemaVersion=1), id="schema 1"),
        pytest.param(a_manifest(config=None), id="no config"),
        pytest.param(a_manifest(Config={}), id="a key in another case"),
        pytest.param(a_manifest()[:-1] + b',"layers":[]}', id="a key twice"),
        pytest.param(b"[" * 200_000, id="deep"),
        pytest.param(b'{"schemaVersion":' + b"[" * 70 + b"]" * 70 + b"}", id="quite deep"),
        pytest.param(b'{"schemaVersion": NaN}', id="NaN"),
        pytest.param(b'{"schemaVersion": ' + b"9" * 5000 + b"}", id="huge number"),
        pytest.param(b"\xff", id="not Unicode"),
        pytest.param(b'{"mediaType": "\\ud800"}', id="half a surrogate"),
        *(
            pytest.param(
                a_manifest(layers=[{"mediaType": LAYER, "digest": digest, "size": size}]),
                id=f"{digest[:20]} {size}",
            )
            for digest, size in (
                ("../../etc/passwd", 1),
                ("sha256:" + "A" * 64, 1),
                ("sha256:" + "a" * 63, 1),
                ("sha256:" + "a" * 64 + "\n", 1),
                ("md5:" + "a" * 32, 1),
                (DIGEST, -1),
                (DIGEST, True),
                (DIGEST, 1 << 64),
                (DIGEST, None),
            )
        ),
    ],
)
def test_an_ambiguous_or_wrong_manifest_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidArgument):
        parse_manifest(data)


def test_limits_hold() -> None:
    layer = {"mediaType": LAYER, "digest": DIGEST, "size": 3}
    for data in (a_manifest(layers=[layer] * 128), a_manifest(annotations={"x": "y" * (4 << 20)})):
        with pytest.raises(TooLarge):
            parse_manifest(data)
    too_many: tuple[dict[str, Any], ...] = (
        {"rootfs": {"type": "layers", "diff_ids": [DIGEST] * 128}},
        {"history": [{}] * 1001},
    )
    for changes in too_many:
        with pytest.raises(TooLarge):
            parse_image(a_config(**changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"rootfs": None},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:x"]}},
        {"rootFS": {}},
        {"config": {"env": ["A=b"]}},
        {"config": {"Env": "A=b"}},
        {"config": {"ExposedPorts": {"99999/tcp": {}}}},
        {"created": "yesterday"},
    ],
)
def test_a_wrong_configuration_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        parse_image(a_config(**changes))


def test_an_index_says_nothing_but_manifests() -> None:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": OCI_MANIFEST,
                "digest": DIGEST,
                "size": 4,
                "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"},
            }
        ],
    }
    (pointer,) = parse_index(json.dumps(document).encode())
    assert pointer.platform == Platform(architecture="arm64", variant="v8")
    with pytest.raises(InvalidArgument, match="ambiguous"):
        parse_index(json.dumps({**document, "layers": []}).encode())
    with pytest.raises(InvalidArgument, match="announced"):
        parse_index(json.dumps({**document, "mediaType": OCI_INDEX}).encode(), OCI_MANIFEST)


def test_platforms_are_matched_as_docker_does() -> None:
    plain = Platform.parse("linux/arm64")
    assert plain.accepts(Platform(architecture="arm64", variant="v8"))
    assert Platform.parse("linux/arm64/v8").accepts(Platform(architecture="arm64"))
    assert not Platform.parse("linux/arm/v6").accepts(Platform(architecture="arm", variant="v7"))
    assert Platform.parse("x86_64").architecture == "amd64"
    with pytest.raises(InvalidArgument, match='"win": unknown operating system or architecture'):
        Platform.parse("win")
