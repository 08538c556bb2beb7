"""Containers in Docker's documents: ``POST /containers/create``, the list, ``inspect``.

`inspect` is made from records, never stored. Values of the newest API version; what older clients
see differently is in ``versions.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wherry.model.container import (
    DEFAULT_SHM_SIZE_BYTES,
    Container,
    ContainerSpec,
    EndpointRequest,
    LogSpec,
    NamespaceSpec,
    NetworkSpec,
    ProgramSpec,
    SecuritySpec,
)
from wherry.model.errors import InvalidArgument
from wherry.model.image import HealthcheckConfig
from wherry.model.lifecycle import Status
from wherry.model.network import Endpoint, Network
from wherry.model.restart import check_policy
from wherry.model.timestamps import format_rfc3339_ns
from wherry.model.units import ZERO_TIME, format_duration
from wherry.wire.documents import Json
from wherry.wire.exec import decode_console_size
from wherry.wire.fields import (
    flag,
    integer,
    items,
    items_by_name,
    mapping,
    optional_texts,
    text,
    text_mapping,
    texts,
)
from wherry.wire.mounts import decode_mount, encode_mount, encode_mount_point
from wherry.wire.ports import (
    decode_bindings,
    decode_exposed,
    encode_bindings,
    encode_port_list,
    encode_published,
)
from wherry.wire.resources import decode_resources, encode_resources

DEFAULT_MASKED = (
    "/proc/asound /proc/acpi /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats "
    "/proc/timer_list /proc/timer_stats /proc/sched_debug /proc/scsi /sys/firmware "
    "/sys/devices/virtual/powercap"
).split()
DEFAULT_READ_ONLY = "/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger".split()

_NULL_OR_EMPTY = (
    "Dns DnsOptions DnsSearch BlkioWeightDevice BlkioDeviceReadBps BlkioDeviceWriteBps "
    "BlkioDeviceReadIOps BlkioDeviceWriteIOps Devices Ulimits PortBindings"
).split()

# decoding -----------------------------------------------------------------------------------


def decode_create(body: Json) -> ContainerSpec:
    """The body of ``POST /containers/create``.

    Raises:
        InvalidArgument: a field of the wrong type, or a value that can never be right.
    """
    host = mapping(body, "HostConfig")
    if not text(body, "Image"):
        raise InvalidArgument("config cannot be empty in order to create a container")
    restart, log = mapping(host, "RestartPolicy"), mapping(host, "LogConfig")
    return ContainerSpec(
        image=text(body, "Image"),
        program=_decode_program(body),
        security=_decode_security(host),
        namespaces=NamespaceSpec(
            pid=text(host, "PidMode"),
            ipc=text(host, "IpcMode"),
            uts=text(host, "UTSMode"),
            cgroup=text(host, "CgroupnsMode"),
            user=text(host, "UsernsMode"),
        ),
        network=_decode_network(body, host),
        resources=decode_resources(host),
        log=LogSpec(driver=text(log, "Type"), options=text_mapping(log, "Config")),
        restart=check_policy(text(restart, "Name"), integer(restart, "MaximumRetryCount")),
        auto_remove=flag(host, "AutoRemove"),
        binds=texts(host, "Binds"),
        mounts=tuple(decode_mount(one) for one in items(host, "Mounts")),
        tmpfs=text_mapping(host, "Tmpfs"),
        volumes_from=texts(host, "VolumesFrom"),
        volume_driver=text(host, "VolumeDriver"),
        storage_options=text_mapping(host, "StorageOpt"),
        annotations=text_mapping(host, "Annotations"),
        cgroup_parent=text(host, "CgroupParent"),
        runtime=text(host, "Runtime"),
        init=None if host.get("Init") is None else flag(host, "Init"),
        isolation=text(host, "Isolation"),
        id_file=text(host, "ContainerIDFile"),
        console_size=decode_console_size(host),
        left_out=tuple(key for key in _NULL_OR_EMPTY if host.get(key) is None),
    )


def _decode_program(body: Json) -> ProgramSpec:
    timeout = body.get("StopTimeout")
    return ProgramSpec(
        entrypoint=optional_texts(body, "Entrypoint"),
        command=optional_texts(body, "Cmd"),
        env=texts(body, "Env"),
        working_dir=text(body, "WorkingDir"),
        user=text(body, "User"),
        hostname=text(body, "Hostname"),
        domainname=text(body, "Domainname"),
        terminal=flag(body, "Tty"),
        open_stdin=flag(body, "OpenStdin"),
        stdin_once=flag(body, "StdinOnce"),
        attach_stdin=flag(body, "AttachStdin"),
        attach_stdout=flag(body, "AttachStdout"),
        attach_stderr=flag(body, "AttachStderr"),
        labels=text_mapping(body, "Labels"),
        exposed_ports=decode_exposed(mapping(body, "ExposedPorts")),
        volumes=tuple(mapping(body, "Volumes")),
        stop_signal=text(body, "StopSignal"),
        stop_timeout_s=None if timeout is None else integer(body, "StopTimeout"),
        healthcheck=_decode_health(mapping(body, "Healthcheck")),
        shell=texts(body, "Shell"),
        on_build=texts(body, "OnBuild"),
        network_disabled=flag(body, "NetworkDisabled"),
    )


def _decode_health(value: Json) -> HealthcheckConfig | None:
    if not value:
        return None
    return HealthcheckConfig(
        test=texts(value, "Test"),
        interval_ns=integer(value, "Interval"),
        timeout_ns=integer(value, "Timeout"),
        start_period_ns=integer(value, "StartPeriod"),
        start_interval_ns=integer(value, "StartInterval"),
        retries=integer(value, "Retries"),
    )


def _decode_security(host: Json) -> SecuritySpec:
    return SecuritySpec(
        privileged=flag(host, "Privileged"),
        cap_add=texts(host, "CapAdd"),
        cap_drop=texts(host, "CapDrop"),
        security_options=texts(host, "SecurityOpt"),
        read_only_root=flag(host, "ReadonlyRootfs"),
        masked_paths=optional_texts(host, "MaskedPaths"),
        read_only_paths=optional_texts(host, "ReadonlyPaths"),
        sysctls=text_mapping(host, "Sysctls"),
        group_add=texts(host, "GroupAdd"),
    )


def _decode_network(body: Json, host: Json) -> NetworkSpec:
    mode = text(host, "NetworkMode") or "default"
    wanted = items_by_name(mapping(body, "NetworkingConfig"), "EndpointsConfig")
    mac = text(body, "MacAddress")
    endpoints = tuple(decode_endpoint(name, value, mac=mac) for name, value in wanted.items())
    mode = "bridge" if mode == "default" else mode
    if mac and not endpoints:
        # how clients before API 1.44 say it
        endpoints = (EndpointRequest(network=mode, mac=mac),)
    return NetworkSpec(
        mode=mode,
        endpoints=endpoints,
        bindings=tuple(decode_bindings(mapping(host, "PortBindings"))),
        publish_all=flag(host, "PublishAllPorts"),
        dns=texts(host, "Dns"),
        dns_options=texts(host, "DnsOptions"),
        dns_search=texts(host, "DnsSearch"),
        extra_hosts=texts(host, "ExtraHosts"),
        links=texts(host, "Links"),
    )


def decode_endpoint(name: str, value: Json, *, mac: str = "") -> EndpointRequest:
    """One entry of ``EndpointsConfig``; `mac` stands for clients that put it elsewhere."""
    ipam = mapping(value, "IPAMConfig")
    return EndpointRequest(
        network="bridge" if name == "default" else name,
        ipv4=text(ipam, "IPv4Address"),
        ipv6=text(ipam, "IPv6Address"),
        link_local=texts(ipam, "LinkLocalIPs"),
        mac=text(value, "MacAddress") or mac,
        aliases=texts(value, "Aliases"),
        links=texts(value, "Links"),
        driver_options=text_mapping(value, "DriverOpts"),
        gateway_priority=integer(value, "GwPriority"),
    )


# encoding -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What `inspect` says of a container and its record does not know."""

    networks: Mapping[str, Network]
    """By id."""
    container_dir: str
    log_path: str
    sandbox_path: str
    storage_driver: str
    storage_data: Mapping[str, str]
    exec_ids: Sequence[str] = ()
    now_ns: int = 0


def encode_container(one: Container, around: Surroundings) -> Json:
    """``GET /containers/{id}/json``."""
    program, state = one.spec.program, one.state
    argv = program.argv
    mounts = [encoded for mount in one.mounts if (encoded := encode_mount_point(mount))]
    return {
        "Id": one.id,
        "Created": _time(one.created_ns),
        "Path": argv[0] if argv else "",
        "Args": list(argv[1:]),
        "State": _encode_state(one),
        "Image": one.spec.image_id,
        "ResolvConfPath": f"{around.container_dir}/resolv.conf" if state.started_ns else "",
        "HostnamePath": f"{around.container_dir}/hostname" if state.started_ns else "",
        "HostsPath": f"{around.container_dir}/hosts" if state.started_ns else "",
        "LogPath": around.log_path if state.started_ns else "",
        "Name": f"/{one.name}",
        "RestartCount": state.restarts,
        "Driver": around.storage_driver,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": "",
        "ExecIDs": list(around.exec_ids) or None,
        "HostConfig": encode_host_config(one.spec),
        "GraphDriver": {
            "Data": {"ID": one.id, **around.storage_data},
            "Name": around.storage_driver,
        },
        "Mounts": mounts,
        "Config": encode_config(program, one),
        "NetworkSettings": _encode_network_settings(one, around),
    }


def state_word(one: Container) -> str:
    """The status in Docker's words: one of seven."""
    match one.state.status:
        case Status.STARTING if one.state.restarts:
            return "restarting"  # by its policy: it is not over until it runs
        case Status.STARTING:
            return "exited" if one.state.started_ns else "created"
        case Status.STOPPING:
            return "running"
        case Status.EXITED | Status.CREATED:
            return "exited" if one.state.started_ns else "created"
        case Status.GONE:
            return "removing"
        case other:
            return str(other)


def status_text(one: Container, now_ns: int) -> str:
    """What ``docker ps`` shows: ``Up 5 minutes``, ``Exited (0) 3 hours ago``."""
    state = one.state
    word = state_word(one)
    if word in ("running", "paused"):
        up = f"Up {format_duration((now_ns - state.started_ns) / 1e9)}"
        return f"{up} (Paused)" if word == "paused" else up
    if word == "created":
        return "Created"
    if word == "removing":
        return "Removal In Progress"
    if word == "dead":
        return "Dead"
    ago = f"{format_duration((now_ns - state.finished_ns) / 1e9)} ago"
    if word == "restarting":
        return f"Restarting ({state.exit_code}) {ago}"
    return f"Exited ({state.exit_code}) {ago}"


def _encode_state(one: Container) -> Json:
    state, word = one.state, state_word(one)
    return {
        "Status": word,
        "Running": word in ("running", "paused", "restarting"),
        "Paused": word == "paused",
        "Restarting": word == "restarting",
        "OOMKilled": state.out_of_memory,
        "Dead": word == "dead",
        "Pid": state.pid if one.has_process else 0,
        "ExitCode": state.exit_code,
        "Error": state.error,
        "StartedAt": _time(state.started_ns),
        "FinishedAt": _time(state.finished_ns),
    }


def encode_config(program: ProgramSpec, one: Container) -> Json:
    """The ``Config`` part: what the image and the request together say of the program."""
    out: Json = {
        "Hostname": program.hostname or one.id[:12],
        "Domainname": program.domainname,
        "User": program.user,
        "AttachStdin": program.attach_stdin,
        "AttachStdout": program.attach_stdout,
        "AttachStderr": program.attach_stderr,
        "Tty": program.terminal,
        "OpenStdin": program.open_stdin,
        "StdinOnce": program.stdin_once,
        "Env": list(program.env) or None,
        "Cmd": None if program.command is None else list(program.command),
        "Image": one.spec.image,
        "Volumes": {path: {} for path in program.volumes} or None,
        "WorkingDir": program.working_dir,
        "Entrypoint": None if program.entrypoint is None else list(program.entrypoint),
        "OnBuild": list(program.on_build) or None,
        "Labels": dict(program.labels),
    }
    exposed = dict.fromkeys(
        [*map(str, program.exposed_ports), *(str(b.port) for b in one.spec.network.bindings)]
    )
    if exposed:
        out["ExposedPorts"] = {port: {} for port in exposed}
    if program.healthcheck:
        out["Healthcheck"] = encode_health(program.healthcheck)
    if program.stop_signal:
        out["StopSignal"] = program.stop_signal
    if program.stop_timeout_s is not None:
        out["StopTimeout"] = program.stop_timeout_s
    if program.shell:
        out["Shell"] = list(program.shell)
    if program.network_disabled:
        out["NetworkDisabled"] = True
    return out


def encode_health(health: HealthcheckConfig) -> Json:
    out: Json = {}
    if health.test:
        out["Test"] = list(health.test)
    for key, value in (
        ("Interval", health.interval_ns),
        ("Timeout", health.timeout_ns),
        ("StartPeriod", health.start_period_ns),
        ("StartInterval", health.start_interval_ns),
        ("Retries", health.retries),
    ):
        if value:
            out[key] = value
    return out


def encode_host_config(spec: ContainerSpec) -> Json:
    security, names, network = spec.security, spec.namespaces, spec.network
    masked = [] if security.privileged else DEFAULT_MASKED
    read_only = [] if security.privileged else DEFAULT_READ_ONLY
    out: Json = {
        "Binds": list(spec.binds) or None,
        "ContainerIDFile": spec.id_file,
        "LogConfig": {"Type": spec.log.driver, "Config": dict(spec.log.options)},
        "NetworkMode": network.mode,
        "PortBindings": encode_bindings(network.bindings),
        "RestartPolicy": {
            "Name": str(spec.restart.mode),
            "MaximumRetryCount": spec.restart.maximum_retries,
        },
        "AutoRemove": spec.auto_remove,
        "VolumeDriver": spec.volume_driver,
        "VolumesFrom": list(spec.volumes_from) or None,
        "ConsoleSize": list(spec.console_size),
        "CapAdd": list(security.cap_add) or None,
        "CapDrop": list(security.cap_drop) or None,
        "CgroupnsMode": names.cgroup,
        "Dns": list(network.dns),
        "DnsOptions": list(network.dns_options),
        "DnsSearch": list(network.dns_search),
        "ExtraHosts": list(network.extra_hosts) or None,
        "GroupAdd": list(security.group_add) or None,
        "IpcMode": names.ipc,
        "Cgroup": "",
        "Links": list(network.links) or None,
        "OomScoreAdj": spec.resources.oom_score_adj,
        "PidMode": names.pid,
        "Privileged": security.privileged,
        "PublishAllPorts": network.publish_all,
        "ReadonlyRootfs": security.read_only_root,
        "SecurityOpt": list(security.security_options) or None,
        "UTSMode": names.uts,
        "UsernsMode": names.user,
        "ShmSize": spec.resources.shm_size_bytes or DEFAULT_SHM_SIZE_BYTES,
        "Runtime": spec.runtime,
        "Isolation": spec.isolation,
        "CgroupParent": spec.cgroup_parent,
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "MaskedPaths": masked if security.masked_paths is None else list(security.masked_paths),
        "ReadonlyPaths": (
            read_only if security.read_only_paths is None else list(security.read_only_paths)
        ),
        **encode_resources(spec.resources),
    }
    for key, value in (
        ("Mounts", [encode_mount(one) for one in spec.mounts]),
        ("Tmpfs", dict(spec.tmpfs)),
        ("Sysctls", dict(security.sysctls)),
        ("StorageOpt", dict(spec.storage_options)),
        ("Annotations", dict(spec.annotations)),
    ):
        if value:
            out[key] = value
    if spec.init is not None:
        out["Init"] = spec.init
    out.update(dict.fromkeys(spec.left_out))
    return out


def _encode_network_settings(one: Container, around: Surroundings) -> Json:
    networks = encode_networks(one, around.networks)
    first = networks.get(one.spec.network.mode, {}) if one.spec.network.mode == "bridge" else {}
    published = one.state.published if one.has_process else ()
    exposed = one.spec.program.exposed_ports if one.has_process and networks else ()
    return {
        "Bridge": "",
        "SandboxID": one.id if one.has_process else "",
        "SandboxKey": around.sandbox_path if one.has_process else "",
        "Ports": encode_published(exposed, published),
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "EndpointID": first.get("EndpointID", ""),
        "Gateway": first.get("Gateway", ""),
        "GlobalIPv6Address": first.get("GlobalIPv6Address", ""),
        "GlobalIPv6PrefixLen": first.get("GlobalIPv6PrefixLen", 0),
        "IPAddress": first.get("IPAddress", ""),
        "IPPrefixLen": first.get("IPPrefixLen", 0),
        "IPv6Gateway": first.get("IPv6Gateway", ""),
        "MacAddress": first.get("MacAddress", ""),
        "Networks": networks,
    }


def encode_networks(one: Container, networks: Mapping[str, Network]) -> Json:
    """The networks by name: those it is in, or, while it does not run, those it asked for."""
    requests = {request.network: request for request in one.spec.network.endpoints}
    joined = {
        networks[endpoint.network_id].name: endpoint
        for endpoint in one.state.endpoints
        if endpoint.network_id in networks and one.has_process
    }
    mode = one.spec.network.mode
    names = list(joined) or [
        *([] if mode.startswith("container:") else [mode]),
        *(name for name in requests if name != mode),
    ]
    by_name = {network.name: network for network in networks.values()}
    return {
        name: encode_endpoint(
            requests.get(name, EndpointRequest(network=name)),
            joined.get(name),
            by_name.get(name),
            was_joined=one.state.started_ns > 0,
        )
        for name in names
    }


def encode_endpoint(
    request: EndpointRequest,
    endpoint: Endpoint | None,
    network: Network | None,
    *,
    was_joined: bool = False,
) -> Json:
    ipam: Json = {}
    if request.ipv4:
        ipam["IPv4Address"] = request.ipv4
    if request.ipv6:
        ipam["IPv6Address"] = request.ipv6
    if request.link_local:
        ipam["LinkLocalIPs"] = list(request.link_local)
    pools = network.pools if network else ()
    gateways = {pool.subnet.version: pool for pool in pools}
    v4 = gateways.get(4) if endpoint and endpoint.ipv4 else None
    v6 = gateways.get(6) if endpoint and endpoint.ipv6 else None
    return {
        "IPAMConfig": ipam or None,
        "Links": list(request.links) or None,
        "Aliases": list(request.aliases) or None,
        "MacAddress": (endpoint.mac or "") if endpoint else request.mac,
        "DriverOpts": dict(request.driver_options) or None,
        "GwPriority": request.gateway_priority,
        "NetworkID": network.id if network and (endpoint or was_joined) else "",
        "EndpointID": endpoint.id if endpoint else "",
        "Gateway": str(v4.gateway or "") if v4 else "",
        "IPAddress": str(endpoint.ipv4) if endpoint and endpoint.ipv4 else "",
        "IPPrefixLen": v4.subnet.prefixlen if v4 else 0,
        "IPv6Gateway": str(v6.gateway or "") if v6 else "",
        "GlobalIPv6Address": str(endpoint.ipv6) if endpoint and endpoint.ipv6 else "",
        "GlobalIPv6PrefixLen": v6.subnet.prefixlen if v6 else 0,
        "DNSNames": None,
    }


def encode_summary(
    one: Container, networks: Mapping[str, Network], *, now_ns: int, image: str
) -> Json:
    """One row of ``GET /containers/json``."""
    published = one.state.published if one.has_process else ()
    exposed = one.spec.program.exposed_ports if one.has_process else ()
    return {
        "Id": one.id,
        "Names": [f"/{one.name}"],
        "Image": image,
        "ImageID": one.spec.image_id,
        "Command": " ".join(map(_shown, one.spec.program.argv)),
        "Created": one.created_ns // 1_000_000_000,
        "Ports": encode_port_list(exposed, published),
        "Labels": dict(one.spec.program.labels),
        "State": state_word(one),
        "Status": status_text(one, now_ns),
        "HostConfig": {"NetworkMode": one.spec.network.mode},
        "NetworkSettings": {"Networks": encode_networks(one, networks)},
        "Mounts": [
            encoded for mount in one.mounts if (encoded := encode_mount_point(mount, in_list=True))
        ],
    }


def _shown(word: str) -> str:
    """Words with spaces in them get quotes, as Docker shows a command."""
    return f"'{word}'" if " " in word else word


def _time(nanoseconds: int) -> str:
    return format_rfc3339_ns(nanoseconds) if nanoseconds else ZERO_TIME
