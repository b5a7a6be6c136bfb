"""The whole path without any promise: what the stack itself can carry.

Client socket → reserve → node socket → complete → outbox → Celery → inbox → client socket, as in the
dispatch server, over the same messages; but nothing is validated, recorded, ordered, bounded or recovered.
It is frozen: it changes only when it stops working, so that figures divided by it can be compared over time.
"""
