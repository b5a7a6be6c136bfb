"""The operator's file: what it may say, and what is said of it where it is wrong."""

from pathlib import Path

import pytest
from hypothesis import given

from scheduling.capability import CapabilityClass
from scheduling.pool_file import PoolFile, PoolFileError, admits, load
from scheduling.requirement import Requirement
from tests.scheduling.capabilities import CORE, capabilities, node_class, requirements
from tests.scheduling.test_pools import polyglot

FULL = """
strict_pool_eligibility = true
pool_match_scope = "all_required"

[[pools]]
pool_id = 1
name = "Gold"
required_services = ["asr", "nmt", "tts"]
[pools.language_requirements]
asr_languages = ["zh-CN", "en"]
tts_languages = ["en"]
[pools.language_requirements.nmt_requirements]
languages = ["zh", "en", "de"]
rule = "any_to_en"
blocked_pairs = [{ src = "de", tgt = "en" }]

[[pools]]
pool_id = "rest"

[[tenant_overrides]]
tenant_id = "acme"
pool_id = 1

[node_tenants]
node-A = "acme"

[credential_tenants]
0123456789abcdef0123456789abcdef = "globex"
"""


def read(folder: Path, text: str) -> PoolFile:
    path = folder / "pools.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def complaints(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(PoolFileError) as caught:
        read(folder, text)
    return caught.value.sentences


def test_the_whole_file(tmp_path: Path) -> None:
    file = read(tmp_path, FULL)
    gold, rest = file.pools
    assert (gold.pool, rest.pool) == ("cfg-1", "cfg-rest")
    assert gold.language_requirements.asr_languages == ("zh", "en")
    assert file.pool_of("acme") == gold
    assert file.pool_of("globex") is file.pool_of(None) is None
    assert file.tenant_of("node-A", "") == "acme"
    assert file.tenant_of("node-A", "0123456789abcdef0123456789abcdef") == "globex"
    assert file.tenant_of("node-B", "") is None
    assert PoolFile.from_canonical(file.canonical()) == file


def test_an_empty_file_configures_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, "") == PoolFile()
    assert PoolFile().canonical() == ""
    assert PoolFile.from_canonical(b"") == PoolFile()


WRONG = [
    ("[[pools]]\nname = 'x'", "pools.toml: pools[0].pool_id is missing. Add it."),
    ("[[pools]]\npool_id = 'a b'", "pools.toml: pools[0].pool_id must be 1 to 64 letters, digits and . _ -."),
    ("[[pool]]\npool_id = 1", "pools.toml: pool is not known here. Check the spelling, or leave it out."),
    (
        "[[pools]]\npool_id = 1\nrequired_services = ['asrr']",
        "pools.toml: pools[0].required_services[0] is 'asrr'. "
        "Write one of 'asr', 'nmt', 'tts', 'semantic' or 'tone'.",
    ),
    (
        "[[pools]]\npool_id = 1\nrequired_services = 'asr'",
        'pools.toml: pools[0].required_services is not a list. Write one such as ["en", "de"].',
    ),
    (
        "[[pools]]\npool_id = 1\nlanguage_requirements = { asr_languages = ['auto'] }",
        "pools.toml: pools[0].language_requirements.asr_languages[0] is no language code. "
        'Write one such as "en" or "pt-br".',
    ),
    (
        "[[pools]]\npool_id = 1\nlanguage_requirements = { nmt_requirements = { rule = 'any_to_any' } }",
        "pools.toml: pools[0].language_requirements.nmt_requirements languages is missing. "
        'Write a list such as ["de", "en"].',
    ),
    (
        "[[pools]]\npool_id = 1\n[[pools]]\npool_id = '1'",
        "pools.toml: pool_id '1' is used by two pools. Give each its own.",
    ),
    (
        "[[tenant_overrides]]\ntenant_id = 'acme'\npool_id = 'gold'",
        "pools.toml: tenant_overrides[0].pool_id: there is no pool 'gold'. "
        "Write one of those defined: none yet.",
    ),
    ("strict_pool_eligibility = 'si'", "pools.toml: strict_pool_eligibility must be true or false."),
]


@pytest.mark.parametrize(("text", "says"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named_with_its_place_and_a_remedy(tmp_path: Path, text: str, says: str) -> None:
    assert complaints(tmp_path, text) == (says,)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    assert len(complaints(tmp_path, "x = 1\n[[pools]]\nname = 'x'\n[[tenant_overrides]]\n")) == 4


def test_what_is_no_toml_is_said_with_its_line(tmp_path: Path) -> None:
    assert "line 2" in complaints(tmp_path, "a = 1\nb = = 2")[0]
    (tmp_path / "pools.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(PoolFileError, match="UTF-8"):
        load(tmp_path / "pools.toml")
    with pytest.raises(PoolFileError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def pool_of(folder: Path, asked: str) -> PoolFile:
    return read(folder, f"[[pools]]\npool_id = 1\n{asked}")


WIDE = node_class(polyglot("de en zh"))


@pytest.mark.parametrize(
    ("asked", "cls", "member"),
    [
        ("", node_class(None, frozenset()), True),
        ("required_services = ['asr', 'tts']", WIDE, True),
        ("required_services = ['semantic']", WIDE, False),
        ("language_requirements = { asr_languages = ['de', 'zh-TW'] }", WIDE, True),
        ("language_requirements = { asr_languages = ['de', 'pt'] }", WIDE, False),
        ("language_requirements = { semantic_languages = ['de'] }", WIDE, False),
        (
            "language_requirements.nmt_requirements = { rule = 'any_to_any', languages = ['de', 'en'] }",
            WIDE,
            True,
        ),
        (
            "language_requirements.nmt_requirements = { rule = 'any_to_en', languages = ['pt', 'de'] }",
            WIDE,
            False,
        ),
        (
            "language_requirements.nmt_requirements = { rule = 'any_to_en', languages = ['pt', 'de'], "
            "blocked_pairs = [{ src = 'pt', tgt = 'en' }] }",
            WIDE,
            True,
        ),
        (
            "language_requirements.nmt_requirements = { rule = 'en_to_any', languages = ['de', 'en'] }",
            WIDE,
            True,
        ),
        (
            "language_requirements.nmt_requirements = { rule = 'specific_pairs', "
            "supported_pairs = [{ src = 'de', tgt = 'pt' }] }",
            WIDE,
            False,
        ),
    ],
)
def test_a_node_is_a_member_when_its_class_has_all_that_is_asked(
    tmp_path: Path, asked: str, cls: CapabilityClass, member: bool
) -> None:
    assert admits(pool_of(tmp_path, asked).pools[0], cls) is member


@pytest.mark.parametrize(
    ("scope", "mode", "services", "eligible"),
    [
        ("core_only", "contains", "asr nmt", True),
        ("core_only", "contains", "asr nmt tone", True),
        ("all_required", "contains", "asr nmt tone", False),
        ("core_only", "exact", "asr nmt", False),
        ("core_only", "exact", "asr nmt tts", True),
        ("all_required", "exact", "asr nmt tts", False),
    ],
)
def test_pools_fit_a_job_by_their_services(scope: str, mode: str, services: str, eligible: bool) -> None:
    file = PoolFile.model_validate(
        {
            "pools": [{"pool_id": "p", "required_services": ["asr", "nmt", "tts", "semantic"]}],
            "pool_match_scope": scope,
            "pool_match_mode": mode,
        }
    )
    found = file.eligible(Requirement("de", "en", frozenset(services.split())))
    assert bool(found) is eligible


@given(requirements)
def test_no_pool_is_eligible_where_there_is_none(requirement: Requirement) -> None:
    assert PoolFile().eligible(requirement) == []


def test_services_of_a_pool_are_those_of_the_protocol() -> None:
    """What these tests stand on."""
    assert {str(each.type) for each in capabilities(CORE)} >= {"asr", "nmt", "tts", "semantic", "tone"}
