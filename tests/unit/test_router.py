"""Which handler answers which path."""

import pytest

from wherry.http.messages import Call, Reply
from wherry.http.router import Match, Miss, Router


async def handler(call: Call) -> Reply:
    return Reply()


ROUTER = Router(
    dict.fromkeys(
        (
            "GET /_ping",
            "GET /containers/json",
            "GET /containers/{id}/json",
            "POST /containers/{id}/stop",
            "HEAD /containers/{id}/archive",
            "GET /containers/{id}/archive",
            "DELETE /containers/{id}",
            "GET /images/json",
            "GET /images/get",
            "GET /images/{name:path}/json",
            "GET /images/{name:path}/get",
            "DELETE /images/{name:path}",
            "POST /images/{name:path}/push",
        ),
        handler,
    )
)


def find(method: str, path: str) -> tuple[str, dict[str, str], str | None] | None:
    found = ROUTER.find(method, path)
    return (found.route, dict(found.path), found.version) if isinstance(found, Match) else None


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/_ping", ("GET /_ping", {}, None)),
        ("GET", "/v1.41/_ping", ("GET /_ping", {}, "1.41")),
        ("GET", "/v9/_ping", ("GET /_ping", {}, "9")),
        ("GET", "/containers/json", ("GET /containers/json", {}, None)),
        ("GET", "/containers/a/json", ("GET /containers/{id}/json", {"id": "a"}, None)),
        ("GET", "/containers/a%2Fb/json", ("GET /containers/{id}/json", {"id": "a/b"}, None)),
        ("HEAD", "/containers/a/archive", ("HEAD /containers/{id}/archive", {"id": "a"}, None)),
        ("HEAD", "/containers/a/json", ("GET /containers/{id}/json", {"id": "a"}, None)),
        ("GET", "/images/json", ("GET /images/json", {}, None)),
        ("GET", "/images/a/b:c/json", ("GET /images/{name:path}/json", {"name": "a/b:c"}, None)),
        ("GET", "/images/json/json", ("GET /images/{name:path}/json", {"name": "json"}, None)),
        (
            "DELETE",
            "/v1.51/images/r:5/a",
            ("DELETE /images/{name:path}", {"name": "r:5/a"}, "1.51"),
        ),
    ],
)
def test_a_path_finds_its_route(
    method: str, path: str, expected: tuple[str, dict[str, str], str | None]
) -> None:
    assert find(method, path) == expected


@pytest.mark.parametrize(
    "path", ["", "/", "*", "/_ping/", "/containers//json", "/v1.41", "/v1.41/", "/vx/_ping"]
)
def test_other_paths_find_nothing(path: str) -> None:
    assert ROUTER.find("GET", path) == Miss([], "1.41" if path == "/v1.41/" else None)


def test_a_wrong_method_tells_the_right_ones() -> None:
    assert ROUTER.find("PUT", "/v1.30/containers/a/archive") == Miss(["GET", "HEAD"], "1.30")


def test_two_handlers_for_one_route_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="two handlers"):
        Router({"GET /a": handler}, {"GET /a": handler})
