"""uacme issues and revokes by each kind of challenge, and renews; ualpn answers for it by TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.acme_house import DOMAIN, House, present, running, script, until

HOOK = """
[ "$2" = "$CHALLENGE" ] || exit 1
case "$1 $2" in
    "begin http-01") printf %s "$5" >"$CHALLENGES/$4" ;;
    "begin dns-01") echo "$5" >>"$ZONE/_acme-challenge.$3" ;;
    "begin tls-alpn-01") echo "auth $3 $5" | ualpn -s "$SOCKET" | grep -q OK ;;
esac
"""


@pytest.fixture
def answering(house: House, tmp_path: Path) -> Iterator[None]:
    """A web server, and ualpn where TLS is looked at."""
    socket, pid = tmp_path / "ualpn", tmp_path / "pid"
    command = [present("ualpn"), "-n", "1", "-b", f"127.0.0.1@{house.tls_port}"]
    command += ["-c", "127.0.0.1@1", "-s", str(socket), "-p", str(pid)]
    with house.serving_files(), running(house, *command, cwd=tmp_path) as (_, log):
        until(socket.exists, log)
        yield


def uacme(house: House, folder: Path, challenge: str, *words: str | Path) -> str:
    """Run it where our root is the system's: it takes no other. By DNS it is an account let in."""
    url = house.url("bound" if challenge == "dns-01" else "acme")
    system = folder / "system"
    system.mkdir(exist_ok=True)
    (system / "ca-certificates.crt").write_bytes(house.root.read_bytes())
    hook = script(folder / "hook", HOOK)
    trusting = f'mount --bind "{system}" /etc/ssl/certs && exec "$@"'
    return house.run(
        "unshare", "--map-root-user", "--mount", "sh", "-c", trusting, "sh",
        present("uacme"), "-y", "-t", "EC", "-c", folder / "uacme", "-a", url, "-h", hook,
        *words, cwd=folder, more={"CHALLENGE": challenge, "SOCKET": str(folder / "ualpn")},
    )  # fmt: skip


@pytest.mark.parametrize("challenge", ["http-01", "tls-alpn-01", "dns-01"])
@pytest.mark.usefixtures("answering")
def test_uacme(house: House, tmp_path: Path, challenge: str) -> None:
    name = f"uacme-{challenge}.{DOMAIN}"
    names = [name, f"*.{name}"] if challenge == "dns-01" else [name]
    bound = ["-e", ":".join(house.bound(*names))] if challenge == "dns-01" else []
    file = tmp_path / "uacme" / name / "cert.pem"
    uacme(house, tmp_path, challenge, *bound, "new", "anna@home.example")
    uacme(house, tmp_path, challenge, "issue", *names)
    first = house.take(file, *names)
    last = first
    if challenge == "dns-01":
        uacme(house, tmp_path, challenge, "-f", "issue", *names)
        last = house.take(file, *names)
        assert last.serial_number != first.serial_number
    uacme(house, tmp_path, challenge, "revoke", file)
    assert house.revoked(last)
    uacme(house, tmp_path, challenge, "newkey")
    uacme(house, tmp_path, challenge, "deactivate")
