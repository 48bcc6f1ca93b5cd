"""Problems that come up with more than one kind of resource, and problems as rows."""

from appliance.authority.acme.records import IdentifierRow, ProblemRow, SubproblemRow
from appliance.model.acme import AcmeError, ProblemType


def problem_row(error: AcmeError) -> ProblemRow:
    """Write a problem as rows and answers have it."""
    return ProblemRow(
        type=error.type.urn,
        detail=error.public,
        subproblems=[
            SubproblemRow(
                type=each.type,
                detail=each.detail,
                identifier=None
                if each.identifier is None
                else IdentifierRow(type=each.identifier.type, value=each.identifier.value),
            )
            for each in error.subproblems
        ]
        or None,
    )


def not_found(what: str) -> AcmeError:
    """Make the problem of a resource that is not there."""
    return AcmeError(ProblemType.MALFORMED, f"there is no such {what}", status=404)


def busy() -> AcmeError:
    """Make the problem of a row that others change all the time."""
    return AcmeError(ProblemType.CONFLICT, "too many requests for one resource; try again")
