"""The address a peer comes from: what limits per address go by."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_network
from typing import Any

from scheduling.networks import Network, is_in, last_hop, read_address

#: Whoever has an IPv6 address has all of its network.
_IPV6_PREFIX = 64


def address_of(environ: Mapping[str, Any], proxies: Sequence[Network]) -> str:
    """Give the address of a WSGI request's peer, of IPv6 its network of 64 bits.

    Where it is a proxy that is trusted, what that one saw counts. Behind another one all are one.
    """
    peer = str(environ.get("REMOTE_ADDR") or "")
    address = read_address(peer)
    if is_in(address, proxies):
        address = last_hop(environ, proxies) or address
    if address is None:
        return peer[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(ip_network((address, _IPV6_PREFIX), strict=False))
