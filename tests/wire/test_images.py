"""Docker's documents about images, of every version that changed them.

The expected documents are the answers of a Docker 28.5 about an image imported there.
"""

from typing import Any

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig, HistoryEntry, Image, ImageConfig
from wherry.model.platform import Platform
from wherry.model.ports import ContainerPort, Transport
from wherry.model.reference import Reference
from wherry.wire.images import (
    INSPECT,
    LIST,
    age_image,
    decode_create,
    decode_names,
    decode_platform,
    decode_tag,
    encode_history,
    encode_image,
    encode_loaded,
    encode_name_moved,
    encode_removed,
    encode_summary,
)
from wherry.wire.versions import NEWEST, ApiVersion

ID = "sha256:b2c2aa2330d80f713283cdc9f6fe3ffd8eccf0513f267c3ba91cfc5fc24a4a49"
DIFF = "sha256:396e2ad7b1a8c35a612421bd64605e2f93e580e35ab7d6166f7a652628ca7374"
CREATED_NS = 1795488497357029030
FULL = Image(
    id=ID,
    config_size_bytes=1049,
    config=ImageConfig(
        command=("sh",),
        entrypoint=("/bin/sh", "-c", "echo hi"),
        env=("A=b", "C=d"),
        exposed_ports=(
            ContainerPort(number=80),
            ContainerPort(number=90, transport=Transport.UDP),
        ),
        healthcheck=HealthcheckConfig(test=("CMD-SHELL", "true"), interval_ns=5 * 10**9),
        labels={"a": "b"},
        on_build=("RUN ls",),
        stop_signal="9",
        user="1:2",
        volumes=("/x",),
        working_dir="/w",
    ),
    platform=Platform(architecture="amd64"),
    created="2026-11-24T02:48:17.35702903Z",
    created_ns=CREATED_NS,
    comment="hello",
    docker_version="28.5.2+dfsg4",
    diff_ids=(DIFF,),
    size_bytes=1982263,
    tagged_ns=1795488497358732245,
)
PLAIN = Image(
    id=ID,
    config_size_bytes=1,
    config=ImageConfig(command=("sh",)),
    platform=Platform(architecture="amd64"),
    size_bytes=1939,
)


def inspected(image: Image, spoken: ApiVersion = NEWEST, *tags: str) -> dict[str, Any]:
    document = encode_image(image, tags=tags, digests=(), storage_driver="overlay2")
    return age_image(INSPECT, spoken, document)


def listed(image: Image, spoken: ApiVersion = NEWEST, *tags: str) -> dict[str, Any]:
    return age_image(
        LIST,
        spoken,
        encode_summary(image, tags=tags, digests=(), containers=0, shared_size_bytes=-1),
    )


def test_inspect() -> None:
    assert inspected(FULL, NEWEST, "wimg:a") == {
        "Id": ID,
        "RepoTags": ["wimg:a"],
        "RepoDigests": [],
        "Parent": "",
        "Comment": "hello",
        "Created": "2026-11-24T02:48:17.35702903Z",
        "DockerVersion": "28.5.2+dfsg4",
        "Author": "",
        "Architecture": "amd64",
        "Os": "linux",
        "Size": 1982263,
        "GraphDriver": {"Data": None, "Name": "overlay2"},
        "RootFS": {"Type": "layers", "Layers": [DIFF]},
        "Metadata": {"LastTagTime": "2026-11-24T02:48:17.358732245Z"},
        "Config": {
            "Cmd": ["sh"],
            "Entrypoint": ["/bin/sh", "-c", "echo hi"],
            "Env": ["A=b", "C=d"],
            "ExposedPorts": {"80/tcp": {}, "90/udp": {}},
            "Healthcheck": {"Interval": 5000000000, "Test": ["CMD-SHELL", "true"]},
            "Labels": {"a": "b"},
            "OnBuild": ["RUN ls"],
            "StopSignal": "9",
            "User": "1:2",
            "Volumes": {"/x": {}},
            "WorkingDir": "/w",
        },
    }


def test_inspect_shows_what_is_not_set_as_null() -> None:
    assert inspected(PLAIN)["Config"] == {
        "Cmd": ["sh"],
        "Entrypoint": None,
        "Env": None,
        "Labels": None,
        "OnBuild": None,
        "User": "",
        "Volumes": None,
        "WorkingDir": "",
    }


def test_older_clients_get_the_fields_of_a_container() -> None:
    assert inspected(PLAIN, ApiVersion(1, 49))["Config"] == {
        "AttachStderr": False,
        "AttachStdin": False,
        "AttachStdout": False,
        "Cmd": ["sh"],
        "Domainname": "",
        "Entrypoint": None,
        "Env": None,
        "Hostname": "",
        "Image": "",
        "Labels": None,
        "OnBuild": None,
        "OpenStdin": False,
        "StdinOnce": False,
        "Tty": False,
        "User": "",
        "Volumes": None,
        "WorkingDir": "",
    }
    assert "ContainerConfig" not in inspected(PLAIN, ApiVersion(1, 45))
    assert inspected(PLAIN, ApiVersion(1, 44))["ContainerConfig"]["Cmd"] is None
    assert "VirtualSize" not in inspected(PLAIN, ApiVersion(1, 44))
    assert inspected(PLAIN, ApiVersion(1, 43))["VirtualSize"] == 1939


def test_list() -> None:
    assert listed(FULL, NEWEST, "wimg:a") == {
        "Containers": 0,
        "Created": 1795488497,
        "Id": ID,
        "Labels": {"a": "b"},
        "ParentId": "",
        "RepoDigests": [],
        "RepoTags": ["wimg:a"],
        "SharedSize": -1,
        "Size": 1982263,
    }


def test_list_for_older_clients() -> None:
    assert listed(PLAIN, ApiVersion(1, 50))["Containers"] == -1
    assert listed(PLAIN, ApiVersion(1, 43))["VirtualSize"] == 1939
    assert listed(PLAIN, ApiVersion(1, 43))["RepoTags"] == []
    nameless = listed(PLAIN, ApiVersion(1, 42))
    assert (nameless["RepoTags"], nameless["RepoDigests"]) == (
        ["<none>:<none>"],
        ["<none>@<none>"],
    )
    named = listed(PLAIN, ApiVersion(1, 42), "x:y")
    assert (named["RepoTags"], named["RepoDigests"]) == (["x:y"], None)


def test_history() -> None:
    entry = HistoryEntry(created="2026-11-24T02:48:17.35702903Z", comment="hello")
    assert encode_history(entry, size_bytes=1982263, image_id=ID, tags=["wimg:a"]) == {
        "Comment": "hello",
        "Created": 1795488497,
        "CreatedBy": "",
        "Id": ID,
        "Size": 1982263,
        "Tags": ["wimg:a"],
    }
    below = encode_history(entry, size_bytes=0, image_id="", tags=())
    assert (below["Id"], below["Tags"]) == ("<missing>", None)


def test_what_a_removal_did() -> None:
    assert encode_removed(["a:1"], [ID]) == [{"Untagged": "a:1"}, {"Deleted": ID}]


def test_what_a_load_says() -> None:
    name = Reference.parse("foo:b")
    assert encode_loaded(ID, name) == {"stream": "Loaded image: foo:b\n"}
    assert encode_loaded(ID, None) == {"stream": f"Loaded image ID: {ID}\n"}
    assert encode_name_moved(name, ID) == {
        "stream": f"The image foo:b already exists, renaming the old one with ID {ID} to empty "
        "string\n"
    }


def test_create_is_an_import_or_a_pull() -> None:
    query = {"fromSrc": "-", "repo": "a", "tag": "b", "message": "m", "platform": "linux/arm64/v8"}
    asked = decode_create(query, {"changes": ["CMD x", "ENV a=b"]})
    assert (asked.source, asked.message, asked.changes) == ("-", "m", ("CMD x", "ENV a=b"))
    assert str(asked.reference) == "docker.io/library/a:b"
    assert str(asked.platform) == "linux/arm64/v8"
    pull = decode_create({"fromImage": "a", "tag": ID}, {})
    assert (pull.source, str(pull.reference)) == ("", f"docker.io/library/a@{ID}")
    for name in ("--help", "a b", "../x"):
        with pytest.raises(InvalidArgument, match="invalid reference format"):
            decode_create({"fromImage": name}, {})


def test_tag_refuses_what_is_no_name() -> None:
    assert decode_tag({}) is None
    assert str(decode_tag({"repo": "x:5", "tag": "y"})) == "docker.io/library/x:y"
    for query, words in (
        ({"repo": "UP"}, "must be lowercase"),
        ({"repo": "up", "tag": "-x"}, "^invalid tag format$"),
        ({"repo": f"x@{ID}"}, "^cannot import digest reference$"),
        ({"repo": "a" * 64}, "cannot specify 64-byte hexadecimal strings"),
    ):
        with pytest.raises(InvalidArgument, match=words):
            decode_tag(query)


def test_platforms_as_json() -> None:
    assert decode_platform("") is None
    assert str(decode_platform('{"os":"linux","architecture":"arm64"}')) == "linux/arm64"
    for text in ("linux", "[]", '{"os":"linux"}', '{"os":1,"architecture":"x"}'):
        with pytest.raises(InvalidArgument, match=r"^failed to parse platform: "):
            decode_platform(text)


def test_names_to_save() -> None:
    assert decode_names({"names": ["a,b", "c"]}) == ("a", "b", "c")
