"""Our application over the files and provisioners of an exchanges.World."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from appliance.authority.crl import CrlPublisher
from appliance.authority.ssh.configuration import SshConfiguration
from appliance.authority.ssh.hosts import SshHosts
from appliance.authority.ssh.keys import SshKeys
from appliance.authority.ssh.krl import KrlPublisher
from appliance.authority.trust import Trust
from appliance.issuance import issuers
from appliance.keys.file import FileSigner
from appliance.model.ssh_files import NO_FILES
from appliance.web.api.routes import ca_routes
from appliance.web.api.ssh_hosts import SshHostEndpoints
from appliance.web.application import Application, build_application
from appliance.web.http import Route
from appliance.web.publish.routes import publish_routes
from appliance.web.visits import AccessLog
from tests.support.acme_by_hand import AcmeWorld
from tests.support.authority import Appliance, Hierarchy, SystemChance, registry
from tests.support.ocsp import OcspWorld
from tests.support.ssh import SshAppliance
from tests.support.web import SETTINGS
from tests.web.exchanges import World


class SystemClock:
    """The time as it is: certificates are shown in real handshakes."""

    def now(self) -> datetime:
        return datetime.now(UTC)


def authority(world: World) -> Appliance:
    """Our authority over the world's keys, with provisioners of its ca.json."""
    pki, clock = world.pki, SystemClock()
    issuer = issuers.of_certificate(pki.intermediate.der)
    signer = FileSigner(pki.intermediate.key)
    configuration = world.configuration()
    made = Appliance(
        entries=configuration["authority"]["provisioners"],
        pki=Hierarchy(root=pki.root.der, issuer=issuer, signer=signer),
    )
    provisioners = registry(
        made.entries, configuration["dnsNames"], started_at=clock.now().replace(microsecond=0)
    )
    trust = Trust(
        roots=[pki.root.der],
        federated_roots=[world.federated.der],
        intermediates=[pki.intermediate.der],
    )
    made.x509 = replace(made.x509, trust=trust, clock=clock, registry=provisioners)
    made.revocation = replace(made.revocation, trust=trust, clock=clock, registry=provisioners)
    return made


def application(world: World, access_log: AccessLog) -> Application:
    """The whole CA as an ASGI application."""
    return build_application(routes(world), chance=SystemChance(), access_log=access_log)


def routes(world: World) -> list[Route]:
    """Every route of the CA."""
    made = authority(world)
    table = ca_routes(
        x509=made.x509,
        revocation=made.revocation,
        tls=SETTINGS,
        version="0.1.0",
        ssh=ssh_routes(made),
    )
    responder = OcspWorld(made.pki).responder
    published = publish_routes(
        lists=CrlPublisher(made.store, made.clock),
        ssh_list=KrlPublisher(made.store, made.clock),
        certificates=made.x509.trust.intermediates,
        responder=responder,
        clock=made.x509.clock,
    )
    return [*table, *AcmeWorld().endpoints.routes(), *published]


def ssh_routes(made: Appliance) -> list[Route]:
    """Those of SSH, in a CA without SSH keys."""
    configuration = SshConfiguration(
        keys=SshKeys(), templates=NO_FILES, clock=made.clock, chance=SystemChance()
    )
    hosts = SshHosts(store=made.store, clock=made.clock, settings=None)
    signing = SshAppliance(entries=(), user_key=None, host_key=None).endpoints
    return [*signing.routes(), *SshHostEndpoints(configuration, hosts).routes()]


def discard(fields: Callable[[], Mapping[str, object]]) -> None:
    """Keep no access log."""
