"""hosts, hostname and resolv.conf of a container."""

from wherry.drivers.network.files import (
    parse_resolv_conf,
    render_hostname,
    render_hosts,
    render_hosts_of_host,
    render_resolv_conf,
)

HOST = parse_resolv_conf(
    "# mine\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver fd00::53\n"
    "search old.test\nsearch corp.test lab.test\noptions edns0 trust-ad\n"
)


def settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_a_container_knows_itself_by_its_full_and_its_short_name() -> None:
    text = render_hosts(
        hostname="web", domain="example.test", addresses=["172.17.0.2"], extra=[("db", "10.0.0.9")]
    )
    assert text.startswith("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n")
    assert text.endswith("10.0.0.9\tdb\n172.17.0.2\tweb.example.test web\n")
    assert render_hosts(hostname="a.b", addresses=["10.0.0.1"]).endswith("10.0.0.1\ta.b a\n")


def test_in_the_hosts_network_the_hosts_names_hold() -> None:
    assert render_hosts_of_host("127.0.0.1 vm", [("db", "10.0.0.9")]) == (
        "127.0.0.1 vm\n10.0.0.9\tdb\n"
    )


def test_hostname_is_one_line() -> None:
    assert render_hostname("web") == "web\n"
    assert render_hostname("web", "example.test") == "web.example.test\n"


def test_on_the_default_network_servers_of_the_hosts_loopback_are_left_out() -> None:
    shown = render_resolv_conf(HOST, embedded=False)
    assert settings(shown.text) == [
        "nameserver 192.0.2.53",
        "search corp.test lab.test",
        "options edns0 trust-ad",
    ]
    assert "nameserver fd00::53" in render_resolv_conf(HOST, embedded=False, ipv6=True).text


def test_without_a_server_that_can_be_reached_public_ones_are_asked() -> None:
    only = parse_resolv_conf("nameserver 127.0.0.53\n")
    assert settings(render_resolv_conf(only, embedded=False).text) == [
        "nameserver 8.8.8.8",
        "nameserver 8.8.4.4",
    ]
    shown = render_resolv_conf(only, embedded=False, host_network=True)
    assert settings(shown.text) == ["nameserver 127.0.0.53"]


def test_on_other_networks_the_embedded_server_is_asked_and_knows_whom_to_ask() -> None:
    shown = render_resolv_conf(HOST, embedded=True)
    assert settings(shown.text) == [
        "nameserver 127.0.0.11",
        "search corp.test lab.test",
        "options edns0 trust-ad ndots:0",
    ]
    assert shown.upstream == ("127.0.0.53", "192.0.2.53", "fd00::53") and shown.upstream_is_hosts
    assert "# ExtServers: [host(127.0.0.53) host(192.0.2.53) host(fd00::53)]" in shown.text


def test_what_was_asked_for_takes_the_place_of_the_hosts() -> None:
    shown = render_resolv_conf(
        HOST, embedded=False, nameservers=["1.1.1.1"], search=["."], options=["ndots:2"]
    )
    assert settings(shown.text) == ["nameserver 1.1.1.1", "options ndots:2"]
    assert "# Overrides: [nameservers search options]\n# Option ndots from: override" in shown.text
    assert shown.upstream == ("1.1.1.1",) and not shown.upstream_is_hosts
