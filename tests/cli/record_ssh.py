"""Record how step shows SSH keys and certificates: `python -m tests.cli.record_ssh`.

Needs step, ssh-keygen, ssh-agent and ssh-add on PATH; writes golden/ssh.json, with the files.
"""

import base64
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from appliance.formats.ssh import wire
from tests.support import ssh_agent

GOLDEN = Path(__file__).parent / "golden" / "ssh.json"
FORMATS = ("hex", "base64", "base64-url", "base64-raw", "base64-url-raw")
KEYS = {
    "ecdsa256": "-t ecdsa -b 256",
    "ecdsa384": "-t ecdsa -b 384",
    "ecdsa521": "-t ecdsa -b 521",
    "ed25519": "-t ed25519",
    "rsa2048": "-t rsa -b 2048",
    "rsa3072": "-t rsa -b 3072",
}
CERTIFICATES = {
    "user": ("ca", "ecdsa256", "-I jane@example.com -n jane,ops -z 7 -V 20300101000000Z:20300102Z"),
    "host": ("ca", "ed25519", "-h -I host -n host.example.com -z 18446744073709551615 -V -1m:+52w"),
    "forever": ("ca", "rsa2048", "-I forever -z 1"),
    "ended": ("ca", "ecdsa384", "-I ended -n a -V 20200101000000Z:20200102000000Z"),
    "options": (
        "ca",
        "ecdsa521",
        "-I <&> -n a -V always:20400101000000Z -O clear -O force-command=/bin/true -O "
        "source-address=192.0.2.0/24 -O permit-pty -O extension:x@example.com=<value>",
    ),
    "rsa-ca": ("rsa_ca", "ed25519", "-I r -n a -V 20300101000000Z:20300102000000Z"),
    "rsa-256-ca": (
        "rsa_ca",
        "ed25519",
        "-t rsa-sha2-256 -I r -n a -V 20300101000000Z:20310101000000Z",
    ),
    "ecdsa-ca": ("ecdsa_ca", "rsa3072", "-I e -n a -V 20300101000000Z:20300102000000Z"),
    "sk": ("ca", "sk", "-I sk -n a -V 20300101000000Z:20300102000000Z"),
    "sk-ecdsa": ("ca", "skecdsa", "-I sk -n a -V 20300101000000Z:20300102000000Z"),
}  # fmt: skip
EXPIRY = ("", "0%", "66%", "100%", "1h", "101%", "x%", "soon", "9999999h", "-1h")


def run(folder: Path, *words: str) -> list[Any]:
    """Run a program; give its exit code and its output."""
    done = subprocess.run(
        words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        timeout=30, env=os.environ | {"STEPPATH": str(folder), "TZ": "America/St_Johns"},
    )  # fmt: skip
    return [done.returncode, done.stdout]


def security_keys(folder: Path) -> None:
    """Write public keys as those in security keys are."""
    ed25519 = base64.b64decode((folder / "ed25519.pub").read_text().split()[1])
    ecdsa = base64.b64decode((folder / "ecdsa256.pub").read_text().split()[1])
    for name, kind, blob in (
        ("sk", "sk-ssh-ed25519@openssh.com", ed25519),
        ("skecdsa", "sk-ecdsa-sha2-nistp256@openssh.com", ecdsa),
    ):
        old = wire.Reader(blob).string()
        made = wire.string(kind) + blob[4 + len(old) :] + wire.string("ssh:")
        line = f"{kind} {base64.b64encode(made).decode()} a security key\n"
        (folder / f"{name}.pub").write_text(line)


def files(folder: Path) -> dict[str, str]:
    """Make keys and certificates; give their files."""
    for name, flags in (
        KEYS | {"ca": "-t ed25519", "rsa_ca": "-t rsa", "ecdsa_ca": "-t ecdsa"}
    ).items():
        run(folder, "ssh-keygen", "-q", "-N", "", "-C", f"{name} key", "-f", name, *flags.split())
    security_keys(folder)
    found = {
        f"{name}.pub": (folder / f"{name}.pub").read_text() for name in (*KEYS, "sk", "skecdsa")
    }
    for name, (ca, key, flags) in CERTIFICATES.items():
        code, _ = run(folder, "ssh-keygen", "-q", "-s", ca, *flags.split(), f"{key}.pub")
        assert code == 0, name
        certified = folder / f"{key}-cert.pub"
        found[f"{name}-cert.pub"] = certified.read_text()
        (folder / f"{name}-cert.pub").write_text(found[f"{name}-cert.pub"])
    line = found["user-cert.pub"]
    more = {
        "bare": line.split()[1],
        "uncommented.pub": " ".join(line.split()[:2]),
        "authorized_keys": f'# comment\n\ncommand="a b",no-pty {found["ed25519.pub"]}',
        "mistyped.pub": "ssh-other " + found["ed25519.pub"].split(" ", 1)[1],
        "empty": "",
        "text": "just some words here\n",
        "cut.pub": line[:400],
    }
    for name, text in more.items():
        (folder / name).write_text(text)
    return found | more


def record(folder: Path) -> dict[str, Any]:
    """Let step show everything."""
    found = files(folder)
    fingerprints = {}
    for name in found:
        for flags in ([], ["--certificate"]):
            for form in FORMATS if name in ("user-cert.pub", "rsa2048.pub") else ("",):
                words = [*flags, *(["--format", form] if form else []), name]
                fingerprints[" ".join(words)] = run(folder, "step", "ssh", "fingerprint", *words)
    return {
        "files": found,
        "inspect": {
            " ".join((name, form)): run(folder, "step", "ssh", "inspect", "--format", form, name)
            for name in found
            for form in ("text", "json")
        },
        "fingerprint": fingerprints,
        "needs-renewal": {
            f"{name} {limit}": run(
                folder,
                "step",
                "ssh",
                "needs-renewal",
                "--verbose",
                *([f"--expires-in={limit}"] if limit else []),
                name,
            )
            for name in (
                "user-cert.pub",
                "forever-cert.pub",
                "ended-cert.pub",
                "none",
                "text",
                "sk.pub",
            )
            for limit in EXPIRY
        },
        **listing(folder),
    }


def listing(folder: Path) -> dict[str, Any]:
    """Put keys into an agent and let step list them."""
    with ssh_agent.running() as socket:
        os.environ["SSH_AUTH_SOCK"] = str(socket)
        empty = run(folder, "step", "ssh", "list")
        for name in ("ecdsa256", "rsa2048"):
            (folder / name).chmod(0o600)
            assert run(folder, "ssh-add", "-q", name)[0] == 0
        lists = {
            " ".join(words): run(folder, "step", "ssh", "list", *words)
            for words in ([], ["--raw"], ["rsa2048 key"], ["--raw", "rsa2048 key"], ["nobody"])
        }
    held = [f"{name}{kind}" for name in ("ecdsa256", "rsa2048") for kind in ("", "-cert.pub")]
    return {
        "agent": {name: (folder / name).read_text() for name in held},
        "list": {"(empty)": empty, **lists},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        text = json.dumps(record(Path(name)), indent=1, ensure_ascii=False)
        GOLDEN.write_text(text + "\n")
