"""What ``-p`` and ``--expose`` mean, and how the docker command says no."""

import pytest

from wherry.model.errors import InvalidArgument
from wherry.model.ports import (
    ContainerPort,
    Transport,
    parse_container_port,
    parse_expose,
    parse_publish,
    plan_published,
)


def told(text: str) -> list[str]:
    return [
        f"{binding.host_ip or ''}|{binding.host_port}-{binding.host_port_end}|{binding.port}"
        for binding in parse_publish(text)
    ]


@pytest.mark.parametrize(
    ("text", "bindings"),
    [
        ("80", ["|0-0|80/tcp"]),
        (":80", ["|0-0|80/tcp"]),
        ("80/", ["|0-0|80/tcp"]),
        ("80/TCP", ["|0-0|80/tcp"]),
        ("8080:80", ["|8080-8080|80/tcp"]),
        ("080:80", ["|80-80|80/tcp"]),
        ("8080:80/udp", ["|8080-8080|80/udp"]),
        ("9:9/sctp", ["|9-9|9/sctp"]),
        ("0:80", ["|0-0|80/tcp"]),
        ("127.0.0.1::80", ["127.0.0.1|0-0|80/tcp"]),
        ("127.0.0.1:8080:80", ["127.0.0.1|8080-8080|80/tcp"]),
        ("[::1]:8080:80", ["::1|8080-8080|80/tcp"]),
        ("::1:8080:80", ["::1|8080-8080|80/tcp"]),
        ("8000-8010:80", ["|8000-8010|80/tcp"]),
        ("80-81", ["|0-0|80/tcp", "|0-0|81/tcp"]),
        ("8000-8001:80-81/udp", ["|8000-8000|80/udp", "|8001-8001|81/udp"]),
    ],
)
def test_every_form_of_publishing_is_understood(text: str, bindings: list[str]) -> None:
    assert told(text) == bindings


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no port specified: <empty>"),
        ("8080:", "no port specified: 8080:<empty>"),
        ("/tcp", "no port specified: /tcp<empty>"),
        ("abc", "invalid containerPort: abc"),
        ("70000", "invalid containerPort: 70000"),
        ("80-70", "invalid containerPort: 80-70"),
        (" 80", "invalid containerPort:  80"),
        ("+80", "invalid containerPort: +80"),
        ("abc:80", "invalid hostPort: abc"),
        ("127.0.0.1:80", "invalid hostPort: 127.0.0.1"),
        ("-1:80", "invalid hostPort: -1"),
        ("65536:80", "invalid hostPort: 65536"),
        ("8000-7000:80", "invalid hostPort: 8000-7000"),
        ("80/foo", "invalid proto: foo"),
        ("localhost:80:80", "invalid IP address: localhost"),
        ("1.2.3:80:80", "invalid IP address: 1.2.3"),
        ("[zz]:1:2", "invalid IP address: zz"),
        ("[::1]:80", "invalid IP address [:: address [::: missing ']' in address"),
        (
            "8000-8010:80-85",
            "invalid ranges specified for container and host Ports: 80-85 and 8000-8010",
        ),
    ],
)
def test_a_mistake_is_named_in_the_words_of_the_docker_command(text: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_publish(text)
    assert str(caught.value) == complaint


def test_exposed_ports_may_be_ranges() -> None:
    assert [str(port) for port in parse_expose("80-82/udp")] == ["80/udp", "81/udp", "82/udp"]
    assert parse_container_port("53/udp") == ContainerPort(number=53, transport=Transport.UDP)
    with pytest.raises(InvalidArgument):
        parse_container_port("1-2")


def test_a_binding_without_an_address_is_wanted_on_both_families_side_by_side() -> None:
    wanted = plan_published([*parse_publish("8080:80"), *parse_publish("127.0.0.1::81")])
    assert [(str(one.host_ip), one.host_port, str(one.port)) for one in wanted] == [
        ("0.0.0.0", 8080, "80/tcp"),
        ("::", 8080, "80/tcp"),
        ("127.0.0.1", 0, "81/tcp"),
    ]
