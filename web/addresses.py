"""The address a peer comes from: what limits per address go by."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

#: Whoever has an IPv6 address has all of its network.
_IPV6_PREFIX = 64


def address_of(environ: Mapping[str, Any], proxies: int) -> str:
    """Give the address of a WSGI request's peer, of IPv6 its network of 64 bits.

    ``proxies``: so many of the last entries of X-Forwarded-For were written by proxies of our own; the first
    of these is what the outermost of them saw. What stands before them anybody may have written.
    """
    found = str(environ.get("REMOTE_ADDR", ""))
    if proxies:
        hops = [hop.strip() for hop in str(environ.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
        found = hops[-min(proxies, len(hops))] if hops else found
    return _network(found)


def _network(found: str) -> str:
    try:
        address = ip_address(found)
    except ValueError:
        return found[:64]
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _IPV6_PREFIX), strict=False))
