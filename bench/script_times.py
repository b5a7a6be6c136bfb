"""What each script costs Valkey for an utterance, by SLOWLOG under a light load."""

from collections import defaultdict
from statistics import median

from bench.generators import Generator, speak
from bench.systems import Ours
from scheduling.scripts import load_all

#: What takes less is not listed, µs: commands inside scripts are listed as well, and that would cost more
#: than they do.
_LEAST_US = 10
_KEPT = 20_000
_CLIENTS = 10


def print_script_times(ours: Ours, made: Generator, seconds: float) -> None:
    """Print how often each script runs for an utterance, and its median server time."""
    for name, value in (("slowlog-log-slower-than", _LEAST_US), ("slowlog-max-len", _KEPT)):
        ours.store.command("CONFIG", "SET", name, value)
    ours.store.command("SLOWLOG", "RESET")
    speak(ours, made, clients=_CLIENTS, seconds=seconds, warm_s=0.1)
    names = {script.sha1: name for name, script in load_all().items()}
    times: dict[str, list[int]] = defaultdict(list)
    for entry in ours.store.command("SLOWLOG", "GET", _KEPT):
        words = entry[3]
        if words[0].upper() == b"EVALSHA":
            times[names.get(words[1].decode(), "another")].append(int(entry[2]))
    utterances = max(1, len(times["complete"]))
    print(f"\nscripts: {'an utterance':>22} {'median µs':>10} {'µs an utterance':>16}")
    for name, us in sorted(times.items(), key=lambda pair: -sum(pair[1])):
        often = len(us) / utterances
        print(f"  {name:24} {often:6.2f} {median(us):10.0f} {often * median(us):16.1f}")
