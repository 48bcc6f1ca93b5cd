"""python -m tests.bench.telling serve ...: the product, which tells at SIGUSR1 what it holds.

It writes JSON to the file that HEARTH_TELLS names: how many tasks there are of each name, and how
many objects of each type that the garbage collector knows of. Nothing else is changed: no thread
and no descriptor is added.
"""

import gc
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import trio

from appliance.cli.main import main


def tell(*_: object) -> None:
    """Write what there is, in whole or not at all. Runs in the thread of the event loop."""
    unreachable = gc.collect()
    file = Path(os.environ["HEARTH_TELLS"])
    new = file.with_suffix(".new")
    content = {
        "tasks": Counter(task.name for task in _tasks()),
        "objects": Counter(_name(type(each)) for each in gc.get_objects()),
        "unreachable": unreachable,
    }
    new.write_text(json.dumps(content))
    new.replace(file)


def _tasks() -> Iterator[trio.lowlevel.Task]:
    root = trio.lowlevel.current_root_task()
    waiting = [root] if root else []
    while waiting:
        task = waiting.pop()
        yield task
        for nursery in task.child_nurseries:
            waiting.extend(nursery.child_tasks)


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, tell)
    raise SystemExit(main())
