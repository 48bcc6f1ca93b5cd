"""ACME's resources as routes (RFC 8555 7.1), below /acme/{provisioner} as step-ca has them.

request ──▶ provisioner ──▶ JWS: who signed it? ──▶ resource ──▶ document, with a fresh nonce
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import unquote

from appliance.authority import reporting
from appliance.authority.acme import preauthorizations
from appliance.authority.acme.accounts import Accounts, NewAccount
from appliance.authority.acme.authorizations import Authorization, Authorizations
from appliance.authority.acme.chains import Chains
from appliance.authority.acme.finalization import Finalization
from appliance.authority.acme.nonces import Nonces
from appliance.authority.acme.orders import Orders
from appliance.authority.acme.renewal_info import RenewalInfo
from appliance.authority.acme.requests import Requests, Signed, SignedBy, inner, read_key
from appliance.authority.acme.revocation import AcmeRevocation
from appliance.authority.reporting import Context
from appliance.issuance.acme import identifiers, subdomains
from appliance.model.acme import (
    AcmeError,
    AuthorizationStatus,
    ChallengeStatus,
    OrderStatus,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import HearthError, NotFound
from appliance.provisioners.acme import AcmeProvisioner
from appliance.provisioners.registry import Registry
from appliance.web.acme import documents, downloads, payloads, renewal_info
from appliance.web.acme.answering import (
    answer,
    failure,
    link,
    missing,
    refusal,
    unknown,
    usual,
)
from appliance.web.acme.exchange import Exchange, check_content_type, unsigned
from appliance.web.acme.links import PREFIXES, Links, cursor, links, requested_url
from appliance.web.application import mounted
from appliance.web.http import Request, Response, Route

_SOON: Final = ("retry-after", "1")  # seconds until looking again is worth while

Resource: TypeAlias = Callable[[Exchange, Signed], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcmeEndpoints:
    """The whole door. `host` is ours, for requests that name none."""

    registry: Registry
    nonces: Nonces
    accounts: Accounts
    authorizations: Authorizations
    orders: Orders
    finalization: Finalization
    revocation: AcmeRevocation
    renewal: RenewalInfo
    chains: Chains
    host: str

    def routes(self) -> list[Route]:
        """Give every route, below each prefix."""
        account, key, either = SignedBy.ACCOUNT, SignedBy.KEY, SignedBy.EITHER
        table = [
            unsigned("/directory", self.directory),
            unsigned("/new-nonce", self.new_nonce),
            self._post("/directory", self.signed_directory, account),
            self._post("/new-nonce", self.signed_nonce, account),
            self._post("/new-account", self.new_account, key, "acme-account"),
            self._post("/account/{id}", self.account, account),
            self._post("/account/{id}/orders", self.account_orders, account),
            self._post("/key-change", self.key_change, account),
            self._post("/new-authz", self.new_authorization, account),
            self._post("/new-order", self.new_order, account, "acme-order"),
            self._post("/order/{id}", self.order, account),
            self._post("/order/{id}/finalize", self.finalize, account),
            self._post("/authz/{id}", self.authorization, account),
            self._post("/challenge/{authz}/{id}", self.challenge, account),
            self._post("/certificate/{id}", self.certificate, account),
            self._post("/certificate/{id}/{chain}", self.certificate, account),
            self._post("/revoke-cert", self.revoke, either),
            self._open("/renewal-info/{id}", renewal_info.show),
            self._open("/renewal-info/{id}/explanation", renewal_info.explain),
        ]
        return mounted(table, *PREFIXES)

    # ---- what anybody may read

    async def directory(self, request: Request) -> Response:
        """Say where everything is."""
        provisioner, found = self._provisioner(request)
        if isinstance(provisioner, AcmeError):
            return refusal(provisioner, (), request)
        return answer(documents.directory(found, provisioner), ())

    async def new_nonce(self, request: Request) -> Response:
        """Give a nonce: 204, and 200 to HEAD (RFC 8555 7.2)."""
        provisioner, found = self._provisioner(request)
        headers = await usual(self.nonces, found)
        if isinstance(provisioner, AcmeError):
            return refusal(provisioner, headers, request)
        return Response(status=200 if request.method == "HEAD" else 204, headers=headers)

    async def signed_directory(self, exchange: Exchange, signed: Signed) -> Response:
        """Say where everything is, by POST-as-GET (6.3)."""
        payloads.nothing(signed.payload)
        found = documents.directory(exchange.links, exchange.provisioner)
        return answer(found, exchange.headers)

    async def signed_nonce(self, exchange: Exchange, signed: Signed) -> Response:
        """Give a nonce by POST-as-GET (6.3)."""
        payloads.nothing(signed.payload)
        return Response(status=204, headers=exchange.headers)

    # ---- accounts

    async def new_account(self, exchange: Exchange, signed: Signed) -> Response:
        """Make an account, or find the one that the key has (7.3, 7.3.1)."""
        found = payloads.members(signed.payload)
        if signed.key is None:
            raise malformed("the request must be signed with the key itself, given as jwk")
        row, is_new = await self.accounts.create(
            exchange.provisioner,
            NewAccount(
                key=signed.key,
                thumbprint=signed.thumbprint,
                contact=payloads.texts(found, "contact") or (),
                terms_agreed=payloads.flag(found, "termsOfServiceAgreed"),
                only_existing=payloads.flag(found, "onlyReturnExisting"),
                binding=found.get("externalAccountBinding"),
                url=signed.url,
                location=exchange.links.accounts,
                client=exchange.request.client,
            ),
        )
        # RFC 8555 7.3.4: one that was not verified must not be shown.
        verified = is_new and exchange.provisioner.options.require_binding
        binding = found.get("externalAccountBinding") if verified else None
        return answer(
            documents.account(row, exchange.links, binding),
            (*exchange.headers, ("location", exchange.links.account(row.id))),
            201 if is_new else 200,
        )

    async def account(self, exchange: Exchange, signed: Signed) -> Response:
        """Show, change or deactivate an account (7.3.2, 7.3.6)."""
        self._own_account(exchange, signed)
        row = signed.owner.row
        if not signed.is_empty:
            found = payloads.members(signed.payload)
            contact, status = payloads.texts(found, "contact"), payloads.text(found, "status")
            row = await self.accounts.update(
                exchange.provisioner, signed.owner, contact, status, exchange.request.client
            )
        return self._account(exchange, row.id, documents.account(row, exchange.links))

    async def account_orders(self, exchange: Exchange, signed: Signed) -> Response:
        """List an account's open orders, by pages (7.1.2.1)."""
        self._own_account(exchange, signed)
        payloads.nothing(signed.payload)
        account = signed.owner.row.id
        found, end = await self.orders.open_ones(account, cursor(exchange.request.query))
        following = (link(exchange.links.orders(account, end), "next"),) if end else ()
        document = {"orders": [exchange.links.order(each) for each in found]}
        return answer(document, (*exchange.headers, *following))

    async def key_change(self, exchange: Exchange, signed: Signed) -> Response:
        """Give an account another key (7.3.5)."""
        message, key, _ = inner(signed.payload, signed.url)
        said = payloads.members(message.payload)
        if said.get("account") != signed.kid:
            raise malformed("the account of the key change is not the one that signed it")
        old = said.get("oldKey")
        if not isinstance(old, dict) or read_key(old)[1] != signed.thumbprint:
            raise malformed("oldKey is not the key of the account")
        row = await self.accounts.change_key(
            exchange.provisioner, signed.owner, key, exchange.request.client
        )
        if row is None:
            other = await self.accounts.by_key(exchange.provisioner, read_key(key)[1])
            location = exchange.links.account(other.row.id) if other else exchange.links.accounts
            conflict = AcmeError(ProblemType.CONFLICT, "the new key is already an account's")
            headers = (*exchange.headers, ("location", location))
            return refusal(conflict, headers, exchange.request)
        return self._account(exchange, row.id, documents.account(row, exchange.links))

    # ---- orders

    async def new_authorization(self, exchange: Exchange, signed: Signed) -> Response:
        """Authorize an identifier before it is ordered (7.4.1)."""
        asked, provisioner = payloads.members(signed.payload), exchange.provisioner
        identifier = identifiers.read(asked.get("identifier"))
        below = subdomains.is_asked_for(asked) and provisioner.checks.subdomains
        await self.orders.permit(provisioner, signed.owner.row.id, (identifier,))
        found, is_new = await preauthorizations.create(
            self.authorizations, provisioner, signed.owner.row.id, identifier, below=below
        )
        location = ("location", exchange.links.authorization(found.row.id))
        return answer(
            await self._authorization(exchange, found),
            (*exchange.headers, location),
            201 if is_new else 200,
        )

    async def new_order(self, exchange: Exchange, signed: Signed) -> Response:
        """Make an order (7.4)."""
        asked = payloads.new_order(signed.payload)
        found = await self.orders.create(exchange.provisioner, signed.owner.row.id, asked)
        location = ("location", exchange.links.order(found.row.id))
        return answer(documents.order(found, exchange.links), (*exchange.headers, location), 201)

    async def order(self, exchange: Exchange, signed: Signed) -> Response:
        """Show an order."""
        payloads.nothing(signed.payload)
        key = exchange.request.parameters["id"]
        found = await self.orders.of_account(exchange.provisioner, signed.owner.row.id, key)
        headers = (*exchange.headers, ("location", exchange.links.order(key)))
        if found.status is OrderStatus.PROCESSING or await self.orders.is_looked_at(found):
            headers = (*headers, _SOON)
        return answer(documents.order(found, exchange.links), headers)

    async def finalize(self, exchange: Exchange, signed: Signed) -> Response:
        """Issue what was ordered (7.4)."""
        csr = payloads.octets(payloads.members(signed.payload), "csr")
        key = exchange.request.parameters["id"]
        found = await self.finalization.finalize(
            exchange.provisioner, signed.owner.row.id, key, csr, exchange.context
        )
        headers = (*exchange.headers, ("location", exchange.links.order(key)))
        return answer(documents.order(found, exchange.links), headers)

    async def authorization(self, exchange: Exchange, signed: Signed) -> Response:
        """Show an authorization, or give it up (7.5, 7.5.2)."""
        owner, key = signed.owner.row.id, exchange.request.parameters["id"]
        if signed.is_empty:
            found = await self.authorizations.of_account(owner, key)
        elif payloads.members(signed.payload).get("status") == AuthorizationStatus.DEACTIVATED:
            found = await self.authorizations.deactivate(owner, key)
        else:
            raise malformed("the status of an authorization can be changed to deactivated only")
        headers = (*exchange.headers, ("location", exchange.links.authorization(key)))
        if found.is_looked_at:
            headers = (*headers, _SOON)
        return answer(await self._authorization(exchange, found), headers)

    async def challenge(self, exchange: Exchange, signed: Signed) -> Response:
        """Show a challenge; with a payload, the client is ready for it (7.5.1)."""
        parameters, owner = exchange.request.parameters, signed.owner.row
        authorization, key = parameters["authz"], parameters["id"]
        if signed.is_empty:
            held = await self.authorizations.challenge(owner.id, authorization, key)
        else:
            payloads.members(signed.payload)
            held = await self.authorizations.respond(
                exchange.provisioner,
                owner.id,
                authorization,
                key,
                thumbprint=signed.thumbprint,
                account_url=signed.kid,
                payload=signed.payload,
            )
        headers = (
            *exchange.headers,
            link(exchange.links.authorization(authorization), "up"),
            ("location", exchange.links.challenge(authorization, key)),
        )
        if held.row.status is ChallengeStatus.PROCESSING:
            headers = (*headers, _SOON)
        options = exchange.provisioner.options
        found = documents.challenge(held.row, authorization, exchange.links, options)
        return answer(found, headers)

    # ---- certificates

    async def certificate(self, exchange: Exchange, signed: Signed) -> Response:
        """Give a certificate and its issuers, or those of another chain (7.4.2)."""
        payloads.nothing(signed.payload)
        row = await self.finalization.certificate(
            signed.owner.row.id, exchange.request.parameters["id"]
        )
        return downloads.chain(
            row,
            self.chains.alternates(row.intermediates),
            exchange.request.parameters.get("chain"),
            exchange.links,
            exchange.headers,
        )

    async def revoke(self, exchange: Exchange, signed: Signed) -> Response:
        """Revoke a certificate (7.6)."""
        found = payloads.members(signed.payload)
        await self.revocation.revoke(
            exchange.provisioner,
            signed,
            payloads.octets(found, "certificate"),
            payloads.integer(found, "reason"),
            exchange.context,
        )
        return Response(headers=exchange.headers)

    # ---- the way in and out

    def _open(
        self, path: str, tell: Callable[[RenewalInfo, str, Links], Awaitable[Response]]
    ) -> Route:
        """Give a route that anybody may read."""

        async def endpoint(request: Request) -> Response:
            provisioner, found = self._provisioner(request)
            try:
                if isinstance(provisioner, AcmeError):
                    return refusal(provisioner, (), request)
                return await tell(self.renewal, request.parameters["id"], found)
            except AcmeError as error:
                return refusal(error, (), request)

        return unsigned(path, endpoint)

    def _post(self, path: str, resource: Resource, by: SignedBy, told_as: str = "") -> Route:
        """Give a route; refusals of those that are told as something stand in the journal."""

        endpoint = partial(self._signed, resource=resource, by=by, told_as=told_as)
        return Route(method="POST", path=f"/{{provisioner}}{path}", endpoint=endpoint)

    async def _signed(
        self, request: Request, resource: Resource, by: SignedBy, told_as: str
    ) -> Response:
        try:
            provisioner, found = self._provisioner(request)
        except NotFound as error:
            return missing(error, request)
        headers = await usual(self.nonces, found)
        try:
            if isinstance(provisioner, AcmeError):
                return refusal(provisioner, headers, request)
            check_content_type(request)
            url = requested_url(request, self.host)
            signed = await Requests(accounts=self.accounts, nonces=self.nonces).read(
                request.body, provisioner, url=url, account_prefix=found.accounts, by=by
            )
            exchange = Exchange(
                request=request, provisioner=provisioner, links=found, headers=headers
            )
            return await resource(exchange, signed)
        except HearthError as error:
            if told_as:
                self._tell(request, provisioner, told_as, error)
            return refusal(error, headers, request)
        except Exception as error:  # noqa: BLE001  an ACME client cannot read any other fault
            return failure(error, headers, request)

    def _tell(
        self, request: Request, found: AcmeProvisioner | AcmeError, operation: str, error: Exception
    ) -> None:
        """Tell of a refusal; a nonce that has to be asked for again is none."""
        if isinstance(error, AcmeError) and error.type is ProblemType.BAD_NONCE:
            return
        context = Context(client=request.client, request_id=request.request_id)
        ref = None if isinstance(found, AcmeError) else found.ref
        x509 = self.finalization.x509
        reporting.refused(operation, context, ref, str(error), x509.clock.now(), x509.events)

    def _provisioner(self, request: Request) -> tuple[AcmeProvisioner | AcmeError, Links]:
        """Find whom a path names, and where its resources are. Raises NotFound."""
        written = request.parameters["provisioner"]
        name = unquote(written) if "%" in written else written
        found = self.registry.by_name(name)
        if found is None:
            raise unknown(name)
        where = links(request, name, self.host)
        if isinstance(found, AcmeProvisioner):
            return found, where
        return unauthorized("the provisioner is disabled, not of type ACME, or unusable"), where

    async def _authorization(self, exchange: Exchange, found: Authorization) -> object:
        below = exchange.provisioner.checks.subdomains and (
            await preauthorizations.is_for_subdomains(self.authorizations.store, found)
        )
        return documents.authorization(
            found, exchange.links, exchange.provisioner.options, below=below
        )

    def _own_account(self, exchange: Exchange, signed: Signed) -> None:
        if exchange.request.parameters["id"] != signed.owner.row.id:
            raise unauthorized("the account is another one")

    def _account(self, exchange: Exchange, key: str, document: object) -> Response:
        return answer(document, (*exchange.headers, ("location", exchange.links.account(key))))
