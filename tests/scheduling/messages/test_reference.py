from pathlib import Path

from scheduling.messages.reference import protocol_reference

DOCUMENT = Path(__file__).parents[3] / "docs" / "protocol.md"


def test_the_document_has_every_message_as_the_code_has_it() -> None:
    """Run ``python -m tests.scheduling.messages.test_reference`` to write it anew."""
    assert protocol_reference() in DOCUMENT.read_text(encoding="utf-8")


if __name__ == "__main__":
    head = DOCUMENT.read_text(encoding="utf-8").partition("## Node to server")[0]
    DOCUMENT.write_text(head + protocol_reference(), encoding="utf-8")
