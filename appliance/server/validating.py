"""What proves ACME's challenges, made of what the command line says of the network."""

from appliance.authority.acme.accounts import belongs
from appliance.authority.acme.looking import Probes
from appliance.authority.acme.records import AccountRow
from appliance.authority.acme.tally import ChallengeTally
from appliance.authority.acme.validation import Validation
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.events import EventSink
from appliance.ports.store import Store
from appliance.provisioners.acme import AcmeProvisioner
from appliance.provisioners.registry import Registry
from appliance.server.launch import Network
from appliance.upstream.connecting import Connecting
from appliance.upstream.dns_probe import DnsClient
from appliance.upstream.http_probe import HttpClient
from appliance.upstream.tls_probe import TlsClient


def build_validation(
    network: Network,
    *,
    store: Store,
    clock: Clock,
    chance: Chance,
    events: EventSink,
    tally: ChallengeTally,
) -> Validation:
    """Make it; it works as soon as its `run` does."""
    dns = DnsClient(network.resolver, fully_qualified=network.fully_qualified)
    connecting = Connecting(
        dns if network.resolver else None, fully_qualified=network.fully_qualified
    )
    return Validation(
        store=store,
        clock=clock,
        chance=chance,
        events=events,
        tally=tally,
        probes=Probes(
            http=HttpClient(connecting, port=network.http_port),
            dns=dns,
            tls=TlsClient(connecting, port=network.tls_port),
        ),
    )


def owner(registry: Registry, row: AccountRow) -> AcmeProvisioner | None:
    """Find the provisioner of an account; None when it is no more, or of another type."""
    found = registry.by_id(row.provisioner_id) or registry.by_name(row.provisioner_name)
    if isinstance(found, AcmeProvisioner) and belongs(row, found):
        return found
    return None
