"""Why a job waits, why a node gets no work, who could do a language pair.

Pure reads, from counters and bounded samples: nothing here looks at every node or every job.
"""

from scheduling.explain import views
from scheduling.explain.dead import dead_page, read_dead
from scheduling.explain.fleet import job_page, node_page, pool_list
from scheduling.explain.job import explain_job, read_job
from scheduling.explain.node import explain_node, read_node
from scheduling.explain.paging import BadCursor
from scheduling.explain.pair import explain_pair, explain_requirement

__all__ = [
    "BadCursor",
    "dead_page",
    "explain_job",
    "explain_node",
    "explain_pair",
    "explain_requirement",
    "job_page",
    "node_page",
    "pool_list",
    "read_dead",
    "read_job",
    "read_node",
    "views",
]
