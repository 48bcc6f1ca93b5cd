"""What the process asks of the system that it runs on."""

import resource

from appliance.server.system import allow_many_files


def test_the_soft_limit_of_files_becomes_the_hard_one() -> None:
    """A thousand connections and a database need more than 1024."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
        allow_many_files()
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (before[1], before[1])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
