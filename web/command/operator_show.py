"""How what the API answers is shown to people: lists, explanations, and what became of a wish."""

from typing import Any

from web.command.operator_text import count, paragraph, plain, some, span, table

Body = dict[str, Any]


def nodes(body: Body) -> str:
    """Show a list of nodes."""
    if not body["nodes"]:
        return "No node is connected. One joins with: speech-dispatch node --url ws://HOST:5010/ws/node"
    rows = [
        (
            node["node_id"],
            node["status"],
            f"{node['slots']['used']}/{node['slots']['most']}",
            node["slots"]["held"] or "",
            node["pairs"],
            "private" if node["private"] else "",
            span(body["now_ms"] - node["seen_ms"]),
            _why(node),
        )
        for node in sorted(body["nodes"], key=lambda node: str(node["node_id"]))
    ]
    heads = ("NODE", "STATUS", "USED", "HELD", "PAIRS", "FOR", "HEARD", "NO NEW WORK BECAUSE")
    free = sum(node["slots"]["free"] for node in body["nodes"] if not node["why"])
    more = f" of {body['total']}" if body["total"] > len(rows) else ""
    foot = f"{count(len(rows), 'node')}{more}, {count(free, 'free slot')}."
    foot += " More about one: speech-dispatch explain node ID"
    return f"{table(heads, rows)}\n\n{paragraph(foot)}"


def pools(body: Body) -> str:
    """Show a list of pools."""
    if not body["pools"]:
        return "There is no pool: no node has connected yet."
    rows = [
        (
            pool["pool"],
            pool["kind"],
            pool["members"],
            pool["dispatchable"],
            pool["waiting"] or "",
            f"tenant {pool['tenant'] or 'unnamed'}" if pool["tenant"] is not None else "",
            ", ".join(f"{number} {word}" for word, number in pool["excluded"].items()),
            _serves(pool),
        )
        for pool in body["pools"]
    ]
    heads = ("POOL", "KIND", "NODES", "READY", "WAITING", "FOR", "OTHERS", "SERVES")
    more = f" of {body['total']}" if body["total"] > len(rows) else ""
    return f"{table(heads, rows)}\n\n{count(len(rows), 'pool')}{more}, version {body['version']}."


def jobs(body: Body) -> str:
    """Show a list of living jobs."""
    waiting = f"{count(body['waiting'], 'job')} {'waits' if body['waiting'] == 1 else 'wait'} in all."
    if not body["jobs"]:
        return f"No such job is alive. {waiting}"
    rows = [
        (
            job["job_id"],
            job["state"],
            job["pair"],
            job["node"] or "",
            job["attempt"] or "",
            span(body["now_ms"] - job["created_ms"]),
            span(job["deadline_ms"] - body["now_ms"]),
        )
        for job in body["jobs"]
    ]
    heads = ("JOB", "STATE", "PAIR", "NODE", "ATTEMPT", "AGE", "ENDS IN")
    foot = f"{count(len(rows), 'job')} shown; {waiting}"
    foot += " More about one: speech-dispatch explain job ID"
    return f"{table(heads, rows)}\n\n{paragraph(foot)}"


def pair(body: Body) -> str:
    """Show who could do a language pair."""
    asked = body["requirement"]
    tenant = f", tenant {plain(asked['tenant'])}" if asked["tenant"] else ""
    slots = f", {asked['slots']} slots" if asked["slots"] > 1 else ""
    head = f"{asked['words']} with {', '.join(asked['services'])}{tenant}{slots}"
    return "\n\n".join([head, paragraph(body["sentence"]), *_pair_parts(body)])


def job(body: Body) -> str:
    """Show where a job stands."""
    about = body["job"]
    head = f"Job {about['job_id']}: {about['state']}, {about['pair']}, session {about['session_id']}"
    parts = [plain(head), paragraph(body["sentence"])]
    if wait := body["waiting"]:
        parts.append(_waiting(wait, body["now_ms"]))
    if body["attempts"]:
        rows = [(item["attempt"], item["node"], item["outcome"]) for item in body["attempts"]]
        parts.append(table(("ATTEMPT", "NODE", "OUTCOME"), rows, 2))
    stages = [(item["stage"], f"+{_fine(item['after_ms'])}") for item in body["stages"]]
    parts.append(table(("STAGE", "AFTER"), stages, 2))
    if wait and body["pair"]:
        large = body["pair"]["requirement"]["slots"] > 1  # its nodes may look free
        why = [paragraph(body["pair"]["sentence"], 2)] if large else []
        parts += ["What the nodes lack:", *why, *_pair_parts(body["pair"])]
    return "\n\n".join(parts)


def node(body: Body) -> str:
    """Show what keeps work from a node."""
    about, serves, done = body["node"], body["serves"], body["counters"]
    slots = about["slots"]
    held = f", {slots['held']} held by other work" if slots["held"] else ""
    facts = [
        ("status", f"{about['status']} ({about['reason']})"),
        ("heard", f"{span(body['now_ms'] - about['seen_ms'])} ago"),
        ("slots", f"{slots['used']} of {slots['most']} used{held}, {slots['free']} free"),
        ("services", ", ".join(serves["services"]) or "none is ready"),
        ("pairs", some(serves["pairs"], serves["pair_count"], 8) or "none"),
        ("serves", _tenant(serves["tenant"])),
        *([("tier", about["tier"])] if about["tier"] else []),
        ("so far", f"{done['given']} given, {done['done']} done, {done['failed']} failed, "
                   f"{done['retried']} gone elsewhere"),
    ]  # fmt: skip
    parts = [f"Node {about['node_id']}", paragraph(body["sentence"])]
    if body["hindrances"]:
        rows = [(item["reason"], f"{item['says']} {item['advice']}") for item in body["hindrances"]]
        parts.append(table(("REASON", "WHAT IT IS, AND WHAT HELPS"), rows, 2))
    parts.append("\n".join(paragraph(f"{name:<9} {value}", 2, 10) for name, value in facts))
    if body["pools"]:
        pools = [
            (pool["pool"], pool["kind"], pool["members"], pool["dispatchable"], pool["waiting"])
            for pool in body["pools"]
        ]
        parts.append(table(("POOL", "KIND", "NODES", "READY", "WAITING"), pools, 2))
    return "\n\n".join(parts)


def changed_node(body: Body, verb: str) -> str:
    """Say what became of a node."""
    used = body["slots"]["used"]
    name = f"Node {body['node_id']} is {body['status']}"
    if body["status"] == "offline":
        return f"{name}; the wish is kept for when it comes back."
    if verb == "undrain":
        return f"{name}: it takes work again from its next heartbeat on."
    rest = f"{count(used, 'slot')} still in use" if used else "nothing runs there"
    back = f"speech-dispatch undrain {body['node_id']}"
    return f"{name}: it takes no new work, {rest}.\nBring it back with: {back}"


def cancelled_job(body: Body) -> str:
    """Say what became of a job."""
    return f"Job {body['job_id']} is {body['state']}; its client is told."


def _why(node: Body) -> str:
    if node["why"] in ("draining", "quarantined", "offline", "status_not_ready"):
        return f"{node['why']} ({node['reason']})"
    return str(node["why"])


def _serves(pool: Body) -> str:
    pairs = some(pool["sample_pairs"], pool["pairs"], 4)
    return f"{pairs or '-'} ({', '.join(pool['services'])})" if pool["services"] else pairs or "-"


def _tenant(tenant: str | None) -> str:
    if tenant is None:
        return "everybody"
    return f"tenant {tenant} alone" if tenant else "nobody: it is private and its credential names no tenant"


def _fine(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else span(ms)


def _waiting(wait: Body, now_ms: int) -> str:
    estimate = (
        "no estimate yet" if wait["estimate_ms"] is None else f"about {span(wait['estimate_ms'])} to go"
    )
    lines = [
        f"  position  {wait['position']} ({wait['ahead']} ahead), {estimate}",
        f"  waiting   for {span(now_ms - wait['since_ms'])}, {span(wait['until_ms'] - now_ms)} more at most",
    ]
    if wait["avoids"]:
        lines.append(f"  avoids    {', '.join(wait['avoids'])} (it was there)")
    return plain_lines(lines)


def _pair_parts(body: Body) -> list[str]:
    parts = []
    if body["pools"]:
        rows = [(pool["pool"], pool["kind"], pool["members"], pool["dispatchable"]) for pool in body["pools"]]
        parts.append(table(("POOL", "KIND", "NODES", "READY"), rows, 2))
    if body["excluded"]:
        excluded = [
            (
                item["nodes"],
                item["reason"],
                ", ".join(item["sample"][:2]) + (" …" if item["nodes"] > 2 else ""),
                item["advice"],
            )
            for item in body["excluded"]
        ]
        parts.append(table(("NODES", "NOT, BECAUSE", "SUCH AS", "WHAT HELPS"), excluded, 2))
    queue = body["queue"]
    parts.append(paragraph(_queue(queue), 2))
    return parts


def _queue(queue: Body) -> str:
    if not queue["waiting"]:
        said = f"No job waits for this, {queue['waiting_in_cell']} for anything"
    else:
        waits = "waits" if queue["waiting"] == 1 else "wait"
        said = f"{count(queue['waiting'], 'job')} {waits} for this, {queue['waiting_in_cell']} for anything"
    if queue["estimate_ms"]:
        return f"{said}; a new one would wait about {span(queue['estimate_ms'])}."
    return f"{said}."


def plain_lines(lines: list[str]) -> str:
    """Join lines that may quote others."""
    return "\n".join(plain(line) for line in lines)
