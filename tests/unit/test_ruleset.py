"""The rules as text: what is in the table, and what comes and goes with a network or a port."""

from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from wherry.drivers.network.ruleset import (
    Element,
    Segment,
    forward_elements,
    plan_forwards,
    plan_segment,
    render_changes,
    render_table,
    segment_elements,
)
from wherry.model.network import Endpoint, Network, Pool
from wherry.model.ports import parse_publish, plan_published

WEB = Segment(bridge="wh-web", subnets=(IPv4Network("172.18.0.0/22"), IPv6Network("fd00::/64")))
ENDPOINT = Endpoint(id="e", network_id="n", container_id="c", ipv4=IPv4Address("172.18.0.2"))


def network(**options: str) -> Network:
    return Network(
        id="n" * 64,
        name="web",
        driver="bridge",
        created=datetime.now(UTC),
        pools=(Pool(subnet=IPv4Network("172.18.0.0/22")),),
        options={f"com.docker.network.bridge.{key}": value for key, value in options.items()},
        bridge="wh-web",
    )


def test_a_network_is_in_the_sets_that_its_options_ask_for() -> None:
    def sets(**options: str) -> set[str]:
        segment = plan_segment(network(**options))
        assert segment is not None
        return {element.of for element in segment_elements(segment)}

    assert sets() == {"bridges", "same", "inside4"}
    assert sets(enable_icc="false") == {"bridges", "inside4"}
    assert sets(enable_ip_masquerade="false") == {"bridges", "same"}


def test_an_internal_network_is_never_masqueraded() -> None:
    inside = Segment(bridge="b", subnets=WEB.subnets, internal=True)
    assert {element.of for element in segment_elements(inside)} == {"bridges", "same", "internal"}


def test_a_network_without_a_bridge_has_no_rules() -> None:
    host = Network(id="h", name="host", driver="host", created=datetime.now(UTC))
    assert plan_segment(host) is None


def test_a_port_is_one_element_and_its_container_may_meet_itself() -> None:
    ports = plan_published(parse_publish("8080:80"))
    assert forward_elements(plan_forwards(ENDPOINT, ports)) == {
        Element("open4", "tcp . 8080 : 172.18.0.2 . 80"),
        Element("self4", "172.18.0.2 . 172.18.0.2"),
    }


def test_a_port_of_one_address_is_bound_to_it() -> None:
    ports = plan_published(parse_publish("127.0.0.1:53:5353/udp"))
    assert Element("bound4", "127.0.0.1 . udp . 53 : 172.18.0.2 . 5353") in forward_elements(
        plan_forwards(ENDPOINT, ports)
    )


def test_ipv6_is_forwarded_where_the_container_has_it() -> None:
    both = Endpoint(
        id="e",
        network_id="n",
        container_id="c",
        ipv4=IPv4Address("172.18.0.2"),
        ipv6=IPv6Address("fd00::2"),
    )
    forwards = plan_forwards(both, plan_published(parse_publish("8080:80")))
    assert {element.of for element in forward_elements(forwards)} == {
        "open4", "open6", "self4", "self6",
    }  # fmt: skip


def test_the_whole_table_replaces_the_old_one_in_one_text() -> None:
    forwards = plan_forwards(ENDPOINT, plan_published(parse_publish("8080:80")))
    text = render_table("mine", [WEB], forwards)
    assert text.startswith("add table inet mine\ndelete table inet mine\ntable inet mine {\n")
    assert "elements = { tcp . 8080 : 172.18.0.2 . 80 }" in text
    assert "elements = { 172.18.0.0/22 }" in text and "elements = { fd00::/64 }" in text
    assert text.count("{") == text.count("}")
    assert render_table("mine", [WEB], forwards) == text


def test_changes_name_only_what_changes_and_take_before_they_give() -> None:
    text = render_changes(
        "mine",
        added=[
            Element("open4", "tcp . 2 : 10.0.0.2 . 2"),
            Element("open4", "tcp . 1 : 10.0.0.2 . 1"),
        ],
        removed=[Element("bridges", '"b"')],
    )
    assert text == (
        'delete element inet mine bridges { "b" }\n'
        "add element inet mine open4 { tcp . 1 : 10.0.0.2 . 1, tcp . 2 : 10.0.0.2 . 2 }\n"
    )
    assert render_changes("mine") == ""
