"""Who may use the operators' API: whoever has the token; without one, this machine alone."""

import hmac
from ipaddress import IPv6Address, ip_address

from flask import Request

from web.api.errors import ApiError

#: A request with one of these, or any X-Forwarded-…, came through a proxy: its peer is not who asks.
#: A proxy may be set to send none of them; then only ADMIN_TOKEN helps (docs/operating.md).
_FORWARDED = (
    "Forwarded", "Via", "X-Real-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Original-Forwarded-For",
    "True-Client-IP", "CF-Connecting-IP", "Fastly-Client-IP", "X-Envoy-External-Address",
)  # fmt: skip


def require_access(request: Request, token: str) -> None:
    """Raise `ApiError` (401 or 403) unless the caller may use the API; ``token`` is empty for none."""
    if token:
        _require_token(request, token)
    elif not _is_local(request):
        raise ApiError(
            403,
            "FORBIDDEN",
            "Without ADMIN_TOKEN this is answered on the server's own machine only, not through a proxy. "
            "Set ADMIN_TOKEN and send it as a bearer token.",
        )


def _require_token(request: Request, token: str) -> None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    same = hmac.compare_digest(given.strip().encode("latin-1"), token.encode())  # as WSGI has it
    if scheme.lower() != "bearer" or not same:
        raise ApiError(
            401, "UNAUTHORIZED", "Send the server's ADMIN_TOKEN in the header Authorization: Bearer TOKEN."
        )


def _is_local(request: Request) -> bool:
    """Whether a program of this machine asks, and not a web page that a browser shows here."""
    if any(name in request.headers for name in (*_FORWARDED, "Origin")):
        return False
    if any(name.lower().startswith("x-forwarded") for name, _ in request.headers):
        return False
    return _is_loopback(request.remote_addr or "") and _is_loopback(_host_of(request.host))


def _host_of(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback
