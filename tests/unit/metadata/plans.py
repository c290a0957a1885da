"""Plans of prepared statements, as EXPLAIN tells them: what each node reads, and by which key."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import extensions

INDEX_SCANS = ("Index Scan", "Index Only Scan")


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a plan."""

    kind: str
    table: str
    index: str
    condition: str
    """What the index is searched for."""
    loops: int
    rows_removed: int
    """By its filter or join's condition, over all loops."""

    @property
    def probe(self) -> tuple[str, str]:
        return self.table, self.index


def explain(
    connection: extensions.connection, statement: str, parameters: Sequence[object] | None = None
) -> list[Node]:
    """Runs the statement; the nodes of its plan, the reads of tables and the joins."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", parameters)
        (answer,) = cursor.fetchone() or (None,)
    found = answer if isinstance(answer, list) else json.loads(str(answer))
    return list(_nodes(found[0]["Plan"]))


def table_reads(nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if node.table]


def _nodes(plan: dict[str, Any]) -> Iterator[Node]:
    loops = int(plan["Actual Loops"])
    yield Node(
        plan["Node Type"],
        plan.get("Relation Name", "") if "Scan" in plan["Node Type"] else "",
        plan.get("Index Name", ""),
        plan.get("Index Cond", ""),
        loops,
        # Both are means of the loops.
        round((plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Join Filter", 0)) * loops),
    )
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
