"""The bare path with the load that promises bring: what any path that keeps them could reach here.

The same sockets, loop, link, outbox and Celery as `bench.bare`. Added is what cannot be left out where
there are promises: the commands that keep an utterance's records, word for word as our scripts call them
and with no decision between them (`bench/floor.py`); the reading of its messages against their models; and
the event by which a client hears that its utterance was sent. Nothing is decided, retried or formatted.
What its handlers share with the bare ones stands in both: those are frozen.
"""
