"""Names of all Redis keys of a cell, and who owns each and when it ends.

Every key of a cell carries the cell's hash tag, so one script may touch them all in a Cluster.

| key | type | holds | written by | ends |
|---|---|---|---|---|
| ``cell`` | hash | epoch, schema, limits, counters | `open_cell` and most scripts | with the cell |
| ``nodes`` | sorted set | online nodes by last life (ms) | node scripts | a member with its node |
| ``node:ID`` | hash | record of a node | node scripts | ``node_memory_ms`` after it went offline |
| ``leases:ID`` | sorted set | ``job|attempt|slot`` to deadline (ms) | job scripts | empty when none runs |
| ``pools`` | hash | class id to canonical class | `set_node_pools` | a field by `prune_pool` |
| ``classpools`` | hash | class id to the pools of its nodes | `set_class_pools` | a field by `prune_pool` |
| ``movingclasses`` | hash | classes whose nodes are moved | `set_class_pools` | a field by `class_moved` |
| ``poolfile`` | string | the operator's pools | `set_pool_file` | with the cell |
| ``pool:P`` | sorted set | dispatchable nodes by load | `refresh_node` | empty when none is |
| ``members:P`` | set | nodes of the pool | `move_to_pools` | empty when none is |
| ``poolwhy:P:WORD`` | set | its nodes that WORD keeps from work | `refresh_node` | empty when none is |
| ``classmakers`` | hash | who made a class, and how many each | `set_node_pools` | a field by `prune_pool` |
| ``idlepools`` | hash | pools without a node, since when (ms) | `prune_pool` | a field with its pool |
| ``poolgone:P`` | string | its last node left a moment ago | `move_to_pools` | ``wait_ms`` |
| ``poolrests:P`` | string | its last slot at work went a moment ago | `nodes` | ``admit_wait_ms`` |
| ``requirements`` | hash | requirement id to canonical requirement | `link` | a field with its pools |
| ``reqpools:R`` | set | pools that serve it, at most 32 | `link` | with its requirement |
| ``fair`` | hash | tenants' finish tags and numbers of waiting jobs | `fair` | when nothing waits |
| ``warm`` | hash | node that did a requirement last | `assign` | a field with its requirement |
| ``waiting:R`` | sorted set | jobs that wait, by rank | `waiting` | empty when none waits |
| ``poolwaiting:P`` | sorted set | requirements that wait for it | `waiting` | empty when none waits |
| ``pace`` | hash | by pool: slots at work, ms a job, last refusal | `nodes`, `admit` | with the last slot |
| ``pairing:CODE``, ``pairingof:NODE`` | string | node of a code, its code | `issue_pairing_code` | 5 min |
| ``pairingmisses`` | set | tries of wrong pairing codes | `use_pairing_code` | a minute after the first |
| ``deadlines`` | sorted set | ``j|JOB``, ``n|NODE``, ``r|REQ`` to due (ms) | all | a member when settled |
| ``session:S`` | hash | owner, order numbers, group | session scripts | ``session_ms``, ``resume_ms`` |
| ``tenantsessions:T`` | sorted set | sessions a tenant has open | `open_session` | empty when none is |
| ``tenantjobs:T`` | sorted set | its jobs under way, by deadline (ms) | `quota` | ``utterance_ms`` |
| ``tenantaudio:T`` | hash | its audio (ms) by hour | `quota` | 24 h after the last |
| ``usage:tenant:DAY``, ``usage:node:DAY`` | hash | what was used on a day | `add_usage` | ``usage_days`` |
| ``usageseen:I`` | string | last batch of an instance | `add_usage` | a day after it |
| ``request:ID`` | string | job of a request id | `reserve` | utterance and retention |
| ``job:J`` | hash | record of a job and its attempts | job scripts | ``retention_ms`` after its end |
| ``ready:S:TGT`` | hash | messages before their turn | `store_result` | utterance and retention |
| ``out:S`` | stream | what was released to the client | `out` | ``resume_ms`` to twice that after the last |
| ``room:CODE`` | hash | id, members by language and by instance | room scripts | with its last member |
| ``roommembers:CODE`` | hash | session to JSON of the member | room scripts | with its last member |
| ``roomlang:CODE:TGT`` | set | members that want to hear TGT | room scripts | empty when none does |
| ``rooms`` | sorted set | codes by their last speech (ms) | room scripts | a member with its room |
| ``roommsg:S:TGT:N`` | hash | a result for all its listeners | `store_result` | as ``out:S`` |
| ``relayed:ID`` | string | a signal was handed on | `room_relay` | 10 s |
| ``inbox:I`` | stream | hints for an instance | `tell` | `end_instance`, ``inbox_ms`` unread |
| ``instances`` | sorted set | web processes, last heard | `touch_instance` | a member by `end_instance` |
| ``generations`` | hash | instance to generation | `touch_instance` | a field by `end_instance` |
| ``instancenodes:I`` | set | nodes it holds the sockets of | node scripts | `end_instance` |
| ``instancesessions:I`` | sorted set | its sessions, next look (ms) | session scripts | `end_instance`, 2 h |
| ``instance:I`` | string | JSON: what it holds | web process | `end_instance`, 1 min after the last |
| ``metrics:I`` | string | JSON: its counts | web process, worker | `end_instance`, 1 min after the last |
| ``workers`` | sorted set | workers and beats, last heard (ms) | `note_worker` | 10 s after the last |
| ``latency`` | hash | jobs done by class of duration | `finish` | with the cell |
| ``dead`` | sorted set | dead letters by when the job failed (ms) | `dead` | ``dead_ms`` after the last |
| ``dead:J`` | hash | a dead letter | `dead`, `note_replay` | ``dead_ms``, or when dropped |
| ``deadaudio`` | set | audio of dead letters that were trimmed | `dead` | when a drain has dropped it |
| ``audit`` | stream | what operators did | `note_action` | ``audit_entries``, ``audit_ms`` |
| ``canary:NODE`` | hash | wrong answers in a row by recording, since (ms) | `note_canary` | a week after |
| ``canaryrights`` | hash | when a recording was answered right last (ms) | `note_canary` | a week after |
| ``canarytried`` | sorted set | nodes by when they were sent a canary (ms) | web process | a week after |
| ``revoked`` | hash | ``KIND:NAME`` to JSON of a revocation, ``version`` | operators | a field with its end |
| ``outbox:results:N`` | stream | ended jobs to format | `finish` | entries once drained |
| ``outbox:nodes`` | stream | nodes, requirements to look at | `note_dirty` | entries once drained |
| ``wake:N`` | string | a drain of the shard is on its way or at work | `wake` | ``wake_ms`` |
| ``snapshot`` | string | pools per requirement, versioned | worker | with the cell |
| ``sweeping``, ``once:NAME`` | string | who does periodic work | sweepers, tasks, canaries | its period |
| ``bodyindex`` | sorted set | bodies by expiry (ms), their sum in ``cell`` | body scripts | with them |
| ``body:NAME`` | string | audio or speech, base64 | `reserve`, `complete`, `put_body` | its time to live |
"""

from typing import Final
from zlib import crc32

#: Layout of the keys, noted in the cell; scripts and processes of another layout refuse it. CONTRIBUTING.md
#: says when to raise it (and with it the one in ``lua/include/ground.lua``).
SCHEMA: Final = "1"


class Keys:
    """Key names of one cell."""

    def __init__(self, cell: str) -> None:
        self.prefix = f"sd:{{{cell}}}:"
        self.cell = f"{self.prefix}cell"
        self.pools = f"{self.prefix}pools"
        self.class_pools = f"{self.prefix}classpools"
        self.moving_classes = f"{self.prefix}movingclasses"
        self.pool_file = f"{self.prefix}poolfile"
        self.nodes = f"{self.prefix}nodes"
        self.requirements = f"{self.prefix}requirements"
        self.deadlines = f"{self.prefix}deadlines"
        self.sweeping = f"{self.prefix}sweeping"
        self.snapshot = f"{self.prefix}snapshot"
        self.body_index = f"{self.prefix}bodyindex"
        self.rooms = f"{self.prefix}rooms"
        self.instances = f"{self.prefix}instances"
        self.generations = f"{self.prefix}generations"
        self.workers = f"{self.prefix}workers"
        self.latency = f"{self.prefix}latency"
        self.dirty = f"{self.prefix}outbox:nodes"
        self.audit = f"{self.prefix}audit"
        self.dead = f"{self.prefix}dead"
        self.revoked = f"{self.prefix}revoked"
        self.dead_audio = f"{self.prefix}deadaudio"
        self.canary_rights = f"{self.prefix}canaryrights"
        self.canary_tried = f"{self.prefix}canarytried"

    def node(self, node_id: str) -> str:
        """Record of a node."""
        return f"{self.prefix}node:{node_id}"

    def leases(self, node_id: str) -> str:
        """Leases of a node."""
        return f"{self.prefix}leases:{node_id}"

    def pool(self, pool: str) -> str:
        """Dispatchable nodes of a pool."""
        return f"{self.prefix}pool:{pool}"

    def members(self, pool: str) -> str:
        """Nodes of a pool."""
        return f"{self.prefix}members:{pool}"

    def pool_why(self, pool: str, word: str) -> str:
        """Nodes of a pool that get no work, for the reason of this one word."""
        return f"{self.prefix}poolwhy:{pool}:{word}"

    def pool_waiting(self, pool: str) -> str:
        """Give the requirements that wait for a pool."""
        return f"{self.prefix}poolwaiting:{pool}"

    def requirement_pools(self, requirement: str) -> str:
        """Pools that serve a requirement."""
        return f"{self.prefix}reqpools:{requirement}"

    def waiting(self, requirement: str) -> str:
        """Jobs that wait for a requirement."""
        return f"{self.prefix}waiting:{requirement}"

    def session(self, session_id: str) -> str:
        """Record of a session."""
        return f"{self.prefix}session:{session_id}"

    def request(self, request_id: str) -> str:
        """Binding of a request id."""
        return f"{self.prefix}request:{request_id}"

    def job(self, job_id: str) -> str:
        """Record of a job."""
        return f"{self.prefix}job:{job_id}"

    def dead_letter(self, job_id: str) -> str:
        """Give the dead letter of a job."""
        return f"{self.prefix}dead:{job_id}"

    def ready(self, session_id: str, tgt: str) -> str:
        """Messages of a session and language that wait for their turn."""
        return f"{self.prefix}ready:{session_id}:{tgt}"

    def out(self, session_id: str) -> str:
        """Out stream of a session."""
        return f"{self.prefix}out:{session_id}"

    def room(self, code: str) -> str:
        """Record of a room."""
        return f"{self.prefix}room:{code}"

    def room_members(self, code: str) -> str:
        """Members of a room."""
        return f"{self.prefix}roommembers:{code}"

    def room_message(self, name: str) -> str:
        """Message that is kept once for all who listen to it."""
        return f"{self.prefix}roommsg:{name}"

    def relayed(self, token: str) -> str:
        """Mark that a signal was handed on."""
        return f"{self.prefix}relayed:{token}"

    def inbox(self, instance: str) -> str:
        """Inbox stream of an instance."""
        return f"{self.prefix}inbox:{instance}"

    def instance(self, instance: str) -> str:
        """Give what an instance says of itself."""
        return f"{self.prefix}instance:{instance}"

    def metrics(self, process: str) -> str:
        """Give what a web process or a worker counted."""
        return f"{self.prefix}metrics:{process}"

    def instance_nodes(self, instance: str) -> str:
        """Nodes an instance holds the sockets of."""
        return f"{self.prefix}instancenodes:{instance}"

    def instance_sessions(self, instance: str) -> str:
        """Sessions an instance holds."""
        return f"{self.prefix}instancesessions:{instance}"

    def results(self, shard: int) -> str:
        """Outbox of ended jobs."""
        return f"{self.prefix}outbox:results:{shard}"

    def wake(self, shard: int) -> str:
        """Mark that a drain of a shard is on its way, or at work."""
        return f"{self.prefix}wake:{shard}"

    def once(self, name: str) -> str:
        """Mark that one process does a periodic work."""
        return f"{self.prefix}once:{name}"

    def canary(self, node_id: str) -> str:
        """Answers of a node to canaries."""
        return f"{self.prefix}canary:{node_id}"

    def usage(self, by: str, day: str) -> str:
        """Usage of a day, as YYYY-MM-DD, by tenant or node."""
        return f"{self.prefix}usage:{by}:{day}"

    def usage_seen(self, instance: str) -> str:
        """Give the number of the last batch of usage of an instance."""
        return f"{self.prefix}usageseen:{instance}"

    def body(self, name: str) -> str:
        """Audio or speech body."""
        return f"{self.prefix}body:{name}"


def shard_of(session_id: str, shards: int) -> int:
    """Shard of the outbox: one for all results of a session, so that one drain formats them together."""
    return crc32(session_id.encode()) % shards
