"""Renewing with ACME: when the CA wishes it, and by a new order for the same names."""

from dataclasses import dataclass, field
from ssl import SSLContext

from appliance.cli.acme_accounts import account_key
from appliance.cli.acme_flags import AcmeFlags
from appliance.cli.clock import SystemClock
from appliance.cli.files import write_file
from appliance.cli.online import now
from appliance.cli.prompts import say
from appliance.cli.renewing import chain_text, chance, run_once
from appliance.client.acme.account import AcmeAccount, AcmeRefusal, decoded, refusal
from appliance.client.acme.messages import Directory
from appliance.client.acme.ordering import Way, Wish, check_wildcards, identifiers, obtain
from appliance.client.acme.renewal_info import Advice, advice
from appliance.client.acme.transport import Transport
from appliance.client.csr import signing_request
from appliance.client.identity import Identity
from appliance.formats import der
from appliance.issuance.acme import certificate_ids
from appliance.issuance.extensions import STEP_PROVISIONER
from appliance.issuance.parsed import ParsedCertificate
from appliance.model.acme import ProblemType
from appliance.model.errors import FormatError

_ACME = 6  # in the step provisioner extension
_DO_NOT_REPLACE = (ProblemType.ALREADY_REPLACED, ProblemType.MALFORMED, ProblemType.UNAUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adviser:
    """Asks a CA when to renew. `directory` is the URL of its ACME directory."""

    directory: str
    tls: SSLContext
    share: float = field(default_factory=chance)  # one for all looks: the moment stays the same

    async def ask(self, certificate: ParsedCertificate) -> Advice | None:
        """Give its advice, if it has any. Raises HearthError."""
        async with Transport(self.tls) as transport:
            answer = await transport.get(self.directory)
            if answer.status != 200:
                raise refusal(answer)
            return await advice(
                transport, decoded(answer, Directory), certificate, now=now(), chance=self.share
            )


@dataclass(slots=True, kw_only=True)
class AcmeRenewer:
    """A certificate that is renewed by a new order for its names, its key and its dates' length."""

    identity: Identity
    directory: str
    tls: SSLContext
    flags: AcmeFlags
    out: str

    def run(self) -> None:
        """Renew once, outside of Trio."""
        run_once(self.renew, "error renewing certificate")

    async def renew(self) -> None:
        """Order, and write the file. Raises HearthError; the old certificate stays then."""
        leaf = self.identity.leaf
        names = [san.value for san in leaf.sans]
        ordered = identifiers("" if names else leaf.common_name, names)
        answering = self.flags.answering()
        check_wildcards(ordered, answering.challenge)
        way = Way(answering=answering, clock=SystemClock(), tell=say)
        request = signing_request(self.identity.key, leaf.common_name, [e.value for e in ordered])
        async with Transport(self.tls) as transport:
            account = await AcmeAccount.at(transport, self.directory, account_key(self.directory))
            await account.register(self.flags.contact, self.flags.external_account())
            wish = Wish(
                identifiers=ordered,
                replaces=certificate_ids.write(leaf) if account.directory.renewal_info else "",
                profile=self.flags.acme_profile or "",
                preferred_chain=self.flags.preferred_chain or "",
            )
            chain = await _obtained(account, wish, way, request)
        renewed = self.identity.renewed(chain)
        write_file(self.out, chain_text(chain), 0o600, force=True)
        self.identity = renewed


async def _obtained(
    account: AcmeAccount, wish: Wish, way: Way, request: bytes
) -> tuple[bytes, ...]:
    """Order; without `replaces` where the CA does not know the certificate as ours (9773, 5)."""
    try:
        return await obtain(account, wish, way, request)
    except AcmeRefusal as error:
        if not wish.replaces or error.type not in {each.label for each in _DO_NOT_REPLACE}:
            raise
    again = Wish(
        identifiers=wish.identifiers, profile=wish.profile, preferred_chain=wish.preferred_chain
    )
    return await obtain(account, again, way, request)


def acme_provisioner(certificate: ParsedCertificate) -> str | None:
    """Give the name of the provisioner of type ACME that a certificate is of, if it is of one."""
    extension = certificate.extension(STEP_PROVISIONER)
    if extension is None:
        return None
    try:
        kind = der.read_integer(der.items(extension.value)[0])
    except (FormatError, ValueError, IndexError):
        return None
    return certificate.provisioner_name if kind == _ACME else None
