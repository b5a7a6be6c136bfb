"""How often a node is sent a canary, and what follows from a wrong answer, goes by its trust tier."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.credentials import CredentialFile, bearer
from tests.peers import FakeNode, Frame
from tests.stack import Stack, wait_until
from tests.web.api.test_api import get
from tests.web.api.test_uploads import wav
from tests.web.test_canary import PAIR, TEXT, audited, canary, count, hindrance, says


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(CredentialFile(tmp_path))


class Tokens:
    """A credentials file with a node's token of each tier, and nobody's who may be an operator."""

    def __init__(self, file: CredentialFile) -> None:
        self._of = {tier: file.static("node", tier or "usual", tier=tier) for tier in ("", "new", "trusted")}
        self.settings = {"credentials_file": str(file.path)}

    def node(self, stack: Stack, tier: str, text: str) -> FakeNode:
        """Connect a node of a trust tier that hears this text, whatever is said."""
        url = stack.webs[0].url("/ws/node")
        return FakeNode(url, PAIR, headers=bearer(self._of[tier]), answer=says(text))


def test_a_new_node_is_found_out_sooner_and_a_trusted_one_is_only_told_of(
    recording: Path,
    tokens: Tokens,
) -> None:
    with (
        Stack(**canary(recording, canary_tier_weights="*=1"), **tokens.settings) as stack,
        tokens.node(stack, "", TEXT) as honest,
        tokens.node(stack, "new", "nonsense") as new,
    ):
        wait_until(lambda: "quarantine" in hindrance(stack, new.node_id), "the new one to be found out")
        (found,) = audited(stack, new.node_id)
        assert found["reason"] == "canary: recognised 0 of 8 words; 2 wrong answers in a row (tier new)"
        assert new.wait("node_status", status="draining")["reason"] == found["reason"]
        with tokens.node(stack, "trusted", "nonsense") as trusted:
            stack.webs[0].wait_log("CANARY_TIER_FAILURES spares its trust tier")
            trusted.job(4)
            assert hindrance(stack, trusted.node_id) == hindrance(stack, honest.node_id) == ""
            assert audited(stack, trusted.node_id) == []
        assert get(stack, f"nodes/{new.node_id}/explain")["node"]["tier"] == "new"


def test_a_node_of_weight_0_is_never_tried(recording: Path, tokens: Tokens) -> None:
    with (
        Stack(**canary(recording, canary_tier_weights="trusted=0"), **tokens.settings) as stack,
        tokens.node(stack, "trusted", TEXT) as trusted,
    ):
        refused = count(stack, "refused")
        wait_until(lambda: count(stack, "refused") > refused + 1, "canaries to find nobody")
        with tokens.node(stack, "", TEXT) as other:
            other.job(3)
        assert trusted.jobs == []


def test_a_wrong_answer_is_tried_on_another_node_at_once(recording: Path, tokens: Tokens) -> None:
    """Trusted nodes are tried seldom: what proves a liar would be long in coming."""
    weights = "new=1000,trusted=0.01"
    with (
        Stack(**canary(recording, canary_tier_weights=weights), **tokens.settings) as stack,
        tokens.node(stack, "trusted", TEXT) as trusted,
        tokens.node(stack, "new", "nonsense") as liar,
    ):
        wait_until(lambda: "quarantine" in hindrance(stack, liar.node_id), "the liar to be found out")
        assert len(liar.jobs) == 2
        assert trusted.jobs


def test_several_recordings_go_round_and_a_wrong_text_takes_nobody_out(tmp_path: Path) -> None:
    """One of the recordings says something else than its text: all nodes are wrong about that one."""
    for name in ("one.wav", "other.wav"):
        (tmp_path / name).write_bytes(wav())
    (tmp_path / "list.toml").write_text(
        f"""
        [[recordings]]
        file = "one.wav"
        text = "{TEXT}"
        from = "en"
        to = "pt"

        [[recordings]]
        file = "other.wav"
        text = "what nobody says in it"
        from = "en"
        to = "de"
        """
    )

    def honest(job: Frame) -> Frame:
        return says(TEXT)(job)

    with (
        Stack(canary_s=0.1, canary_list=tmp_path / "list.toml", canary_failures=2) as stack,
        stack.node(PAIR, answer=honest) as one,
        stack.node(("en", "de"), answer=honest) as two,
        stack.node(("en", "de"), answer=honest) as three,
    ):
        stack.webs[0].wait_log("other.wav says its text in CANARY_LIST")
        one.job(2)
        for node in (one, two, three):
            assert hindrance(stack, node.node_id) == ""
        assert {job["tgt_lang"] for job in one.jobs} == {"pt"}
        assert {job["tgt_lang"] for job in (*two.jobs, *three.jobs)} == {"de"}


def test_a_list_that_is_wrong_is_told_of_and_may_be_mended(tmp_path: Path) -> None:
    (tmp_path / "one.wav").write_bytes(wav())
    path = tmp_path / "list.toml"
    path.write_text("[[recordings]]\n")
    with Stack(canary_s=0.1, canary_list=path) as stack, stack.node(PAIR, answer=says(TEXT)) as node:
        stack.webs[0].wait_log(
            "CANARY_LIST cannot be used: list.toml: recordings[0].file is missing. Add it."
        )
        assert node.jobs == []
        path.write_text(f'[[recordings]]\nfile = "one.wav"\ntext = "{TEXT}"\nfrom = "en"\nto = "pt"\n')
        node.job()
        path.write_text(path.read_text().replace("one.wav", "gone.wav"))
        stack.webs[0].wait_log("gone.wav of CANARY_LIST cannot be used")
