"""What to type for a client to use a provisioner, complete as it stands.

Programs that have no flag for the root trust it by the file that the first line makes.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from appliance.model.provisioners import Recipe

_ROOT: Final = "root.crt"
_NAME: Final = "nas.home.arpa"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the CA is, and by what it is known: the SHA-256 of its root."""

    url: str
    fingerprint: str

    @property
    def trust(self) -> Recipe:
        """Give what every client begins with."""
        return Recipe(
            title="Once on each machine: step, or hearth, trusts this CA",
            text=f"step ca bootstrap --ca-url {self.url} --fingerprint {self.fingerprint}",
        )

    @property
    def root(self) -> str:
        """Fetch the root into a file, checked."""
        return f"step ca root {_ROOT} --ca-url {self.url} --fingerprint {self.fingerprint}"


def recipes(kind: str, entry: Mapping[str, Any], place: Place, *, ssh: bool) -> Sequence[Recipe]:
    """Give the recipes for an entry; those for SSH where it grants such certificates."""
    name = str(entry.get("name", ""))
    quoted = shlex.quote(name)
    if kind == "ACME":
        bound = entry.get("requireEAB") is True
        return _acme(
            f"{place.url}/acme/{quote(name, safe='')}/directory", quoted, place, bound=bound
        )
    made = _BY_TOKEN.get(kind)
    if made is None:
        return ()
    found = [
        Recipe(title=title, text=text.format(name=quoted))
        for title, text in made
        if ssh or not title.startswith("SSH")
    ]
    return (place.trust, *found)


_BY_TOKEN: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "JWK": (
        ("A certificate; the provisioner's password is asked for",
         f"step ca certificate {_NAME} nas.crt nas.key --provisioner {{name}}"),
        ("SSH: a host's certificate for its key",
         f"step ssh certificate {_NAME} /etc/ssh/ssh_host_ecdsa_key.pub --host --sign"
         " --provisioner {name}"),
        ("SSH: a person's certificate, into the agent",
         "step ssh login jane@home.arpa --provisioner {name}"),
    ),
    "OIDC": (
        ("A certificate for who logs in, by the browser",
         "step ca certificate jane@home.arpa jane.crt jane.key --provisioner {name}"),
        ("SSH: log in, then plain ssh", "step ssh login --provisioner {name}"),
    ),
    "X5C": (
        ("A certificate for who has one of another CA",
         f"step ca certificate {_NAME} nas.crt nas.key --provisioner {{name}}"
         " --x5c-cert device.crt --x5c-key device.key"),
    ),
    "Nebula": (
        ("A certificate for a host of the Nebula network: its name there",
         "step ca certificate host1 host1.tls.crt host1.tls.key --provisioner {name}"
         " --nebula-cert host1.crt --nebula-key host1.key"),
    ),
    "K8sSA": (
        ("In a pod, with its service account's token",
         f"step ca certificate {_NAME} tls.crt tls.key --provisioner {{name}}"
         " --k8ssa-token-path /var/run/secrets/kubernetes.io/serviceaccount/token"),
    ),
    "SSHPOP": (
        ("A host's SSH certificate again, by itself",
         "step ssh renew /etc/ssh/ssh_host_ecdsa_key-cert.pub /etc/ssh/ssh_host_ecdsa_key --force"),
        ("The same for a new key",
         "step ssh rekey /etc/ssh/ssh_host_ecdsa_key-cert.pub /etc/ssh/ssh_host_ecdsa_key --force"),
    ),
}  # fmt: skip


def _acme(directory: str, name: str, place: Place, *, bound: bool) -> Sequence[Recipe]:
    def with_key(words: str) -> str:
        return f" {words}" if bound else ""

    def after_root(text: str) -> str:
        return f"{place.root}\n{text}"

    return (
        Recipe(title="The directory, for any client", text=directory),
        Recipe(
            title="certbot",
            text=after_root(
                f"REQUESTS_CA_BUNDLE={_ROOT} certbot certonly --standalone"
                f" --server {directory} -d {_NAME}"
                + with_key("--eab-kid KEY-ID --eab-hmac-key KEY")
            ),
        ),
        Recipe(title="Caddy: in the global options", text=_caddy(directory, place, bound=bound)),
        Recipe(title="Traefik: in traefik.yml", text=_traefik(directory, place, bound=bound)),
        Recipe(
            title="acme.sh",
            text=after_root(
                (
                    f"acme.sh --register-account --server {directory} --ca-bundle {_ROOT}"
                    " --eab-kid KEY-ID --eab-hmac-key KEY\n"
                    if bound
                    else ""
                )
                + f"acme.sh --issue --server {directory} --ca-bundle {_ROOT}"
                f" -d {_NAME} -w /var/www/html"
            ),
        ),
        Recipe(
            title="lego",
            text=after_root(
                f"LEGO_CA_CERTIFICATES={_ROOT} lego --server {directory} --email me@home.arpa"
                f" --accept-tos --http -d {_NAME}"
                + with_key("--eab --kid KEY-ID --hmac KEY")
                + " run"
            ),
        ),
        place.trust,
        Recipe(
            title="hearth, then; step has no flags for such a key" if bound else "step, then",
            text=f"{'hearth' if bound else 'step'} ca certificate {_NAME} nas.crt nas.key"
            f" --provisioner {name}" + with_key("--eab-key-id KEY-ID --eab-key KEY"),
        ),
    )


def _caddy(directory: str, place: Place, *, bound: bool) -> str:
    lines = [f"# {place.root}", "{", f"\tacme_ca {directory}", f"\tacme_ca_root {_ROOT}"]
    if bound:
        lines += ["\tacme_eab {", "\t\tkey_id KEY-ID", "\t\tmac_key KEY", "\t}"]
    return "\n".join([*lines, "}"])


def _traefik(directory: str, place: Place, *, bound: bool) -> str:
    lines = [
        f"# {place.root}",
        "certificatesResolvers:",
        "  home:",
        "    acme:",
        f"      caServer: {directory}",
        f"      caCertificates: [{_ROOT}]",
        "      email: me@home.arpa",
        "      storage: acme.json",
        "      certificatesDuration: 24",
        "      tlsChallenge: {}",
    ]
    if bound:
        lines += ["      eab:", "        kid: KEY-ID", "        hmacEncoded: KEY"]
    return "\n".join(lines)
