"""A connection on which one asks and then waits, and what can happen there."""

import time
from collections.abc import Sequence
from typing import Any

from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from scheduling.errors import StoreError, StoreTimeout, StoreUnavailable
from scheduling.scripts import Script
from scheduling.store import replies
from scheduling.store.endpoint import Connection
from scheduling.store.replies import Remedy

_SHORTEST_S = 0.001
#: For so long a wait that was set may stay as it is, s: an exchange takes that much longer at most.
_SETTLED_S = 0.02


class Setback(Exception):
    """The server refused to answer this time."""

    maybe_done = False
    """Whether the request may have taken effect all the same."""

    def __init__(self, text: str, remedy: Remedy) -> None:
        super().__init__(text)
        self.text = text
        self.remedy = remedy

    def error(self, script: Script | None) -> StoreError:
        """Give what to raise where this is not to be cured."""
        return replies.error_for(self.text, script)


class NoAnswer(Setback):
    """There was no connection, or it broke, or it fell silent."""

    def __init__(self, cause: Exception, *, maybe_done: bool) -> None:
        super().__init__(str(cause), Remedy.RECONNECT)
        self.maybe_done = maybe_done
        self._kind = StoreTimeout if isinstance(cause, RedisTimeoutError) else StoreUnavailable

    def error(self, script: Script | None) -> StoreError:
        """See `Setback.error`."""
        return self._kind(self.text)


def exchange(connection: Connection, requests: Sequence[bytes], until_s: float) -> list[Any]:
    """Send packed requests in one write and give their replies; ``until_s`` is on the monotonic clock.

    Raises `Setback` for the first error reply, the connection being fit for use, and `NoAnswer`, the
    connection being closed. It is closed as well when the caller is ended from outside (`BaseException`).
    """
    try:
        limited_s = _limit(connection, until_s)
        connection.send_packed_command([b"".join(requests)], check_health=False)
        answers = []
        for _ in requests:
            # As a rule all have come by now, and setting it takes longer than reading one.
            if time.monotonic() - limited_s > _SETTLED_S:
                limited_s = _limit(connection, until_s)
            answers.append(_answer(connection))
    except (RedisError, OSError) as error:
        connection.disconnect()
        raise NoAnswer(error, maybe_done=True) from error
    except BaseException:
        # The next user of this connection would read the answer to this request as his own.
        connection.disconnect()
        raise
    for answer in answers:
        if isinstance(answer, RedisError):
            text = _text(answer)
            raise Setback(text, replies.remedy_for(text)) from answer
    return answers


def _answer(connection: Connection) -> Any:
    try:
        return connection.read_response(disconnect_on_error=False)
    except RedisError as error:
        # redis-py counts LOADING among the broken connections, but it is an answer.
        if isinstance(error, ResponseError) or error.status_code:
            return error
        raise


def _limit(connection: Connection, until_s: float) -> float:
    """Let each wait last until then at most; gives the time now."""
    now_s = time.monotonic()
    connection.update_current_socket_timeout(max(until_s - now_s, _SHORTEST_S))
    return now_s


def _text(error: RedisError) -> str:
    """Put together again what redis-py takes apart."""
    return f"{error.status_code} {error}" if error.status_code else str(error)
