"""The nodes and sessions whose sockets this process holds."""

from dataclasses import dataclass, field

from web.node_link import NodeLink
from web.session_link import SessionLink


@dataclass(slots=True)
class Peers:
    """By id; an entry leaves only with the socket it was made for."""

    nodes: dict[str, NodeLink] = field(default_factory=dict)
    sessions: dict[str, SessionLink] = field(default_factory=dict)
    about_to_send: set[str] = field(default_factory=set)
    """Jobs that are being placed: the ledger may say already that they are sent."""

    def drop_node(self, link: NodeLink) -> None:
        """Forget a node's socket, unless another one has taken over."""
        if self.nodes.get(link.node_id) is link:
            del self.nodes[link.node_id]

    def drop_session(self, link: SessionLink) -> None:
        """Forget a session's socket, unless another one has taken over."""
        if self.sessions.get(link.session_id) is link:
            del self.sessions[link.session_id]

    @property
    def busy(self) -> bool:
        """Whether anything sent or accepted here is still unanswered."""
        nodes = any(link.attempts for link in self.nodes.values())
        return nodes or any(link.running or link.delivering for link in self.sessions.values())
