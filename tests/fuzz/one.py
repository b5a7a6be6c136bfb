"""Fuzz one target in this process: ``python -m tests.fuzz.one NAME OPTION...``, options as of libFuzzer."""

import sys

import atheris

with atheris.instrument_imports(include=["agent", "scheduling", "web"], enable_loader_override=False):
    from tests.fuzz.mutate import mutate_json
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run until libFuzzer has had its time, or something was found."""
    name, *options = sys.argv[1:]
    target = TARGETS[name]
    mutator = {"custom_mutator": mutate_json} if target.is_json else {}
    atheris.Setup([sys.argv[0], *options], target.run, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
