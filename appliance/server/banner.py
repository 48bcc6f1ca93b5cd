"""The lines at start: step-ca's, with our name."""

from collections.abc import Iterator

from appliance.authority.trust import fingerprint
from appliance.model.ssh import CertificateType
from appliance.model.version import program
from appliance.server.assembly import Assembly
from appliance.server.launch import Launch


def lines(launch: Launch, assembly: Assembly, store: str, port: int) -> Iterator[str]:
    """Say what is about to serve."""
    settings = assembly.settings
    url = primary_url(assembly, port)
    yield f"Starting {program()}"
    if launch.context:
        yield f"Current context: {launch.context}"
    yield f"Config file: {launch.file}"
    yield f"Database: {store}"
    yield f"The primary server URL is {url}"
    yield f"Root certificates are available at {url}/roots.pem"
    if len(settings.dns_names) > 1:
        yield f"Additional configured hostnames: {', '.join(settings.dns_names[1:])}"
    for root in assembly.trust.roots:
        yield f"X.509 Root Fingerprint: {fingerprint(root)}"
    for kind in (CertificateType.HOST, CertificateType.USER):
        if key := assembly.ssh_keys.of_type(kind):
            yield f"SSH {kind.label.capitalize()} CA Key: {key.public_key.line}"


def primary_url(assembly: Assembly, port: int) -> str:
    """Give the URL under the first of `dnsNames`."""
    return f"https://{joined(assembly.settings.dns_names[0].strip('[]'), port)}"


def joined(host: str, port: int) -> str:
    """Write host and port as one address; IPv6 addresses get their brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
