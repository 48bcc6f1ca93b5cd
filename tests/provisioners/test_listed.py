"""Provisioners without token rules refuse every token, each with the status that step-ca gives."""

import pytest

from appliance.model.errors import BadRequest, HearthError, Unauthorized
from appliance.provisioners import tokens
from tests.authority.ours import OurTarget
from tests.authority.scenarios import URL, Ask
from tests.support.authority import START, Appliance, registry


@pytest.mark.parametrize(
    ("kind", "error"),
    [("ACME", BadRequest), ("SCEP", BadRequest), ("SSHPOP", Unauthorized)],
)
async def test_signing_and_revoking_are_refused(kind: str, error: type[HearthError]) -> None:
    provisioners = registry([{"type": kind, "name": "it"}])
    ask = Ask(target=OurTarget(Appliance(entries=[])))
    token = ask.token(aud=f"{URL}/1.0/sign#{kind.lower()}/it")
    with pytest.raises(error):
        await provisioners.authorize_sign(token, START)
    with pytest.raises(error):
        await provisioners.authorize_revoke(token, START)


@pytest.mark.parametrize("seconds", [1e300, -1e300, float(2**63)])
def test_times_beyond_the_calendar_are_refused_or_unbounded(seconds: float) -> None:
    """A token that ends in ten thousand years is one that does not end."""
    if seconds > 0:
        tokens.check_times(tokens.Claims(exp=seconds), START)
        with pytest.raises(Unauthorized):
            tokens.check_times(tokens.Claims(nbf=seconds), START)
    else:
        with pytest.raises(Unauthorized):
            tokens.check_times(tokens.Claims(exp=seconds), START)
