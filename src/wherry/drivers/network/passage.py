"""Lets our bridges pass the FORWARD chain of iptables, where other programs keep it closed.

Every base chain on the way of a packet must let it pass: an accept in our table does not help
against Docker's or ufw's policy DROP in theirs. So each of our bridges gets two accepts there, in
Docker's chain for the user's own rules if there is one. What may pass is decided by our table.

Rules are made by the iptables program, which knows whether its tables live in nftables or not.
Where there is no such program, yet its chains are in nftables, rules of the same form are added.
"""

import shutil
from collections.abc import Iterator, Sequence

from wherry.kernel import process
from wherry.kernel.nftables import Nft, NftError

_TIMEOUT_S = 10.0
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = {4: "iptables", 6: "ip6tables"}
_FAMILIES = {4: "ip", 6: "ip6"}
_CHAINS = ("DOCKER-USER", "FORWARD")
_CLOSING = ("DROP", "REJECT", "drop", "reject")


class Passage:
    """The accepts of all our bridges, by a remark of ours in each rule."""

    def __init__(self, nft: Nft, *, remark: str, path: str = _PATH) -> None:
        self._nft, self._remark, self._path = nft, remark, path

    async def ensure(self, bridge: str, *, ipv6: bool) -> None:
        """Let the bridge pass, if anybody closes the way; may be called twice."""
        for version in (4, 6) if ipv6 else (4,):
            if (program := self._find_program(version)) is not None:
                await self._ensure_by_program(program, bridge)
            else:
                self._ensure_by_nft(_FAMILIES[version], bridge)

    async def discard(self, bridge: str) -> None:
        """Take the accepts of the bridge away."""
        for version in (4, 6):
            if (program := self._find_program(version)) is not None:
                await self._discard_by_program(program, bridge)
            else:
                self._discard_by_nft(_FAMILIES[version], bridge)

    def _find_program(self, version: int) -> str | None:
        return shutil.which(_PROGRAMS[version], path=self._path)

    def _rules(self, bridge: str) -> Iterator[Sequence[str]]:
        for side in ("-i", "-o"):
            yield side, bridge, "-m", "comment", "--comment", self._remark, "-j", "ACCEPT"

    async def _ensure_by_program(self, program: str, bridge: str) -> None:
        chain = "DOCKER-USER"
        if await _run(program, "-S", chain) is None:
            chain = "FORWARD"
            listed = await _run(program, "-S", chain)
            if listed is None or not _closes(listed):
                return
        for rule in self._rules(bridge):
            if await _run(program, "-C", chain, *rule) is None:
                await _run(program, "-I", chain, *rule)

    async def _discard_by_program(self, program: str, bridge: str) -> None:
        for chain in _CHAINS:
            if f" {bridge} " in (await _run(program, "-S", chain) or ""):
                for rule in self._rules(bridge):
                    await _run(program, "-D", chain, *rule)

    def _ensure_by_nft(self, family: str, bridge: str) -> None:
        for chain in _CHAINS:
            listed = self._list(family, chain)
            if listed is None:
                continue
            if chain == "FORWARD" and not _closes(listed):
                return
            for side in ("iifname", "oifname"):
                rule = f'{side} "{bridge}" counter'
                if not any(rule in line and self._is_ours(line) for line in listed.splitlines()):
                    self._nft.run(
                        f"insert rule {family} filter {chain} {rule} accept "
                        f'comment "{self._remark}"'
                    )
            return

    def _discard_by_nft(self, family: str, bridge: str) -> None:
        for chain in _CHAINS:
            for line in (self._list(family, chain) or "").splitlines():
                if f'"{bridge}"' in line and self._is_ours(line):
                    handle = line.rpartition("# handle ")[2]
                    self._nft.run(f"delete rule {family} filter {chain} handle {handle}")

    def _list(self, family: str, chain: str) -> str | None:
        try:
            return self._nft.run(f"list chain {family} filter {chain}", handles=True)
        except NftError:
            return None

    def _is_ours(self, line: str) -> bool:
        return f'comment "{self._remark}"' in line


def _closes(listed: str) -> bool:
    return any(word in _CLOSING for word in listed.replace(";", " ").split())


async def _run(program: str, *arguments: str) -> str | None:
    """Its output, or None if it said no: there is no such rule, or no such chain."""
    done = await process.run([program, "--wait", *arguments], timeout_s=_TIMEOUT_S)
    return done.stdout.decode(errors="replace") if done.code == 0 else None
