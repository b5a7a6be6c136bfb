"""A job carries a token only where a secret is set."""

from scheduling.credentials.job_tokens import JobClaim, read_job_token
from tests.stack import Stack
from tests.valkey import Valkey

SECRET = "a secret that node services share with us"


def test_with_a_secret_each_attempt_has_its_token(valkey: Valkey) -> None:
    with (
        Stack(valkey=valkey, cell="jobtokens", job_token_secret=SECRET) as stack,
        stack.node(("en", "pt")) as node,
        stack.client() as client,
    ):
        client.say()
        assert client.result()["type"] == "translation_result"
        job = node.job()
        claim = JobClaim(job["job_id"], job["attempt_id"], node.node_id)
        assert read_job_token(SECRET, job["job_token"]) == claim
        assert job["job_token"] not in stack.webs[0].log


def test_without_one_there_is_no_such_member(stack: Stack, pair: tuple[str, str]) -> None:
    with stack.node(pair) as node, stack.client(*pair) as client:
        client.say()
        client.result()
        assert "job_token" not in node.job()
