"""How dead letters are shown to people."""

from typing import Any

from web.command.operator_text import count, paragraph, plain, span, table

Body = dict[str, Any]

_HOW = {
    "lost": "the node was lost",
    "forgotten": "the node came back without it",
    "unanswered": "the node gave no answer",
    "no_progress": "the node made no progress",
    "unreached": "it was never sent",
    "declined": "the node could not take it",
    "withdrawn": "an operator took the node out",
    "out_of_time": "the utterance's time was over",
}


def letters(body: Body) -> str:
    """Show a list of them."""
    if not body["dead"]:
        return "There is no dead letter: no job took its nodes with it lately."
    rows = [
        (
            letter["job_id"],
            letter["pair"],
            letter["tenant"] or "",
            span(body["now_ms"] - letter["died_ms"]),
            _audio(letter),
            count(len(letter["replays"]), "replay") if letter["replays"] else "",
            letter["sentence"],
        )
        for letter in body["dead"]
    ]
    heads = ("JOB", "PAIR", "TENANT", "AGE", "AUDIO", "PLACED AGAIN", "WHAT IT DID")
    more = f" of {body['total']}" if body["total"] > len(rows) else ""
    foot = f"{count(len(rows), 'dead letter')}{more}. More about one: speech-dispatch dead show ID"
    return f"{table(heads, rows)}\n\n{paragraph(foot)}"


def letter(body: Body) -> str:
    """Show one, with what became of each attempt."""
    attempts = [
        (
            item["attempt"],
            item["node"],
            f"+{span(item['ended_ms'] - body['created_ms'])}",
            _HOW.get(item["how"], item["how"]),
        )
        for item in body["attempts"]
    ]
    facts = [
        ("session", body["session_id"]),
        ("tenant", body["tenant"] or "-"),
        ("told", f"{body['message']} ({body['code']})"),
        ("audio", _audio(body) or "not kept: it cannot be placed again"),
        ("replays", ", ".join(body["replays"]) or "none"),
    ]
    return "\n\n".join(
        [
            plain(f"Job {body['job_id']}, {body['pair']}"),
            paragraph(body["sentence"]),
            table(("ATTEMPT", "NODE", "ENDED", "BECAUSE"), attempts, 2),
            "\n".join(f"  {name:<8} {plain(value)}" for name, value in facts),
        ]
    )


def replayed(body: Body) -> str:
    """Say what a dead letter was placed again as."""
    return (
        f"Job {body['job_id']} was placed again, as {body['replay']}; its own session gets nothing of it.\n"
        f"Its result: GET {body['result']}"
    )


def dropped(body: Body) -> str:
    """Say what was dropped."""
    return f"{count(len(body['dropped']), 'dead letter')} dropped, with the audio."


def _audio(letter: Body) -> str:
    size = letter["audio_bytes"]
    return f"{max(1, round(size / 1000))} kB" if size else ""
