"""The Valkey of targets that need one: of who started the process, or one made here."""

import atexit
import os
from functools import cache

from tests.valkey import Valkey

#: Says where it is to a process of one target, which ends without a goodbye.
NAME = "FUZZ_REDIS_URL"


@cache
def redis_url() -> str:
    if stated := os.environ.get(NAME):
        return stated
    server = Valkey()
    server.start()
    atexit.register(server.close)
    return server.url
