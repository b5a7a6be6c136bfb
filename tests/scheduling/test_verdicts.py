import pytest

from scheduling.verdicts import is_curable


@pytest.mark.parametrize(
    "code", ["PROCESSING_ERROR", "MODEL_NOT_AVAILABLE", "NMT_TIMEOUT", "SOMETHING_OF_ITS_OWN"]
)
def test_what_lies_in_one_node_is_tried_on_another(code: str) -> None:
    assert is_curable(code)


@pytest.mark.parametrize("code", ["INVALID_MESSAGE", "INVALID_AUDIO", "UNSUPPORTED_FEATURE"])
def test_what_lies_in_the_job_is_not(code: str) -> None:
    assert not is_curable(code)
