"""Orders become certificates: the same line as POST /sign, with another first step.

    order ready? ──▶ CSR = order? ──▶ grant ──▶ draft, permit, sign ──▶ one transaction

That transaction has the certificate, its rows and the order's: who comes second, here or in another
process, finds the order changed, throws its signature away, and gives the certificate of the first.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import msgspec

from appliance.authority.acme import accounts, records
from appliance.authority.acme.authorizations import Authorization, forgotten
from appliance.authority.acme.ids import new_id
from appliance.authority.acme.orders import Order, Orders
from appliance.authority.acme.problems import not_found
from appliance.authority.acme.records import CertificateRow, Held, OrderRow, SerialRow
from appliance.authority.acme.replacing import fulfilled
from appliance.authority.acme.shares import Shares
from appliance.authority.reporting import Context
from appliance.authority.x509 import X509Authority
from appliance.authority.x509_recording import Issued
from appliance.formats import jwk, pem
from appliance.issuance import parsed, requests
from appliance.issuance.acme import finalize, identifiers, states
from appliance.issuance.acme.states import OrderEvent
from appliance.issuance.drafting import AskedDates
from appliance.issuance.grants import Grant
from appliance.issuance.requests import SigningRequest
from appliance.model.acme import (
    AcmeError,
    IdentifierType,
    OrderStatus,
    ProblemType,
    malformed,
    unauthorized,
)
from appliance.model.errors import BadRequest, Conflict, Forbidden
from appliance.ports.chance import Chance
from appliance.ports.clock import Clock
from appliance.ports.store import Operation, Store
from appliance.provisioners.acme import AcmeProvisioner

LABEL: Final = "CERTIFICATE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalization:
    """Issues what was ordered."""

    orders: Orders
    x509: X509Authority
    store: Store
    clock: Clock
    chance: Chance
    turns: Shares = field(default_factory=lambda: Shares(1))

    async def finalize(
        self,
        provisioner: AcmeProvisioner,
        account_id: str,
        key: str,
        csr: bytes,
        context: Context,
    ) -> Order:
        """Issue an order's certificate for a CSR (DER), and give the order.

        An order that has its certificate is given as it is, to a request for the same key: clients
        repeat requests whose answers got lost. Raises AcmeError; Unavailable and Broken when key or
        store failed.
        """
        request = _read(csr)
        async with self.turns.one_of(key):
            order = await self.orders.of_account(provisioner, account_id, key)
            if order.status is not OrderStatus.READY:
                return await self._finished(order, request)
            _check_attested(request, order.authorizations)
            finalize.check(request, order.identifiers)
            await self._check_key(provisioner, request)
            validator = self.orders.authorizations.validator
            await validator.recheck(provisioner, order.authorizations)
            issued = await self._issue(provisioner, order, request, context)
            if issued is not None:
                return issued
            order = await self.orders.of_account(provisioner, account_id, key)
            return await self._finished(order, request)

    async def certificate(self, account_id: str, key: str) -> CertificateRow:
        """Give a certificate of an account. Raises AcmeError."""
        held = await records.find(self.store, CertificateRow, key)
        if held is None:
            raise not_found("certificate")
        if held.row.account_id != account_id:
            raise unauthorized("the certificate is another account's")
        return held.row

    async def _finished(self, order: Order, request: SigningRequest) -> Order:
        """Give an order that has a certificate for the request's key. Raises AcmeError (7.4)."""
        if order.status is not OrderStatus.VALID:
            raise AcmeError(ProblemType.ORDER_NOT_READY, f"the order is {order.status}, not ready")
        held = await records.find(self.store, CertificateRow, order.row.certificate)
        leaf = None if held is None else parsed.parse(pem.first(held.row.leaf, LABEL))
        if leaf is None or leaf.public_key_info != request.public_key_info:
            raise AcmeError(
                ProblemType.ORDER_NOT_READY,
                "the order is valid: its certificate was issued for another key",
            )
        return order

    async def _check_key(self, provisioner: AcmeProvisioner, request: SigningRequest) -> None:
        """Keep the keys of accounts out of certificates (RFC 8555 11.1). Raises AcmeError."""
        thumbprint = jwk.thumbprint(jwk.public_members(request.public_key))
        if await accounts.holder(self.store, provisioner, thumbprint) is not None:
            raise AcmeError(
                ProblemType.BAD_CSR, "the key of the CSR is an account's: make one of its own"
            )

    async def _issue(
        self,
        provisioner: AcmeProvisioner,
        order: Order,
        request: SigningRequest,
        context: Context,
    ) -> Order | None:
        """Issue, and give the order as it is then; None when somebody else changed it meanwhile."""
        grant = _grant(provisioner, order, request)
        dates = AskedDates(
            not_before=records.read_time(order.row.not_before),
            not_after=records.read_time(order.row.not_after),
        )
        after = states.after(states.ORDERS, OrderStatus.READY, OrderEvent.ISSUED)
        valid = records.encoded(
            msgspec.structs.replace(
                order.row, status=after or OrderStatus.VALID, certificate=new_id(self.chance)
            )
        )
        try:
            await self.x509.sign_granted(
                request,
                grant,
                dates,
                context,
                asked_by=f"account {order.row.account_id}",
                also=lambda issued: self._rows(order, valid, issued),
            )
        except Conflict:
            return None
        except BadRequest as error:
            raise malformed(error.public) from error
        except Forbidden as error:
            raise _forbidden(error) from error
        return Order(valid, valid.row.status, (), order.replaces, order.profile)

    def _rows(self, order: Order, valid: Held[OrderRow], issued: Issued) -> Sequence[Operation]:
        """Give what is written with a certificate: its rows, and the order that has it."""
        key = valid.row.certificate
        row = CertificateRow(
            id=key,
            created_at=records.write_time(self.clock.now()),
            account_id=order.row.account_id,
            order_id=order.row.id,
            leaf=pem.encode(LABEL, issued.certificate).encode(),
            intermediates=_in_pem(issued.chain),
        )
        serial = SerialRow(serial=str(issued.serial), certificate_id=key)
        forget = forgotten(issued.validity.not_after)
        return [
            order.held.becomes(valid),
            *(each.held.unchanged() for each in order.authorizations),
            records.created(row),
            records.created(serial),
            records.expiring(
                forget,
                records.CERTIFICATES,
                key,
                (records.CERTIFICATES_BY_SERIAL, serial.serial),
            ),
            *(fulfilled(order.row.id, order.replaces, forget) if order.replaces else ()),
        ]


@lru_cache(maxsize=100)
def _in_pem(chain: tuple[bytes, ...]) -> bytes:
    """Write the issuers of a certificate, few of which there are."""
    return "".join(pem.encode(LABEL, each) for each in chain).encode()


def _read(csr: bytes) -> SigningRequest:
    try:
        return requests.read_der(csr)
    except BadRequest as error:
        raise malformed(error.public) from error


def _check_attested(request: SigningRequest, found: Sequence[Authorization]) -> None:
    """Hold the request's key against the one that a device attested."""
    attested = {each.row.fingerprint for each in found if each.row.fingerprint}
    if attested and attested != {finalize.key_fingerprint(request.public_key_info)}:
        raise unauthorized("the key of the CSR is not the one that was attested")


def _grant(provisioner: AcmeProvisioner, order: Order, request: SigningRequest) -> Grant:
    options, ordered = provisioner.options, order.identifiers
    name = finalize.subject(request, ordered, forced=options.force_common_name)
    devices = [each.value for each in ordered if each.type is IdentifierType.PERMANENT]
    return provisioner.grant(
        name,
        identifiers.sans(ordered),
        device=devices[0] if devices else "",
        profile=order.profile,
    )


def _forbidden(error: Forbidden) -> AcmeError:
    """Tell what policies, lifetimes and webhooks refuse."""
    return AcmeError(ProblemType.UNAUTHORIZED, error.public, detail=error.detail, status=403)
