"""certbot, Debian's and the newest: issues, renews and revokes."""

import sys
from pathlib import Path

import pytest

from tests.support.acme_house import DOMAIN, House, hours, present, script

VERSIONS = {"debian": "/usr/bin/certbot", "newest": str(Path(sys.executable).parent / "certbot")}


def certbot(
    house: House, folder: Path, program: str, *words: str | Path, provisioner: str = "acme"
) -> str:
    return house.run(
        present(program), *words, "--non-interactive", "--server", house.url(provisioner),
        "--config-dir", folder, "--work-dir", folder / "work", "--logs-dir", folder / "logs",
        cwd=folder,
    )  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
def test_by_http_with_a_web_server_of_its_own(house: House, tmp_path: Path, version: str) -> None:
    program, name = VERSIONS[version], f"certbot-{version}.{DOMAIN}"
    certbot(
        house, tmp_path, program, "certonly", "--standalone", "--agree-tos",
        "--register-unsafely-without-email", "--http-01-port", str(house.http_port),
        "-d", name, "-d", f"www.{name}",
    )  # fmt: skip
    file = tmp_path / "live" / name / "fullchain.pem"
    first = house.take(file, name, f"www.{name}")
    certbot(house, tmp_path, program, "renew", "--force-renewal", "--no-random-sleep-on-renew")
    second = house.take(file, name, f"www.{name}")
    assert second.serial_number != first.serial_number
    certbot(house, tmp_path, program, "revoke", "--cert-name", name, "--no-delete-after-revoke")
    assert house.revoked(second)
    assert not house.revoked(first)


def test_a_wildcard_by_dns(house: House, tmp_path: Path) -> None:
    """Both of its challenges stand at one name at the same time.

    The account is one that the CA let in, and chooses a profile.
    """
    program, name = VERSIONS["newest"], f"wild.{DOMAIN}"
    add = script(
        tmp_path / "add", 'echo "$CERTBOT_VALIDATION" >>"$ZONE/_acme-challenge.$CERTBOT_DOMAIN"'
    )
    key_id, key = house.bound(name, f"*.{name}")
    certbot(
        house, tmp_path, program, "certonly", "--eab-kid", key_id, "--eab-hmac-key", key,
        "--preferred-profile", "short-lived", "--manual", "--preferred-challenges", "dns",
        "--manual-auth-hook", add, "--agree-tos", "--email", "anna@home.example", "--no-eff-email",
        "-d", name, "-d", f"*.{name}", provisioner="bound",
    )  # fmt: skip
    leaf = house.take(tmp_path / "live" / name / "fullchain.pem", name, f"*.{name}")
    assert hours(leaf) == 6
