"""Other job services, each used well, over the same Valkey: a round trip is a job and its result.

Each `*_app` is what its workers import, each `*_load` a process of its own that keeps jobs in flight and
prints what `bench.peers.load.run` gives. The job gives back what it was given, as the nodes of our system do.
"""
