"""Which languages a node translates into which, from whatever its agent states about it.

A node may cover 40,000 pairs, so they are kept as blocks: a block's every source goes to its every
target. Two nodes with the same pairs have the same blocks, whichever way they stated them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from scheduling.languages import AUTO, fold
from scheduling.messages import LanguagePair, NmtCapability, NodeLanguageCapabilities

#: Sources and targets; a language is never its own target, even where both name it.
Block = tuple[frozenset[str], frozenset[str]]
Rows = defaultdict[str, set[str]]

#: Codes that may stand among languages and are none.
NO_LANGUAGES = frozenset({AUTO, ""})


def fold_all(codes: Iterable[str] | None) -> frozenset[str]:
    """Fold language codes into a set of languages."""
    return frozenset(map(fold, codes or ())) - NO_LANGUAGES


def translated_blocks(stated: NodeLanguageCapabilities) -> tuple[Block, ...]:
    """Return what a node translates, in normal form.

    Stated pairs win. An empty list of pairs states nothing: agents without semantic repair empty it.
    Then come the rules of the models; without any, every heard language into every spoken or repaired one.
    """
    rows: Rows = defaultdict(set)
    if stated.supported_language_pairs:
        _add_pairs(rows, stated.supported_language_pairs)
    elif stated.nmt_capabilities is not None:
        for model in stated.nmt_capabilities:
            _add_model(rows, model)
    else:
        targets = fold_all(stated.tts_languages) | fold_all(stated.semantic_languages)
        _add_block(rows, fold_all(stated.asr_languages), targets)
    return normal_form(rows)


def normal_form(rows: Mapping[str, Iterable[str]]) -> tuple[Block, ...]:
    """Join sources with equal targets into blocks, sorted.

    Whether a source counts among its own targets is free, and decides how many rows are equal: "any to
    any" is one block if it does, "any to English" if it does not. The shorter form is taken.
    """
    without = {source: frozenset(targets) - {source} - NO_LANGUAGES for source, targets in rows.items()}
    translating = {
        source: targets for source, targets in without.items() if targets and source not in NO_LANGUAGES
    }
    reflexive = {source: targets | {source} for source, targets in translating.items()}
    return min(_join(translating), _join(reflexive), key=len)


def _join(rows: Mapping[str, frozenset[str]]) -> tuple[Block, ...]:
    sources: defaultdict[frozenset[str], set[str]] = defaultdict(set)
    for source, targets in rows.items():
        sources[targets].add(source)
    blocks = [(frozenset(group), targets) for targets, group in sources.items()]
    return tuple(sorted(blocks, key=lambda block: sorted(block[0])))


def _add_block(rows: Rows, sources: Iterable[str], targets: frozenset[str]) -> None:
    for source in sources:
        rows[source] |= targets


def _add_pairs(rows: Rows, pairs: Sequence[LanguagePair] | None) -> None:
    for pair in pairs or ():
        rows[fold(pair.src)].add(fold(pair.tgt))


def _add_model(rows: Rows, model: NmtCapability) -> None:
    """Add one model's pairs. What it blocks, another model may still translate."""
    rule = _RULES.get(model.rule)
    if rule is None:
        return
    own: Rows = defaultdict(set)
    rule(own, model)
    for pair in model.blocked_pairs or ():
        own[fold(pair.src)].discard(fold(pair.tgt))
    for source, targets in own.items():
        rows[source] |= targets


def _any_to_any(rows: Rows, model: NmtCapability) -> None:
    languages = fold_all(model.languages)
    _add_block(rows, languages, languages)


def _any_to_en(rows: Rows, model: NmtCapability) -> None:
    _add_block(rows, fold_all(model.languages), frozenset({"en"}))


def _en_to_any(rows: Rows, model: NmtCapability) -> None:
    _add_block(rows, ["en"], fold_all(model.languages))


def _specific_pairs(rows: Rows, model: NmtCapability) -> None:
    _add_pairs(rows, model.supported_pairs)


_RULES: dict[str, Callable[[Rows, NmtCapability], None]] = {
    "any_to_any": _any_to_any,
    "any_to_en": _any_to_en,
    "en_to_any": _en_to_any,
    "specific_pairs": _specific_pairs,
}
