"""Requests that no stock client sends: each gets Docker's status and words, and changes nothing.

The statuses and texts are those of Docker Engine 28.5. Where it answers 500 for what is plainly
the client's mistake, 400 is as good.
"""

import json
import socket
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from tests.support import http
from tests.support.docker import IMAGE, Docker, eventually
from tests.support.engine import Engine, busybox_tar

MISTAKE = (400, 500)
CREATE = "/v1.51/containers/create"
NOBODY = "/v1.51/containers/nobody-here"
SWARM = "This node is not a swarm manager."


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    method: str
    target: str
    status: int | tuple[int, ...]
    says: str
    body: bytes | dict[str, object] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        return f"{self.method} {self.target[:60]} {body[:60].decode(errors='replace')}"


JSON = {"Content-Type": "application/json"}
TAR = {"Content-Type": "application/x-tar"}


def get(target: str, status: int | tuple[int, ...], says: str) -> Case:
    return Case(method="GET", target=target, status=status, says=says)


def filtered(target: str, filters: object, says: str) -> Case:
    text = filters if isinstance(filters, str) else json.dumps(filters)
    return get(f"{target}?filters={quote(text)}", 400, says)


def post(target: str, status: int | tuple[int, ...], says: str, body: bytes | None = None) -> Case:
    return Case(
        method="POST", target=target, status=status, says=says, body=body,
        headers=JSON if body is not None else {},
    )  # fmt: skip


def delete(target: str, status: int, says: str) -> Case:
    return Case(method="DELETE", target=target, status=status, says=says)


def create(says: str, *, status: int | tuple[int, ...] = 400, **fields: object) -> Case:
    body = {"Image": IMAGE, "Cmd": ["true"], **fields}
    return Case(method="POST", target=CREATE, status=status, says=says, body=body)


def create_on_host(says: str, *, status: int | tuple[int, ...] = 400, **fields: object) -> Case:
    return create(says, status=status, HostConfig=fields)


def imported(query: str, status: int | tuple[int, ...], says: str) -> Case:
    target = f"/v1.51/images/create?fromSrc=-&{query}"
    return Case(
        method="POST", target=target, status=status, says=says, body=b"x" * 4096, headers=TAR
    )


CASES = [
    # JSON
    post(CREATE, 400, "invalid JSON: ", b"{bad"),
    post(CREATE, 400, "invalid JSON: got EOF while reading request body", b""),
    post(CREATE, 400, "invalid JSON: got EOF while reading request body"),
    post(CREATE, 400, "config cannot be empty in order to create a container", b"{}"),
    post(CREATE, 400, "config cannot be empty in order to create a container", b"null"),
    post(CREATE, 400, "invalid JSON: ", b"[]"),
    post(CREATE, 400, "invalid JSON: ", b'{"Image": 5}'),
    post(CREATE, 400, "invalid JSON: ", b'{"Image": "x", "HostConfig": {"Memory": "much"}}'),
    post(CREATE, 400, "unexpected content after JSON", b'{"Image": "x"} trailing'),
    post(CREATE, 400, "invalid JSON: ", b'{"Image": "x", "Env": {"a": 1}}'),
    Case(
        method="POST", target=CREATE, status=400, body=b'{"Image": "x"}',
        headers={"Content-Type": "text/plain"},
        says="unsupported Content-Type header (text/plain): must be 'application/json'",
    ),
    Case(
        method="POST", target=CREATE, status=400, body=b'{"Image": "x"}',
        says="malformed Content-Type header (): mime: no media type",
    ),
    # container create
    post(f"{CREATE}?name=bad%20name", 400,
         "Invalid container name (bad name), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
         json.dumps({"Image": IMAGE}).encode()),
    post(CREATE, 404, "No such image: nobody-here:latest", b'{"Image": "nobody-here"}'),
    post(CREATE, 400, "invalid reference format", b'{"Image": "Bad Ref"}'),
    create("invalid signal: NOPE", StopSignal="NOPE"),
    create("the working directory 'relative' is invalid, it needs to be an absolute path",
           WorkingDir="relative"),
    create_on_host("Minimum memory limit allowed is 6MB", Memory=1),
    create_on_host("range of CPUs is from 0.01 to", NanoCpus=-1),
    create_on_host("SHM size can not be less than 0", ShmSize=-1),
    create_on_host("Invalid value 5000, range for oom score adj is [-1000, 1000]",
                   OomScoreAdj=5000),
    create_on_host("unknown or invalid runtime name: nope", Runtime="nope"),
    create_on_host("invalid IPC mode: nope", IpcMode="nope"),
    create_on_host('invalid port specification: "x"', PortBindings={"x": []}),
    create_on_host('invalid port specification: "99999"',
                   PortBindings={"80/tcp": [{"HostPort": "99999"}]}),
    create_on_host("invalid restart policy: unknown policy 'nope'; use one of 'no', 'always', "
                   "'on-failure', or 'unless-stopped'", RestartPolicy={"Name": "nope"}),
    create_on_host("maximum retry count can only be used with 'on-failure'",
                   RestartPolicy={"Name": "always", "MaximumRetryCount": 3}),
    create_on_host("can't create 'AutoRemove' container with restart policy",
                   AutoRemove=True, RestartPolicy={"Name": "always"}),
    create_on_host('invalid mount config for type "nope": mount type unknown',
                   Mounts=[{"Type": "nope", "Target": "/x"}]),
    create_on_host("invalid mount path: 'relative' mount path must be absolute",
                   Mounts=[{"Type": "bind", "Source": "relative", "Target": "/x"}]),
    create_on_host('invalid mount config for type "bind": bind source path does not exist: '
                   "/nobody-here", Mounts=[{"Type": "bind", "Source": "/nobody-here",
                                            "Target": "/x"}]),
    create_on_host("destination can't be '/'", status=MISTAKE, Binds=["/a:/"]),
    create_on_host("invalid mode: nope", status=MISTAKE, Binds=["/a:/b:nope"]),
    create_on_host("invalid volume specification: 'a:b:c:d'", status=MISTAKE, Binds=["a:b:c:d"]),
    # lists
    filtered("/v1.51/containers/json", "{bad", "invalid filter"),
    filtered("/v1.51/containers/json", [], "invalid filter"),
    filtered("/v1.51/containers/json", {"nope": ["x"]}, "invalid filter 'nope'"),
    filtered("/v1.51/containers/json", {"status": ["nope"]}, "invalid filter 'status=nope'"),
    filtered("/v1.51/containers/json", {"exited": ["x"]}, "invalid filter 'exited=x'"),
    filtered("/v1.51/images/json", {"nope": ["x"]}, "invalid filter 'nope'"),
    filtered("/v1.51/images/json", {"dangling": ["x"]}, "invalid filter 'dangling=[x]'"),
    filtered("/v1.51/networks", {"nope": ["x"]}, "invalid filter 'nope'"),
    filtered("/v1.51/volumes", {"nope": ["x"]}, "invalid filter 'nope'"),
    get("/v1.51/containers/json?filters=%7B%22since%22%3A%5B%22nobody-here%22%5D%7D", 404,
        "No such container: nobody-here"),
    get("/v1.51/containers/json?limit=x", MISTAKE, 'parsing "x": invalid syntax'),
    get("/v1.51/events?since=x", MISTAKE, 'parsing "x": invalid syntax'),
    # paths and versions
    get("/v1.51/nope", 404, "page not found"),
    get("/nope", 404, "page not found"),
    get("/vx/info", 404, "page not found"),
    Case(method="PUT", target="/v1.51/containers/json", status=404, says="page not found"),
    delete("/v1.51/_ping", 404, "page not found"),
    get("/v1.99/info", 400,
        "client version 1.99 is too new. Maximum supported API version is 1.51"),
    get("/v1.23/info", 400, "client version 1.23 is too old. Minimum supported API version is "
        "1.24, please upgrade your client to a newer version"),
    # what is not there
    get(f"{NOBODY}/json", 404, "No such container: nobody-here"),
    get(f"{NOBODY}/logs?stdout=1", 404, "No such container: nobody-here"),
    post(f"{NOBODY}/start", 404, "No such container: nobody-here"),
    post(f"{NOBODY}/attach?stream=1&stdout=1", 404, "No such container: nobody-here"),
    post(f"{NOBODY}/wait", 404, "No such container: nobody-here"),
    post(f"{NOBODY}/resize?h=1&w=1", 404, "No such container: nobody-here"),
    post(f"{NOBODY}/exec", 404, "No such container: nobody-here", b'{"Cmd": ["x"]}'),
    post("/v1.51/exec/nobody-here/start", 404, "No such exec instance: nobody-here",
         b'{"Detach": true}'),
    get("/v1.51/exec/nobody-here/json", 404, "No such exec instance: nobody-here"),
    post("/v1.51/exec/nobody-here/resize?h=1&w=1", 404, "No such exec instance: nobody-here"),
    delete(NOBODY, 404, "No such container: nobody-here"),
    get("/v1.51/images/nobody-here/json", 404, "No such image: nobody-here:latest"),
    get("/v1.51/images/nobody-here/history", 404, "No such image: nobody-here:latest"),
    delete("/v1.51/images/nobody-here", 404, "No such image: nobody-here:latest"),
    post("/v1.51/images/nobody-here/tag?repo=a", 404, "No such image: nobody-here:latest"),
    get("/v1.51/images/nobody-here/get", 404, "No such image: nobody-here"),
    get("/v1.51/images/get?names=nobody-here", 404, "No such image: nobody-here"),
    get("/v1.51/networks/nobody-here", 404, "network nobody-here not found"),
    delete("/v1.51/networks/nobody-here", 404, "network nobody-here not found"),
    delete("/v1.51/networks/bridge", 403,
           "bridge is a pre-defined network and cannot be removed"),
    get("/v1.51/volumes/nobody-here", 404, "get nobody-here: no such volume"),
    delete("/v1.51/volumes/nobody-here", 404, "get nobody-here: no such volume"),
    # images and volumes
    post("/v1.51/volumes/create", 400,
         '"bad name" includes invalid characters for a local volume name',
         b'{"Name": "bad name"}'),
    post(f"/v1.51/images/{IMAGE}/tag?repo=Bad", 400, "must be lowercase"),
    post(f"/v1.51/images/{IMAGE}/tag?repo=a&tag=b%20c", 400, "invalid tag format"),
    imported("repo=Bad%20Name", 400, "invalid reference format"),
    imported("repo=compat/ok&changes=NOPE%20x", 400, "NOPE is not a valid change command"),
    imported("repo=compat/ok", MISTAKE, "archive/tar: invalid tar header"),
    Case(method="POST", target="/v1.51/images/load", status=(200, 400), body=b"x" * 4096,
         headers=TAR, says="archive/tar: invalid tar header"),
    # no swarm
    get("/v1.51/swarm", 503, SWARM),
    get("/v1.51/services", 503, SWARM),
    get("/v1.51/nodes", 503, SWARM),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_bad_request_gets_dockers_answer(engine: Engine, case: Case) -> None:
    answer = engine.request(case.method, case.target, body=case.body, headers=case.headers)
    allowed = (case.status,) if isinstance(case.status, int) else case.status
    text = answer.body.decode()
    assert answer.status in allowed, text
    plain = text.replace('\\"', '"')
    assert case.says in plain


@pytest.mark.parametrize(
    ("target", "status", "says"),
    [
        ("/start", 304, ""),
        ("/kill?signal=NOPE", 400, "invalid signal: NOPE"),
        ("/kill?signal=99", 400, "daemon does not support signal 99"),
        ("/stop?t=x", MISTAKE, 'parsing "x": invalid syntax'),
        ("/stop?signal=NOPE", MISTAKE, "invalid signal: NOPE"),
        ("/resize?h=x&w=1", 400, 'invalid resize height "x": invalid syntax'),
        ("/resize", 400, "invalid resize height"),
        ("/wait?condition=nope", 400, 'invalid condition: "nope"'),
        ("/attach?stream=1&stdout=1&detachKeys=nope-x", 400, "Invalid detach keys (nope-x)"),
        ("/rename?name=bad%20name", 400, "Invalid container name (/bad name), only"),
        ("/rename", 400, "Neither old nor new names may be empty"),
        ("/exec", 400, "No exec command specified"),
    ],
)
@pytest.mark.needs("docker")
def test_a_bad_request_to_a_running_container(
    docker: Docker, engine: Engine, target: str, status: int | tuple[int, ...], says: str
) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    body: dict[str, object] | None = {} if target == "/exec" else None
    answer = engine.request("POST", f"/v1.51/containers/{name}{target}", body=body)
    assert answer.status in ((status,) if isinstance(status, int) else status), answer.body
    assert says in answer.body.decode().replace('\\"', '"')
    assert docker.inspect(name, "{{.State.Running}}") == "true"


@pytest.mark.needs("docker")
def test_logs_without_a_stream_are_refused(docker: Docker, engine: Engine) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    answer = engine.request("GET", f"/containers/{name}/logs")
    assert (answer.status, answer.message) == (
        400,
        "Bad parameters: you must choose at least one stream",
    )


@pytest.mark.needs("docker")
def test_start_with_a_body_is_refused(docker: Docker, engine: Engine) -> None:
    name = docker.name()
    docker.ok("create", "--name", name, IMAGE, "true")
    body: dict[str, object] = {"HostConfig": {}}
    answer = engine.request("POST", f"/v1.51/containers/{name}/start", body=body)
    assert answer.status == 400
    assert "starting container with non-empty request body was deprecated" in answer.message


def test_every_error_is_a_message_in_json(engine: Engine) -> None:
    answer = engine.request("GET", "/v1.51/containers/nobody-here/json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {"message": "No such container: nobody-here"}


def test_ping_has_the_headers_that_clients_negotiate_by(engine: Engine) -> None:
    for target in ("/_ping", "/v1.24/_ping", "/v1.51/_ping"):
        answer = engine.request("GET", target)
        assert (answer.status, answer.body) == (200, b"OK")
        assert answer.headers["api-version"] == "1.51"
        assert answer.headers["ostype"] == "linux"
        assert answer.headers["docker-experimental"] == "false"
        assert answer.headers["swarm"] == "inactive"
        assert "no-cache" in answer.headers["cache-control"]
    assert engine.request("HEAD", "/_ping").status == 200


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: a\r\nContent-Length: nope\r\n\r\n",
        b"\x00\x01\x02\x03\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused(engine: Engine, raw: bytes) -> None:
    assert http.send(engine.socket_path, raw).status == 400
    assert engine.request("GET", "/_ping").status == 200


def test_chunks_that_are_none_are_refused(engine: Engine) -> None:
    head = b"POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    raw = head + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    assert http.send(engine.socket_path, raw, method="POST").status == 400


def test_a_very_long_path_or_header_does_no_harm(engine: Engine) -> None:
    path = b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert http.send(engine.socket_path, path).status in (400, 404, 414, 431)
    header = b"GET /_ping HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 2_000_000 + b"\r\n\r\n"
    try:
        assert http.send(engine.socket_path, header).status in (400, 431)
    except ConnectionError:
        pass
    assert engine.request("GET", "/_ping").status == 200


def test_an_oversize_body_is_refused_by_wherry(engine: Engine) -> None:
    if not engine.is_ours:
        pytest.skip("Docker takes what it is given")
    body = b'{"Image": "x", "Env": ["A=' + b"x" * (64 << 20) + b'"]}'
    answer = engine.request("POST", CREATE, body=body, headers=JSON)
    assert answer.status in (400, 413)
    assert engine.request("GET", "/_ping").status == 200


@pytest.mark.needs("docker")
def test_a_client_may_hang_up_at_any_moment(docker: Docker, engine: Engine) -> None:
    name = docker.start(IMAGE, "sh", "-c", "while :; do echo x; sleep 0.01; done")
    request = http.encode_request(
        "POST",
        f"/v1.51/containers/{name}/attach?stream=1&stdin=1&stdout=1&stderr=1",
        headers={"Upgrade": "tcp", "Connection": "Upgrade"},
    )
    logs = http.encode_request("GET", f"/v1.51/containers/{name}/logs?stdout=1&follow=1")
    wait = http.encode_request("POST", f"/v1.51/containers/{name}/wait")
    events = http.encode_request("GET", "/v1.51/events")
    create = http.encode_request("POST", CREATE, body=b'{"Image": "x"}', headers=JSON)
    load = http.encode_request(
        "POST", "/v1.51/images/load", headers={"Content-Length": "999999", **TAR}
    )
    for raw in (request, logs, wait, events, create, load + b"x" * 5000):
        for cut in (1, len(raw) // 2, len(raw)):
            with http.connect(engine.socket_path) as connection:
                connection.sendall(raw[:cut])
                if cut == len(raw) and raw in (request, logs):
                    assert connection.recv(10) == b"HTTP/1.1 1" if raw is request else b"HTTP/1.1 2"
                connection.shutdown(socket.SHUT_RDWR)
    assert docker.inspect(name, "{{.State.Running}}") == "true"
    assert engine.request("GET", "/_ping").status == 200


@pytest.mark.needs("docker")
def test_a_client_that_hangs_up_while_it_creates_leaves_all_or_nothing(
    docker: Docker, engine: Engine
) -> None:
    names = [docker.name() for _ in range(10)]
    for name in names:
        raw = http.encode_request(
            "POST", f"{CREATE}?name={name}", body=json.dumps({"Image": IMAGE}).encode(),
            headers=JSON,
        )  # fmt: skip
        with http.connect(engine.socket_path) as connection:
            connection.sendall(raw)

    seen: list[list[int]] = []

    def settled() -> bool:
        seen.append([engine.request("GET", f"/containers/{name}/json").status for name in names])
        return len(seen) > 1 and seen[-1] == seen[-2]

    assert eventually(settled, pause_s=0.7)
    assert set(seen[-1]) <= {200, 404}


@pytest.mark.needs("docker")
def test_an_image_that_is_imported_by_half_is_not_there(docker: Docker, engine: Engine) -> None:
    raw = http.encode_request(
        "POST",
        "/v1.51/images/create?fromSrc=-&repo=compat/half",
        headers={"Content-Length": "10000000", **TAR},
    )
    with http.connect(engine.socket_path) as connection:
        connection.sendall(raw + busybox_tar()[:500_000])
    assert engine.request("GET", "/images/compat/half/json").status == 404
