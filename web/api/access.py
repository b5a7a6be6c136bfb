"""Who may use the HTTP API: operators all of it, owners of a node what is about it, clients recordings."""

from flask import Request, g

from scheduling.credentials import ADMIN, CLIENT, NODE, Identity, Refusal
from scheduling.credentials.refusal import FORBIDDEN
from scheduling.ledger import Cell
from scheduling.ledger.cell import text
from scheduling.networks import came_by_proxy, is_loopback
from web.admission import Admission, bearer_of
from web.api.errors import ApiError, refused_by

#: What the owner of a node may read of it.
_OWN = frozenset({"api.node", "api.explain_node"})


class Access:
    """Decides on requests; one object for all of the process."""

    def __init__(self, admission: Admission, cell: Cell) -> None:
        self.admission = admission
        self._cell = cell

    def require_operator(self, request: Request) -> None:
        """Raise `ApiError` (401, 403, 429) unless the caller may use the operators' API. Raises `StoreError`.

        Whom a credential names stands in ``g.operator`` from then on.
        """
        token = bearer_of(request.environ)
        if not self.admission.guards_admin and not (
            token and request.endpoint in _OWN and self.admission.book
        ):
            _require_this_machine(request)
            return
        if self.admission.is_admin_token(token, request.environ):
            return
        try:
            with self.admission.counting(request.environ, token):
                self._require(request, token)
        except Refusal as refusal:
            raise refused_by(refusal) from None

    def speaker(self, request: Request) -> Identity:
        """Say who sends a recording. Raises `ApiError` (401, 403 or 429)."""
        try:
            return self.admission.of_request(request.environ, CLIENT)
        except Refusal as refusal:
            raise refused_by(refusal) from None

    def _require(self, request: Request, token: str) -> None:
        if not token or not self.admission.book:
            raise Refusal(
                "unknown" if token else "missing",
                "Send a token of the role admin, or the server's ADMIN_TOKEN, in the header "
                "Authorization: Bearer TOKEN.",
            )
        if request.endpoint in _OWN and self._owns(token, str((request.view_args or {})["node_id"])):
            return
        g.operator = self.admission.by_token(token, ADMIN).subject

    def _owns(self, token: str, node_id: str) -> bool:
        """Whether this is the credential of the node's owner. Raises `Refusal` for another node's."""
        try:
            identity = self.admission.by_token(token, NODE)
        except Refusal as refusal:
            if refusal.reason == "wrong_role":
                return False
            raise
        record = self._cell.store.command("HGET", self._cell.keys.node(node_id), "credential")
        if text(record) != identity.fingerprint:
            # Whether there is such a node is not told to strangers.
            raise Refusal(
                "not_yours", "This credential shows its own nodes only. Name one of them.", FORBIDDEN
            )
        return True


def _require_this_machine(request: Request) -> None:
    if not _is_local(request):
        raise ApiError(
            403,
            "FORBIDDEN",
            "Without ADMIN_TOKEN this is answered on the server's own machine only, not through a proxy. "
            "Set ADMIN_TOKEN and send it as a bearer token.",
        )


def _is_local(request: Request) -> bool:
    """Whether a program of this machine asks, and not a web page that a browser shows here."""
    if "Origin" in request.headers or came_by_proxy(request.environ):
        return False
    return is_loopback(request.remote_addr or "") and is_loopback(_host_of(request.host))


def _host_of(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0]
