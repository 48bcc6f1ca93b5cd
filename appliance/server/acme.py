"""ACME's door, put together."""

from appliance.authority.acme.accounts import Accounts
from appliance.authority.acme.authorizations import Authorizations, Validator
from appliance.authority.acme.chains import Chains
from appliance.authority.acme.external_accounts import ExternalAccounts
from appliance.authority.acme.finalization import Finalization
from appliance.authority.acme.nonces import Nonces
from appliance.authority.acme.orders import Orders
from appliance.authority.acme.renewal_info import RenewalInfo
from appliance.authority.acme.revocation import AcmeRevocation
from appliance.authority.revocation import RevocationAuthority
from appliance.authority.x509 import X509Authority
from appliance.config.settings import MemorySettings, Settings
from appliance.web.acme.routes import AcmeEndpoints
from appliance.web.http import Route


def acme_routes(
    settings: Settings,
    *,
    x509: X509Authority,
    revocation: RevocationAuthority,
    validator: Validator,
) -> list[Route]:
    """Give the routes of ACME; without a database there are none, as with step-ca."""
    if isinstance(settings.database, MemorySettings):
        return []
    store, clock, chance = x509.store, x509.clock, x509.chance
    binding = ExternalAccounts(store=store, clock=clock)
    authorizations = Authorizations(store=store, clock=clock, chance=chance, validator=validator)
    orders = Orders(
        store=store,
        clock=clock,
        chance=chance,
        authorizations=authorizations,
        policy=settings.policy,
        binding=binding,
        gate=x509.gate,
    )
    return AcmeEndpoints(
        registry=x509.registry,
        nonces=Nonces(store, clock, chance),
        accounts=Accounts(store=store, clock=clock, chance=chance, binding=binding),
        authorizations=authorizations,
        orders=orders,
        finalization=Finalization(
            orders=orders, x509=x509, store=store, clock=clock, chance=chance
        ),
        revocation=AcmeRevocation(
            revocation=revocation, authorizations=authorizations, store=store
        ),
        renewal=RenewalInfo(store=store, clock=clock, issuers=x509.issuers),
        chains=Chains(trust=x509.trust),
        host=_host(settings),
    ).routes()


def _host(settings: Settings) -> str:
    """Name ourselves, for requests that name no host: as step-ca does, by the first of dnsNames."""
    name = settings.dns_names[0] if settings.dns_names else "localhost"
    bracketed = f"[{name}]" if ":" in name else name
    return bracketed if settings.port == 443 else f"{bracketed}:{settings.port}"
