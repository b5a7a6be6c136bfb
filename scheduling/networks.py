"""Addresses: who asks, behind which proxies, and whether his network needs no credential."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: A request with one of these, or any X-Forwarded-…, came through a proxy: its peer is not who asks.
#: A proxy may be set to send none of them; then only a credential helps (docs/security.md).
FORWARDED: Final = (
    "Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For",
    "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Envoy-External-Address",
)  # fmt: skip
_FORWARDED_KEYS = frozenset(f"HTTP_{name.upper().replace('-', '_')}" for name in FORWARDED)
_MOST_HOPS = 16


def read_networks(words: str) -> tuple[Network, ...]:
    """Read networks apart by commas, as in ``10.0.0.0/8, 192.0.2.7``. Raises `ValueError`."""
    found = []
    for word in filter(None, (part.strip() for part in words.split(","))):
        try:
            network = ip_network(word)
        except ValueError:
            raise ValueError(f"{word!r} is no network: write one such as 10.0.0.0/8") from None
        if network.prefixlen == 0:
            raise ValueError(f"{word} is the whole internet: use credentials instead")
        found.append(network)
    return tuple(found)


def came_by_proxy(environ: Mapping[str, object]) -> bool:
    """Whether a header says that a proxy passed this request on."""
    return any(name in _FORWARDED_KEYS or name.startswith("HTTP_X_FORWARDED") for name in environ)


def is_in(address: Address | None, networks: Sequence[Network]) -> bool:
    """Whether the address lies in one of the networks."""
    return address is not None and any(address in network for network in networks)


def read_address(text: str) -> Address | None:
    """Read an address, an IPv4 one also in IPv6's clothes; None for what is none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def asker(environ: Mapping[str, object], proxies: Sequence[Network]) -> Address | None:
    """Give the address that asks; None when it is hidden behind a proxy that is not trusted.

    Of ``X-Forwarded-For`` only what trusted proxies wrote counts: it is read from the right, and the first
    address that is no trusted proxy's is the one. What that one wrote itself stands further left.
    """
    peer = read_address(str(environ.get("REMOTE_ADDR") or ""))
    if not is_in(peer, proxies):
        return None if came_by_proxy(environ) else peer
    return last_hop(environ, proxies)


def last_hop(environ: Mapping[str, object], proxies: Sequence[Network]) -> Address | None:
    """Give the last address in ``X-Forwarded-For`` that is no trusted proxy's; None where there is none."""
    hops = str(environ.get("HTTP_X_FORWARDED_FOR") or "").split(",")
    for hop in reversed(hops[-_MOST_HOPS:]):
        address = read_address(hop)
        if not is_in(address, proxies):
            return address
    return None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens on this host."""
    if host.lower() == "localhost":
        return True
    address = read_address(host.strip("[]"))
    return address is not None and address.is_loopback
