"""What went wrong with pools in the original, over real sockets, numbered as in the list of failings."""

from itertools import permutations
from typing import Any

import pytest

from tests.stack import Stack, wait_until

Pair = tuple[str, str]


def said(stack: Stack, src: str, tgt: str, web: int = 0, **init: Any) -> str:
    """Say something; gives its translation."""
    with stack.client(src, tgt, web=web, **init) as client:
        client.say()
        return str(client.result()["text_translated"])


def test_9_a_node_for_three_languages_serves_every_pair_among_them(stack: Stack, pair: Pair) -> None:
    languages = [f"{pair[0]}-{name}" for name in ("de", "en", "zh")]
    with stack.node(*permutations(languages, 2)):
        for src, tgt in permutations(languages, 2):
            assert said(stack, src, tgt) == f"{tgt} 0"


def test_10_auto_source_finds_a_node_that_hears_what_may_be_spoken(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    with stack.node(pair) as able, stack.node((f"{src}-other", tgt)) as other:
        for _ in range(3):
            assert said(stack, "auto", tgt, auto_langs=[src, tgt]) == f"{tgt} 0"
        assert (len(able.jobs), other.jobs) == (3, [])


def test_10_two_way_talk_goes_to_a_node_for_both_directions(stack: Stack, pair: Pair) -> None:
    """A node for one of them was as good as another, and the other speaker was not understood."""
    one, other = pair
    both: dict[str, Any] = {
        "mode": "two_way_auto",
        "lang_a": one,
        "lang_b": other,
        "auto_langs": [one, other],
    }
    with stack.node(pair) as half, stack.node(pair, (other, one)) as able:
        for _ in range(3):
            assert said(stack, "auto", other, **both) == f"{other} 0"
        assert said(stack, "auto", one, **both) == f"{one} 0"
        assert (half.jobs, len(able.jobs)) == ([], 4)
        assert {able.job()[name] for name in ("lang_a", "lang_b")} == {one, other}


def test_10_two_way_talk_without_a_node_for_both_is_refused_in_words(stack: Stack, pair: Pair) -> None:
    one, other = pair
    with (
        stack.node(pair),
        stack.client("auto", other, mode="two_way_auto", lang_a=one, lang_b=other) as client,
    ):
        client.say()
        refusal = client.wait("error")
        assert refusal["code"] == "UNSUPPORTED_FEATURE"
        assert f"{one}↔{other}" in refusal["message"]


def test_11_no_pool_looks_empty_that_has_a_node(stack: Stack, pair: Pair) -> None:
    """Every pool a node stands in lists it, and both web processes send it work."""
    with stack.node(pair) as node:
        record = stack.record_of(node.node_id)
        assert record["pools"].split()
        assert [said(stack, *pair, web=web) for web in (0, 1)] == [f"{pair[1]} 0"] * 2
        assert len(node.jobs) == 2


def test_odd_lists_of_languages_make_no_new_requirements(stack: Stack, pair: Pair) -> None:
    src, tgt = pair
    with stack.node(pair):
        for number in range(4):
            assert said(stack, "auto", tgt, auto_langs=[src, f"nobody{number}"]) == f"{tgt} 0"
        assert count_requirements(stack, tgt) == 1


def count_requirements(stack: Stack, tgt: str) -> int:
    requirements = stack.redis.hvals(f"sd:{{{stack.settings.get('cell', '0')}}}:requirements")
    return sum(f'"tgt":"{tgt}"' in each for each in requirements)


def test_repair_is_required_when_the_session_asks_for_it(stack: Stack, pair: Pair) -> None:
    asked = {"use_asr": True, "use_nmt": True, "use_tts": True, "use_semantic": True}
    with stack.node(pair) as plain, stack.node(pair, semantic=pair) as able, stack.client(*pair) as client:
        for index in range(3):
            client.utterance(index, pipeline=asked)
            client.result(index + 1)
        assert (plain.jobs, len(able.jobs)) == ([], 3)


FILE = """
node_tenants = {{ {node} = "acme" }}

[[pools]]
pool_id = "gold"
language_requirements = {{ asr_languages = ["{src}-gold"] }}

[[tenant_overrides]]
tenant_id = "globex"
pool_id = "gold"
"""


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a system with workers, beat and a pool file, and the file."""
    path = tmp_path_factory.mktemp("pools") / "pools.toml"
    path.write_text(FILE.format(node="mine", src="en"))
    with Stack(webs=2, workers=True, beat=True, pools_file=str(path)) as stack:
        wait_until(lambda: stack.redis.exists("sd:{0}:poolfile") == 1, "the file to be in force")
        yield stack, path
        stack.assert_clean_logs("the pools stay as they were")


def test_private_node_gets_its_tenants_jobs_and_never_public_ones(configured: Any) -> None:
    stack, _ = configured
    pair = ("pa", "pb")
    with stack.node(pair, node_id="mine", public=False) as private:
        with stack.client(*pair) as stranger:
            stranger.say()
            assert stranger.wait("error")["code"] in ("UNSUPPORTED_FEATURE", "NO_AVAILABLE_NODE")
        with stack.client(*pair, tenant_id="globex") as other:
            other.say()
            assert other.wait("error")["code"] in ("UNSUPPORTED_FEATURE", "NO_AVAILABLE_NODE")
        assert said(stack, *pair, web=1, tenant_id="acme") == "pb 0"
        with stack.node(pair) as public:
            assert [said(stack, *pair) for _ in range(3)] == ["pb 0"] * 3
            assert (len(private.jobs), len(public.jobs)) == (1, 3)


def test_private_node_without_a_tenant_gets_no_jobs(configured: Any) -> None:
    stack, _ = configured
    pair = ("pc", "pd")
    with stack.node(pair, public=False) as private, stack.node(pair):
        assert said(stack, *pair, tenant_id="acme") == "pd 0"
        assert said(stack, *pair) == "pd 0"
        assert private.jobs == []


def test_tenants_pool_comes_first_and_follows_the_file_without_a_restart(configured: Any) -> None:
    stack, path = configured
    pair = ("en", "pe")
    gold_pairs = [pair, ("en-gold", "pe")]
    with stack.node(*gold_pairs, slots=8) as gold, stack.node(pair, slots=8) as plain:
        wait_until(lambda: "cfg-gold" in stack.record_of(gold.node_id)["pools"], "the pool's node")
        version = int(stack.redis.hget("sd:{0}:cell", "pools_version"))
        wait_until(lambda: stack.webs[0].stats()["pools_version"] == version, "the file in the web process")
        said(stack, *pair, tenant_id="globex")
        wait_until(lambda: "req-" in stack.record_of(gold.node_id)["pools"], "the tenant's own pool")
        wait_until(lambda: len(plain.jobs) + len(gold.jobs) == 1, "the first job")
        before = len(gold.jobs)
        for _ in range(4):
            said(stack, *pair, tenant_id="globex")
        assert len(gold.jobs) == before + 4
        path.write_text("strict_pool_eligibility = maybe")
        wait_until(lambda: "TOML" in (stack.redis.hget("sd:{0}:cell", "poolfile_error") or ""), "the refusal")
        assert "cfg-gold" in stack.record_of(gold.node_id)["pools"]
        path.write_text(FILE.format(node="mine", src="nobody"))
        wait_until(lambda: "cfg-" not in stack.record_of(gold.node_id)["pools"], "the new file")
