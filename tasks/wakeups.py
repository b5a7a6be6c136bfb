"""Sending wake-ups to workers: short time-outs, and no more of them than are worth having."""

import time
from contextlib import suppress
from typing import Any

from celery import Celery

from tasks.broker import is_rabbitmq
from tasks.names import EXPIRES_S

#: Each step (connect, send, answer) may take so long, s; then the connection is given up.
TIMEOUT_S = 2.0
#: No more than about so many messages wait in a queue, which is more than there can be shards. Nothing in
#: Redis removes a message that is void; only a worker does, by taking it.
MOST_WAITING = 100
#: Others send as well: the length is looked at again after so many messages.
_SENT_UNSEEN = 20
#: How often to look whether a full queue has room again, s.
_LOOK_AGAIN_S = 1.0

_REDIS_OPTIONS = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S}
#: The broker says that it has a message: one that was stopped would take many before the sender notices.
_RABBITMQ_OPTIONS = {"confirm_publish": True}


class Wakeups:
    """One connection to the broker, made when it is needed. Not for two senders at the same time.

    Celery's own pool of connections is not used: it has no time-outs of its own for a producer, and once
    told to drop its connections it serves nobody again.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._connection: Any = None
        self._producer: Any = None
        self._room: dict[str, int] = {}
        self.waiting: dict[str, int] = {}
        """Messages in each queue when it was looked at last."""
        self._look_at_s: dict[str, float] = {}

    def send(self, task: str, queue: str, args: tuple[int, ...] = ()) -> bool:
        """Publish a task; False when so many wait that one more would change nothing.

        Raises whatever the broker's client raises; the connection is given up then, as it is when the
        caller is ended from outside.
        """
        try:
            self._connect()
            if not self._has_room(queue):
                return False
            self._app.send_task(
                task, args, queue=queue, expires=EXPIRES_S, ignore_result=True, retry=False,
                producer=self._producer, confirm_timeout=TIMEOUT_S,
            )  # fmt: skip
        except BaseException:
            # It may hold half a request or half an answer.
            self._drop()
            raise
        self._room[queue] -= 1
        return True

    def has_room(self, queue: str) -> bool:
        """Ask the broker whether a message more would be worth having. Raises as `send` does."""
        try:
            self._connect()
            return self._waiting_in(queue) < MOST_WAITING
        except BaseException:
            self._drop()
            raise

    def close(self) -> None:
        """Let go of the connection; the next message makes a new one."""
        connection, self._connection, self._producer = self._connection, None, None
        self._room.clear()
        if connection is not None:
            with suppress(Exception):
                connection.release()

    def _drop(self) -> None:
        """Let go of the connection without the goodbyes of AMQP, which a stopped broker would not answer."""
        if self._connection is not None and is_rabbitmq(self._app.conf.broker_url):
            with suppress(Exception):
                self._connection.collect()
        self.close()

    def _connect(self) -> None:
        if self._producer is not None:
            return
        by_amqp = is_rabbitmq(self._app.conf.broker_url)
        self._connection = self._app.connection_for_write(
            connect_timeout=TIMEOUT_S,
            transport_options=_RABBITMQ_OPTIONS if by_amqp else _REDIS_OPTIONS,
            # Nobody would send them between two messages, and the broker would hang up.
            heartbeat=0,
        )
        self._producer = self._app.amqp.Producer(self._connection, auto_declare=False)
        if by_amqp:
            self._connection.ensure_connection(max_retries=0)
            # The time-outs that its library offers are the kernel's, which mean nothing to gevent.
            self._connection.connection.sock.settimeout(TIMEOUT_S)

    def _has_room(self, queue: str) -> bool:
        """Look how long the queue is when the room seen last is used up; in a full queue once a second."""
        if self._room.get(queue, 0) <= 0:
            now_s = time.monotonic()
            if now_s < self._look_at_s.get(queue, 0.0):
                return False
            self._room[queue] = min(MOST_WAITING - self._waiting_in(queue), _SENT_UNSEEN)
            self._look_at_s[queue] = 0.0 if self._room[queue] > 0 else now_s + _LOOK_AGAIN_S
        return self._room[queue] > 0

    def _waiting_in(self, queue: str) -> int:
        """Length of a queue, which is made if it is not there."""
        channel = self._connection.default_channel
        declared = channel.queue_declare(queue=queue, durable=True, exclusive=False, auto_delete=False)
        self.waiting[queue] = int(declared.message_count)
        return self.waiting[queue]
