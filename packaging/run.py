"""make run: a certificate authority under ./var, made once, then served.

PORT chooses the port (a free one is taken otherwise, and kept), VAR the directory.
"""

import json
import os
import secrets
import socket
import sys
from pathlib import Path

from appliance.cli.main import main

HEARTH = ".venv/bin/hearth"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def password(file: Path) -> None:
    """Make a password that nobody has to invent; only the owner can read it."""
    file.touch(mode=0o600)
    file.write_text(secrets.token_urlsafe(24) + "\n")


def create(var: Path, port: int) -> None:
    secret = var / "passwords"
    secret.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("keys", "provisioner"):
        password(secret / name)
    main([
        "ca", "init", "--name", "Hearth", "--provisioner", "admin",
        "--dns", "localhost,127.0.0.1", "--address", f"127.0.0.1:{port}",
        "--password-file", str(secret / "keys"),
        "--provisioner-password-file", str(secret / "provisioner"),
    ])  # fmt: skip


def welcome(var: Path, url: str, fingerprint: str) -> str:
    certificate = (
        f"{HEARTH} ca certificate localhost localhost.crt localhost.key --provisioner admin "
        f"--password-file {var / 'passwords' / 'provisioner'}"
    )
    return f"""
Certificate authority  {url}
Root fingerprint       {fingerprint}
Its files              {var} (passwords in {var / "passwords"})

A first certificate, from another terminal:

  {HEARTH} ca bootstrap --ca-url {url} --fingerprint {fingerprint}
  {certificate}
  {HEARTH} certificate inspect --short localhost.crt
"""


def run() -> None:
    var = Path(os.environ.get("VAR", "var"))
    os.environ["STEPPATH"] = str(var.resolve())
    wanted = os.environ.get("PORT")
    configuration = var / "config" / "ca.json"
    if not configuration.exists():
        create(var, int(wanted) if wanted else free_port())
    port = int(json.loads(configuration.read_text())["address"].rpartition(":")[2])
    if wanted:
        port = int(wanted)
    elif not is_free(port):
        port = free_port()
    fingerprint = json.loads((var / "config" / "defaults.json").read_text())["fingerprint"]
    print(welcome(var, f"https://localhost:{port}", fingerprint), flush=True)
    flags = ["--password-file", str(var / "passwords" / "keys"), "--address", f"127.0.0.1:{port}"]
    if sys.stdin.isatty() and sys.stderr.isatty():
        flags.append("--console")
    sys.exit(main(["serve", str(configuration), *flags]))


if __name__ == "__main__":
    run()
