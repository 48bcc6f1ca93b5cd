"""Apache's mod_md gets a site's certificate, and another when the CA wishes (RFC 9773)."""

import signal
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from tests.support.acme_house import (
    DOMAIN,
    House,
    hours,
    plain_folder,
    present,
    running,
    shown,
    until,
)

MODULES = "/usr/lib/apache2/modules"


def configuration(house: House, folder: Path, name: str, *more: str) -> str:
    loaded = ["mpm_event", "authz_core", "ssl", "md"]
    lines = [
        *(f"LoadModule {each}_module {MODULES}/mod_{each}.so" for each in loaded),
        f"ServerRoot {folder}",
        f"ServerName {name}",
        f"PidFile {folder}/pid",
        f"Mutex file:{folder}",
        f"ErrorLog {folder}/error",
        "LogLevel warn md:debug",
        "StartServers 1",
        f"Listen 127.0.0.1:{house.http_port}",
        f"Listen 127.0.0.1:{house.tls_port}",
        f"MDCACertificateFile {folder}/root.pem",
        "MDCertificateAgreement accepted",
        "MDContactEmail anna@home.example",
        f"MDPortMap http:{house.http_port} https:{house.tls_port}",
        f"MDStoreDir {folder}/md",
        *more,
        f"MDomain {name}",
        f"<VirtualHost 127.0.0.1:{house.tls_port}>",
        f"ServerName {name}",
        "SSLEngine on",
        "</VirtualHost>",
    ]
    return "\n".join(lines) + "\n"


def next_shown(
    house: House,
    job: Path,
    server: "subprocess.Popen[bytes]",
    log: Path,
    name: str,
    *,
    other_than: x509.Certificate | None = None,
) -> x509.Certificate:
    """Restart the server when it has a new certificate; give what it shows then."""
    until(lambda: job.exists() and '"finished": true' in job.read_text(), log)
    server.send_signal(signal.SIGUSR1)
    found: list[x509.Certificate] = []

    def another() -> bool:
        leaf = shown(house.tls_port, name, house.root)
        found.extend([leaf] if leaf and leaf != other_than else [])
        return bool(found)

    until(another, log)
    return found[0]


@pytest.mark.parametrize(("challenge", "bound"), [("http-01", False), ("tls-alpn-01", True)])
def test_apache(house: House, challenge: str, *, bound: bool) -> None:
    """What it gets it takes up at a graceful restart. EAB and profile are by its directives."""
    name = f"apache-{challenge}.{DOMAIN}"
    with plain_folder(house) as (folder, as_nobody):
        job = folder / "md" / "staging" / name / "job.json"
        file, log = folder / "httpd.conf", folder / "error"
        more = [f"MDCertificateAuthority {house.url('bound' if bound else 'acme')}"]
        if bound:
            more += ["MDExternalAccountBinding " + " ".join(house.bound(name))]
            more += ["MDProfile short-lived"]
        more += [f"MDCAChallenges {challenge}", "Protocols http/1.1 acme-tls/1"]
        file.write_text(configuration(house, folder, name, *more))
        command = [*as_nobody, present("apache2"), "-D", "FOREGROUND", "-f", str(file)]
        with running(house, *command, cwd=folder) as (server, _):
            first = next_shown(house, job, server, log, name)
            house.revoke_by_key(first, folder / "md" / "domains" / name / "privkey.pem")
            assert house.revoked(first)
            server.send_signal(signal.SIGUSR1)  # otherwise it asks again as soon as it was told to
            second = next_shown(house, job, server, log, name, other_than=first)
            assert not house.revoked(second)
            assert hours(second) == (6 if bound else 24)
