"""Published ports, and the networks that every engine has: bridge, none, host, container:ID."""

import json
import re
import socket
import urllib.request

import pytest

from tests.support.docker import IMAGE, Docker, eventually
from tests.support.engine import Engine
from tests.support.host import in_network_of

pytestmark = pytest.mark.needs("docker")

SERVER = "mkdir /www && echo hello >/www/index.html && exec httpd -f -p 80 -h /www"


def fetch(engine: Engine, address: str, port: int) -> str | None:
    """The page that answers at an address of the engine's host; None when nobody does."""
    try:
        with engine.host.connect(address, port, timeout_s=3) as connection:
            connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b""
            while part := connection.recv(65536):
                answer += part
    except OSError:
        return None
    return answer.decode().partition("\r\n\r\n")[2].strip() or None


def serve(docker: Docker, *options: str) -> str:
    name = docker.start(*options, IMAGE, "sh", "-c", SERVER)
    assert eventually(lambda: docker("exec", name, "wget", "-qO-", "127.0.0.1").code == 0)
    return name


def port_of(docker: Docker, name: str, inside: str = "80/tcp") -> int:
    return int(docker.ok("port", name, inside).splitlines()[0].rpartition(":")[2])


def test_a_published_port_answers_everywhere(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "-p", "38080:80")
    assert eventually(lambda: fetch(engine, "127.0.0.1", 38080) == "hello")
    assert fetch(engine, "::1", 38080) == "hello"
    assert fetch(engine, engine.host.address, 38080) == "hello"
    gateway = docker.inspect(name, "{{.NetworkSettings.Networks.bridge.Gateway}}")
    assert fetch(engine, gateway, 38080) == "hello"
    inside = docker.inspect(name, "{{.NetworkSettings.Networks.bridge.IPAddress}}")
    assert fetch(engine, inside, 80) == "hello"


def test_other_containers_and_the_container_itself_reach_it(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "-p", "38081:80")
    inside = docker.inspect(name, "{{.NetworkSettings.Networks.bridge.IPAddress}}")
    url = f"http://{engine.host.address}:38081/"
    assert docker.run(IMAGE, "wget", "-qO-", f"http://{inside}/") == "hello"
    assert docker.run(IMAGE, "wget", "-qO-", url) == "hello"
    assert docker.ok("exec", name, "wget", "-qO-", url) == "hello"


def test_a_port_on_loopback_answers_only_there(docker: Docker, engine: Engine) -> None:
    serve(docker, "-p", "127.0.0.1:38082:80")
    assert fetch(engine, "127.0.0.1", 38082) == "hello"
    assert fetch(engine, engine.host.address, 38082) is None


def test_a_port_is_chosen_when_none_is_given(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "-p", "80", "-p", "127.0.0.1::81")
    port = port_of(docker, name)
    assert port > 1024
    assert fetch(engine, "127.0.0.1", port) == "hello"
    assert re.fullmatch(r"127\.0\.0\.1:\d+", docker.ok("port", name, "81/tcp"))


def test_publish_all_takes_the_exposed_ones(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "--expose", "80", "-P")
    assert fetch(engine, "127.0.0.1", port_of(docker, name)) == "hello"


def test_an_exposed_port_is_shown_but_not_published(docker: Docker) -> None:
    name = docker.start("--expose", "80", IMAGE, "sleep", "60")
    assert json.loads(docker.inspect(name, "{{json .NetworkSettings.Ports}}")) == {"80/tcp": None}
    assert docker.ok("ps", "--filter", f"name={name}", "--format", "{{.Ports}}") == "80/tcp"


def test_ranges(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "-p", "38090-38092:80-82")
    shown = docker.ok("port", name).splitlines()
    assert {"80/tcp -> 0.0.0.0:38090", "82/tcp -> 0.0.0.0:38092"} <= set(shown)
    assert fetch(engine, "127.0.0.1", 38090) == "hello"


def test_a_range_for_one_port_takes_the_first_free(docker: Docker) -> None:
    one = docker.start("-p", "38094-38095:80", IMAGE, "sleep", "60")
    two = docker.start("-p", "38094-38095:80", IMAGE, "sleep", "60")
    assert {port_of(docker, one), port_of(docker, two)} == {38094, 38095}


def test_udp(docker: Docker, engine: Engine) -> None:
    name = docker.start("-p", "38083:53/udp", IMAGE, "sleep", "60")
    pid = int(docker.inspect(name, "{{.State.Pid}}"))
    with (
        in_network_of(pid, lambda: socket.socket(type=socket.SOCK_DGRAM)) as server,
        engine.host.open_socket(socket.AF_INET, socket.SOCK_DGRAM) as asker,
    ):
        server.bind(("0.0.0.0", 53))
        for one in (server, asker):
            one.settimeout(10)
        asker.connect(("127.0.0.1", 38083))
        asker.send(b"ping")
        question, source = server.recvfrom(100)
        server.sendto(question + b" pong", source)
        assert asker.recv(100) == b"ping pong"


def test_inspect_and_ps_show_published_ports(docker: Docker) -> None:
    name = docker.start("-p", "38084:80", IMAGE, "sleep", "60")
    ports = json.loads(docker.inspect(name, "{{json .NetworkSettings.Ports}}"))
    assert ports["80/tcp"][0] == {"HostIp": "0.0.0.0", "HostPort": "38084"}
    assert {"HostIp": "::", "HostPort": "38084"} in ports["80/tcp"]
    shown = docker.ok("ps", "--filter", f"name={name}", "--format", "{{.Ports}}")
    assert shown.startswith("0.0.0.0:38084->80/tcp")
    bindings = json.loads(docker.inspect(name, "{{json .HostConfig.PortBindings}}"))
    assert bindings == {"80/tcp": [{"HostIp": "", "HostPort": "38084"}]}


def test_a_taken_port_is_refused_and_nothing_runs(docker: Docker) -> None:
    docker.start("-p", "38085:80", IMAGE, "sleep", "60")
    name = docker.name()
    error = docker.fails("run", "-d", "--name", name, "-p", "38085:80", IMAGE, "true", code=125)
    assert "Bind for 0.0.0.0:38085 failed: port is already allocated" in error
    assert docker.inspect(name, "{{.State.Status}}") == "created"


def test_a_port_that_another_program_has_is_refused(docker: Docker, engine: Engine) -> None:
    with engine.host.open_socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("0.0.0.0", 38086))
        taken.listen()
        name = docker.name()
        error = docker.fails("run", "-d", "--name", name, "-p", "38086:80", IMAGE, "true", code=125)
        assert "address already in use" in error or "port is already allocated" in error


def test_a_port_is_free_again_after_stop(docker: Docker, engine: Engine) -> None:
    name = serve(docker, "-p", "38087:80")
    docker.ok("stop", "-t", "0", name)
    assert fetch(engine, "127.0.0.1", 38087) is None
    serve(docker, "-p", "38087:80")
    assert fetch(engine, "127.0.0.1", 38087) == "hello"


def test_a_restarted_container_answers_again(docker: Docker, engine: Engine) -> None:
    name = docker.start("-p", "38088:80", IMAGE, "sh", "-c", SERVER.replace("mkdir", "mkdir -p"))
    assert eventually(lambda: fetch(engine, "127.0.0.1", 38088) == "hello")
    docker.ok("restart", "-t", "0", name)
    assert eventually(lambda: fetch(engine, "127.0.0.1", 38088) == "hello")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("70000:80", "invalid"),
        ("80:70000", "invalid"),
        ("x:80", "invalid"),
        ("1.2.3:80:80", "invalid"),
        ("80-90:80-81", "invalid"),
    ],
)
def test_a_bad_port_is_refused(docker: Docker, given: str, said: str) -> None:
    assert said in docker.fails("run", "--rm", "-p", given, IMAGE, "true", code=125).lower()


def test_network_none_has_loopback_only(docker: Docker) -> None:
    shown = docker.run("--network", "none", IMAGE, "ip", "-o", "addr")
    assert "127.0.0.1/8" in shown
    assert "eth0" not in shown


def test_network_host_is_the_hosts(docker: Docker, engine: Engine) -> None:
    shown = docker.run("--network", "host", IMAGE, "ip", "-o", "-4", "addr")
    assert engine.host.address in shown


def test_network_of_another_container(docker: Docker) -> None:
    name = serve(docker)
    assert docker.run("--network", f"container:{name}", IMAGE, "wget", "-qO-", "127.0.0.1") == (
        "hello"
    )
    hosts = docker.run("--network", f"container:{name}", IMAGE, "hostname")
    assert hosts == docker.ok("exec", name, "hostname")


def test_network_of_a_container_that_is_not_there(docker: Docker) -> None:
    error = docker.fails("run", "--rm", "--network", "container:nobody-here", IMAGE, "true")
    assert "No such container: nobody-here" in error


def test_the_default_bridge_gives_an_address_and_a_route(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    shown = json.loads(docker.inspect(name, "{{json .NetworkSettings.Networks.bridge}}"))
    inside = docker.ok("exec", name, "ip", "-o", "-4", "addr", "show", "dev", "eth0")
    assert f"{shown['IPAddress']}/{shown['IPPrefixLen']}" in inside
    assert f"default via {shown['Gateway']} dev eth0" in docker.ok("exec", name, "ip", "route")
    link = docker.ok("exec", name, "cat", "/sys/class/net/eth0/address")
    assert link == shown["MacAddress"]


def test_a_mac_address_of_ones_own(docker: Docker) -> None:
    shown = docker.run(
        "--mac-address", "02:42:0a:00:00:63", IMAGE, "cat", "/sys/class/net/eth0/address"
    )
    assert shown == "02:42:0a:00:00:63"


def test_containers_on_the_bridge_reach_each_other(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    address = docker.inspect(name, "{{.NetworkSettings.Networks.bridge.IPAddress}}")
    assert docker("run", "--rm", IMAGE, "ping", "-c1", "-W2", address).code == 0


def test_the_way_out_is_masked_by_the_hosts_address(docker: Docker, engine: Engine) -> None:
    if not engine.is_ours:
        pytest.skip("needs a neighbour of the engine's host")
    with engine.host.open_socket(socket.AF_INET, socket.SOCK_STREAM, neighbour=True) as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        server.settimeout(20)
        port = server.getsockname()[1]
        name = docker.start(IMAGE, "nc", "198.51.100.2", str(port))
        connection, (source, _port) = server.accept()
        connection.close()
    assert source == engine.host.address
    docker.ok("wait", name)


def test_a_neighbour_reaches_published_ports_but_not_those_on_loopback(
    docker: Docker, engine: Engine
) -> None:
    if not engine.is_ours:
        pytest.skip("needs a neighbour of the engine's host")
    serve(docker, "-p", "38100:80")
    serve(docker, "-p", "127.0.0.1:38101:80")

    def reached(port: int) -> bool:
        with engine.host.open_socket(socket.AF_INET, socket.SOCK_STREAM, neighbour=True) as asker:
            asker.settimeout(2)
            try:
                asker.connect((engine.host.address, port))
            except OSError:
                return False
            return True

    assert reached(38100)
    assert not reached(38101)


def test_hosts_hostname_and_resolv_conf_are_made(docker: Docker) -> None:
    name = docker.start(
        *("--add-host", "db:10.1.2.3", "--dns", "192.0.2.53", "--dns-search", "example.test"),
        *("--dns-option", "ndots:2", "--hostname", "web", IMAGE, "sleep", "60"),
    )
    hosts = docker.ok("exec", name, "cat", "/etc/hosts")
    address = docker.inspect(name, "{{.NetworkSettings.Networks.bridge.IPAddress}}")
    assert re.search(r"^127\.0\.0\.1\s+localhost$", hosts, re.MULTILINE)
    assert re.search(r"^10\.1\.2\.3\s+db$", hosts, re.MULTILINE)
    assert re.search(rf"^{re.escape(address)}\s+web$", hosts, re.MULTILINE)
    resolv = docker.ok("exec", name, "cat", "/etc/resolv.conf").splitlines()
    assert "nameserver 192.0.2.53" in resolv
    assert "search example.test" in resolv
    assert "options ndots:2" in resolv


def test_the_made_files_can_be_written_and_are_found_by_their_mount(docker: Docker) -> None:
    name = docker.start(IMAGE, "sleep", "60")
    identity = docker.inspect(name, "{{.Id}}")
    mountinfo = docker.ok("exec", name, "cat", "/proc/self/mountinfo")
    assert re.findall(r"/containers/([a-z0-9]{64})/hostname", mountinfo) == [identity]
    docker.ok("exec", name, "sh", "-c", "echo 10.9.9.9 more >>/etc/hosts")
    assert "10.9.9.9 more" in docker.ok("exec", name, "cat", "/etc/hosts")


def test_the_three_networks_are_there(docker: Docker) -> None:
    shown = docker.ok("network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}").splitlines()
    assert {"bridge bridge local", "host host local", "none null local"} <= set(shown)


def test_urllib_on_this_machine_can_read_a_page(docker: Docker, engine: Engine) -> None:
    if engine.is_ours:
        pytest.skip("the engine's host has a network of its own")
    serve(docker, "-p", "38110:80")
    with urllib.request.urlopen("http://127.0.0.1:38110/", timeout=5) as answer:
        assert answer.read() == b"hello\n"
