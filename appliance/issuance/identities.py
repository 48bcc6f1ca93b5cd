"""Identity certificates: for TLS, beside an SSH certificate, and as long as that."""

import uuid
from typing import Final

from msgspec.structs import replace

from appliance.issuance import extensions as ext
from appliance.issuance import subjects
from appliance.issuance.drafts import Draft
from appliance.issuance.requests import SigningRequest
from appliance.model.names import San, SanKind
from appliance.model.validity import Lifetimes, Validity

_PREFIX: Final = "urn:uuid:"
_LENGTH: Final = len(_PREFIX) + 36


def uri_of(request: SigningRequest) -> San | None:
    """Find the URI that names a machine among the names of a request: `urn:uuid:…`."""
    return next(filter(_is_identity, request.sans), None)


def without_uris(request: SigningRequest) -> SigningRequest:
    """Leave out what is not held against the grant: such a request names its machine."""
    kept = tuple(each for each in request.sans if each.kind is not SanKind.URI)
    return replace(request, sans=kept)


def as_identity(
    draft: Draft, request: SigningRequest, validity: Validity, lifetimes: Lifetimes
) -> Draft:
    """Give a draft the validity of its SSH certificate, and the name of the machine.

    It ends no later than the provisioner's TLS certificates may. Policies judge the name.
    """
    longest = validity.not_before + lifetimes.longest + lifetimes.backdate
    validity = replace(validity, not_after=min(validity.not_after, longest))
    draft, identity = replace(draft, validity=validity), uri_of(request)
    if identity is None or identity in draft.sans:
        return draft
    sans = (*draft.sans, identity)
    critical = draft.subject == subjects.EMPTY
    names = ext.subject_alt_name(sans, critical=critical)
    present = any(each.oid == ext.SUBJECT_ALT_NAME for each in draft.extensions)
    extensions = tuple(
        names if each.oid == ext.SUBJECT_ALT_NAME else each for each in draft.extensions
    )
    return replace(draft, sans=sans, extensions=extensions if present else (*extensions, names))


def _is_identity(name: San) -> bool:
    if name.kind is not SanKind.URI or len(name.value) != _LENGTH:
        return False
    written = name.value.lower().removeprefix(_PREFIX)
    try:
        return str(uuid.UUID(written)) == written
    except ValueError:
        return False
