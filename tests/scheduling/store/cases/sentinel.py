"""What a store does when its URL names Sentinels; one way for the plain and one for the batched store."""

from scheduling.errors import StoreUnavailable
from scheduling.store.batched import BatchedStore
from scheduling.store.plain import PlainStore
from tests.scheduling.store.samples import ONCE
from tests.sentinels import SERVICE, Replicated, Sentinel
from tests.stack import wait_until

_STORES = {"plain": PlainStore, "batched": BatchedStore}
_PATIENCE_S = 20.0


def follows_a_killed_master(kind: str) -> None:
    """The time of a call is longer here than the fail-over takes, so the caller does not even notice.

    Nothing is written meanwhile that could be lost on the way, so all that was answered must be there.
    """
    with Replicated() as servers, _STORES[kind](servers.url, timeout_s=_PATIENCE_S) as store:
        first, second = servers.master, servers.replica
        assert store.call(ONCE, ["set"], ["a"]) == 1
        wait_until(lambda: servers.ask(second, "SCARD", "set") == 1, "the replica has it")
        servers.sentinels[0].pause()  # two of three are enough, and the silent one is asked first
        first.kill()
        assert store.call(ONCE, ["set"], ["b"]) == 2
        assert servers.ask(second, "SCARD", "set") == 2
        servers.sentinels[0].resume()


def leaves_a_master_that_was_replaced(kind: str) -> None:
    """In a planned switch the former master answered on for some 10 s, and what it took then was lost."""
    with Replicated() as servers, _STORES[kind](servers.url, timeout_s=_PATIENCE_S) as store:
        first, second = servers.master, servers.replica
        assert store.command("CONFIG", "GET", "port")[1] == str(first.port).encode()
        assert servers.ask(servers.sentinels[0], "SENTINEL", "FAILOVER", SERVICE) == "OK"
        servers.wait_promoted(second)
        wait_until(
            lambda: store.command("CONFIG", "GET", "port")[1] == str(second.port).encode(),
            "the store asks the new master",
        )
        assert servers.ask(first, "ROLE")[0] == "master", "the old one has not been told yet"
        assert store.call(ONCE, ["set"], ["a"]) == 1
        wait_until(lambda: servers.ask(first, "ROLE")[0] == "slave", "the old one is told to follow")
        assert servers.ask(second, "SCARD", "set") == 1


def is_refused_by_a_master_that_became_a_replica(kind: str) -> None:
    """READONLY on a connection that stayed open: the Sentinels know who takes writes instead."""
    with Replicated() as servers, _STORES[kind](servers.url, timeout_s=_PATIENCE_S) as store:
        first, second = servers.master, servers.replica
        assert store.call(ONCE, ["set"], ["a"]) == 1
        wait_until(lambda: servers.ask(second, "SCARD", "set") == 1, "the replica has it")
        assert servers.ask(servers.sentinels[0], "SENTINEL", "FAILOVER", SERVICE) == "OK"
        servers.wait_promoted(second)
        # As the Sentinels will, but they also cut the connections of clients.
        servers.ask(first, "REPLICAOF", "127.0.0.1", str(second.port))
        assert store.call(ONCE, ["set"], ["b"]) == 2
        assert servers.ask(second, "SCARD", "set") == 2


def believes_the_server_more_than_a_sentinel(kind: str) -> None:
    """A Sentinel cut off from the others names a server that is a replica by now; it stands first."""
    with Replicated() as servers, Sentinel(servers.replica, quorum=1) as astray:
        url = servers.url.replace("//", f"//127.0.0.1:{astray.port},", 1)
        with _STORES[kind](url, timeout_s=_PATIENCE_S) as store:
            assert store.call(ONCE, ["set"], ["a"]) == 1
        assert servers.ask(servers.master, "SCARD", "set") == 1


def says_why_there_is_no_master(kind: str) -> None:
    """Where no Sentinel helps, the error has what each of them said."""
    with Replicated() as servers:
        servers.sentinels[0].kill()
        url = servers.url.replace(SERVICE, "other")
        with _STORES[kind](url, timeout_s=0.5) as store:
            try:
                store.command("PING")
            except StoreUnavailable as error:
                said = str(error)
        assert "no Sentinel names a master for 'other'" in said
        assert "refused" in said
        assert said.count("No such master") == 2


CASES = [
    "follows_a_killed_master",
    "leaves_a_master_that_was_replaced",
    "is_refused_by_a_master_that_became_a_replica",
    "believes_the_server_more_than_a_sentinel",
    "says_why_there_is_no_master",
]


def run(name: str, kind: str) -> None:
    """Run the case of this name."""
    globals()[name](kind)
