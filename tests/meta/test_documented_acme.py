"""The handbook's states of ACME are those by which the server moves: one table for both."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.issuance.acme import states

HANDBOOK = (Path(__file__).resolve().parents[2] / "homelab.md").read_text()
TABLES: Mapping[str, Mapping[tuple[Any, Any], Any]] = {
    "order": states.ORDERS,
    "authorization": states.AUTHORIZATIONS,
    "challenge": states.CHALLENGES,
    "account": states.ACCOUNTS,
}


def test_the_moves_of_the_handbook_are_those_of_the_server() -> None:
    rows = re.findall(rf"^\| ({'|'.join(TABLES)}) \| `(\w+)` \| (.+) \|$", HANDBOOK, re.MULTILINE)
    written = {(kind, state, after) for kind, state, to in rows for after in re.findall(r"\w+", to)}
    moves = {
        (kind, str(before), str(after))
        for kind, table in TABLES.items()
        for (before, _), after in table.items()
        if before is not after
    }
    assert written == moves


def test_the_diagram_of_the_handbook_is_that_of_the_tables() -> None:
    documented = states.__doc__ or ""
    drawn = documented[documented.index("    order ") : documented.index("What is not in a table")]
    lines = [line.strip() for line in drawn.splitlines() if line.strip()]
    handbook = [line.strip() for line in HANDBOOK.splitlines()]
    assert [line for line in lines if line not in handbook] == []
    assert set(re.findall(r"\w+", drawn)) <= {
        *TABLES, *(str(each) for table in TABLES.values() for (state, _), after in table.items()
                   for each in (state, after)),
    }  # fmt: skip
