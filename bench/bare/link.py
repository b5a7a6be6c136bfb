"""One connection for all greenlets: the calls of one turn of the loop go out as one write."""

from typing import Any

import gevent
import redis
from gevent.event import AsyncResult, Event


class BareLink:
    """Without time-outs or reconnecting: when the connection breaks, everything has ended."""

    def __init__(self, client: redis.Redis) -> None:
        self._connection = client.connection_pool.get_connection()
        self._calls: list[tuple[tuple[Any, ...], Any]] = []
        self._work = Event()
        gevent.spawn(self._run)

    def call(self, *words: Any) -> Any:
        """Ask, and wait for the answer."""
        answer: Any = AsyncResult()
        self._calls.append((words, answer))
        self._work.set()
        return answer.get()

    def _run(self) -> None:
        connection: Any = self._connection
        while True:
            self._work.wait()
            gevent.sleep(0)  # the other greenlets of this turn add theirs
            self._work.clear()
            calls, self._calls = self._calls, []
            if calls:
                packed = connection.pack_commands([words for words, _ in calls])
                connection.send_packed_command(packed, check_health=False)
            for _, answer in calls:
                try:
                    answer.set(connection.read_response())
                except redis.RedisError as error:
                    answer.set_exception(error)
