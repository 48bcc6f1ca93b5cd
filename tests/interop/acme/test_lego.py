"""lego issues, renews and revokes, by each kind of challenge."""

from pathlib import Path

import pytest

from tests.support.acme_house import DOMAIN, House, present, script


@pytest.mark.parametrize("challenge", ["http", "tls", "dns"])
def test_lego(house: House, tmp_path: Path, challenge: str) -> None:
    name = f"lego-{challenge}.{DOMAIN}"
    hook = script(
        tmp_path / "hook",
        'f="$ZONE/${2%.}"; if [ "$1" = present ]; then echo "$3" >>"$f"; else rm -f "$f"; fi',
    )
    ways = {
        "http": ["--http", "--http.port", f"127.0.0.1:{house.http_port}"],
        "tls": ["--tls", "--tls.port", f"127.0.0.1:{house.tls_port}"],
        "dns": [
            "--dns", "exec", "--dns.disable-cp", "--dns.resolvers", f"127.0.0.1:{house.dns_port}",
        ],
    }  # fmt: skip
    # By TLS, to a provisioner that lets accounts in by keys that it gave out.
    key_id, key = house.bound(name) if challenge == "tls" else ("", "")
    bound = ["--eab", "--kid", key_id, "--hmac", key] if key else []
    url = house.url("bound" if key else "acme")
    names = [f"*.{name}"] if challenge == "dns" else [name]

    def lego(*command: str) -> str:
        return house.run(
            present("lego"), "--accept-tos", "--email", "anna@home.example",
            "--server", url, "--path", tmp_path, *ways[challenge], *bound,
            *(word for each in names for word in ("--domains", each)), *command,
            cwd=tmp_path, more={"EXEC_PATH": str(hook)},
        )  # fmt: skip

    file = tmp_path / "certificates" / f"{names[0].replace('*', '_')}.crt"
    lego("run")
    first = house.take(file, *names)
    lego("renew", "--days", "30", "--no-random-sleep")
    second = house.take(file, *names)
    assert second.serial_number != first.serial_number
    lego("revoke")
    assert house.revoked(second)
