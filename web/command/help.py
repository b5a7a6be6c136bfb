"""How the commands are shown: in groups, and each with examples that can be typed."""

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping
from shutil import get_terminal_size
from textwrap import fill, wrap

_WIDTH = 80
_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Try it on this machine": ("up", "demo", "say", "session"),
    "Run it, as a Procfile does (web to flower share the Redis of REDIS_URL)": (
        "web", "worker", "beat", "flower", "node",
    ),
    "See how it is": ("top", "doctor", "check", "nodes", "pools", "jobs", "explain", "usage", "audit"),
    "Let in and keep out": ("token",),
    "Change it": ("drain", "undrain", "quarantine", "cancel", "dead"),
    "Measure it": ("simulate",),
}  # fmt: skip
_OTHERS = "More"
_ABOUT = (
    "Real-time speech translation: clients speak, nodes anywhere translate, this\ndispatches between them."
)
_FOOT = """\
More about one: speech-dispatch COMMAND --help. Settings come from the
environment (docs/settings.md). Exit codes: 0 done, 1 failed, 2 a wrong
invocation."""

#: By command: what can be typed, and what it does. The words after a # are not part of it.
EXAMPLES: Mapping[str, tuple[str, ...]] = {
    "up": (
        "speech-dispatch up",
        "speech-dispatch up --web 2 --no-node   # bring nodes of your own",
        "speech-dispatch up --echo              # a node that only echoes",
    ),
    "demo": ("speech-dispatch demo", "speech-dispatch demo --verbose"),
    "say": (
        "speech-dispatch say talk.wav --from en --to pt",
        "speech-dispatch say talk.wav --from auto --to en --vad",
    ),
    "session": (
        "speech-dispatch session",
        "echo 'hello' | speech-dispatch session --url ws://127.0.0.1:5010/ws/session",
    ),
    "web": ("speech-dispatch web", "speech-dispatch web --host 0.0.0.0 --port 5010"),
    "worker": ("speech-dispatch worker", "speech-dispatch worker --queue drain --concurrency 4"),
    "beat": ("speech-dispatch beat",),
    "flower": (
        "speech-dispatch flower",
        "speech-dispatch flower --host 0.0.0.0    # with FLOWER_BASIC_AUTH set",
    ),
    "node": (
        "speech-dispatch node --url wss://speech.example/ws/node",
        "speech-dispatch node --pipeline echo --slots 8 --service-ms 300",
        "speech-dispatch node --pipeline mine:Pipeline --option model=large",
    ),
    "top": (
        "speech-dispatch top",
        "speech-dispatch top --url https://speech.example --interval 5",
        "speech-dispatch top --once --sort used    # one frame, for a file or a pipe",
    ),
    "doctor": (
        "speech-dispatch doctor         # with REDIS_URL as the processes have it",
        "speech-dispatch doctor --url https://speech.example --strict --json",
    ),
    "check": ("speech-dispatch check web", "speech-dispatch check worker"),
    "token": (
        "speech-dispatch token key",
        "speech-dispatch token make --role node --subject lisbon",
        "speech-dispatch token check TOKEN",
    ),
    "nodes": ("speech-dispatch nodes", "speech-dispatch nodes --json --limit 500"),
    "pools": ("speech-dispatch pools", "speech-dispatch pools --check pools.toml"),
    "jobs": ("speech-dispatch jobs --state waiting",),
    "explain": (
        "speech-dispatch explain pair en pt --services asr,nmt",
        "speech-dispatch explain node gpu-lisbon-1",
        "speech-dispatch explain job job-1bb1f94bcee24f9b8c4ee794846a13a5",
    ),
    "usage": ("speech-dispatch usage", "speech-dispatch usage --by node"),
    "audit": ("speech-dispatch audit --limit 20", "speech-dispatch audit --target gpu-lisbon-1"),
    "drain": ('speech-dispatch drain gpu-lisbon-1 --reason "new driver"',),
    "undrain": ("speech-dispatch undrain gpu-lisbon-1",),
    "quarantine": ('speech-dispatch quarantine gpu-lisbon-1 --reason "wrong words"',),
    "cancel": ("speech-dispatch cancel job-1bb1f94bcee24f9b8c4ee794846a13a5",),
    "dead": (
        "speech-dispatch dead list",
        "speech-dispatch dead replay job-17db1acf6a55456b948bb61966fff8b0",
        "speech-dispatch dead drop --all",
    ),
    "simulate": (
        "speech-dispatch simulate --nodes 4 --seeds 3 --policies none",
        "speech-dispatch simulate --scenario bursts --rho 0.95 --plot waits.png",
    ),
}


def overview(summaries: Mapping[str, str]) -> str:
    """Describe all commands, by name and summary, in their groups; those of no group come last."""
    grouped = {name for names in _GROUPS.values() for name in names}
    rest = tuple(name for name in summaries if name not in grouped)
    parts = [_ABOUT, *(_group(title, names, summaries) for title, names in _GROUPS.items())]
    return "\n\n".join([*parts, *([_group(_OTHERS, rest, summaries)] if rest else [])])


def foot() -> str:
    """Say what holds for all of them."""
    return _FOOT


def _group(title: str, names: Iterable[str], summaries: Mapping[str, str]) -> str:
    lines = [f"    {name:<12}{summaries[name]}" for name in names if name in summaries]
    return "\n".join([f"{title}:", *lines])


def finish(name: str, parser: ArgumentParser) -> None:
    """Put a command's examples below its options, and what else it says above them."""
    wide = min(_WIDTH, get_terminal_size().columns)
    parser.description = fill(parser.description or "", wide)
    said = [fill(part, wide) for part in (parser.epilog or "").split("\n\n") if part]
    if examples := EXAMPLES.get(name):
        said.append("\n".join(["examples:", *(f"  {line}" for line in examples)]))
    parser.epilog = "\n\n".join(said)
    parser.formatter_class = _Formatter


class _Formatter(RawDescriptionHelpFormatter):
    """Names with hyphens stay whole, to be copied."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(" ".join(text.split()), width, break_on_hyphens=False)
