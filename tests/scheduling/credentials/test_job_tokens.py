"""Tokens that ride with a job."""

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduling.credentials import Refusal
from scheduling.credentials.job_tokens import JobClaim, JobTokens, read_job_token

SECRET = "a secret that node services share with us"


def test_it_names_job_attempt_and_node() -> None:
    token = JobTokens(SECRET, 60_000).make("job-1~2", 2, "node-1")
    assert read_job_token(SECRET, token) == JobClaim("job-1~2", 2, "node-1")


def test_it_ends() -> None:
    with pytest.raises(Refusal, match="expired"):
        read_job_token(SECRET, JobTokens(SECRET, -1000).make("job-1", 1, "node-1"))


def test_another_secret_and_another_kind_of_token_are_refused() -> None:
    for token in (
        JobTokens("x" * 32, 60_000).make("job-1", 1, "node-1"),
        jwt.encode({"sub": "a", "role": "node", "exp": 2**33}, SECRET, "HS256"),
    ):
        with pytest.raises(Refusal):
            read_job_token(SECRET, token)


@given(st.text())
def test_any_text_is_refused(token: str) -> None:
    with pytest.raises(Refusal):
        read_job_token(SECRET, token)
