"""The PIN guard: no machine tries a PIN twice."""

from pathlib import Path

import pytest

from appliance.keys.pins import PinGuard, Tries
from appliance.model.errors import Broken
from appliance.model.secret import Password
from appliance.model.tokens import TokenState
from appliance.ports.keys import TokenUnavailable, WrongPin

FULL = Tries(full=True, left=3)
USED = Tries(full=False, left=2)
UNCOUNTED = Tries(full=True)
FINAL = Tries(full=False, left=1, final=True)
RIGHT, WRONG = Password(b"1234"), Password(b"9999")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "pins.json"


def refused(guard: PinGuard, pin: Password, tries: Tries = FULL, *, person: bool = False) -> None:
    with pytest.raises(WrongPin), guard.attempt("t", pin, tries, person=person):
        raise WrongPin("refused")


def accepted(guard: PinGuard, pin: Password, tries: Tries = FULL, **how: bool) -> None:
    with guard.attempt(
        "t", pin, tries, person=how.get("person", False), last_try=how.get("last_try", False)
    ):
        pass


def test_a_rejected_pin_is_not_tried_again_by_any_later_start(journal: Path) -> None:
    refused(PinGuard(journal), WRONG)
    for _ in range(6):
        with pytest.raises(TokenUnavailable, match="was rejected before") as raised:
            accepted(PinGuard(journal), WRONG)
        assert raised.value.state is TokenState.PIN_NEEDED


def test_a_machine_waits_while_a_try_is_missing(journal: Path) -> None:
    """Also with another PIN: somebody else is trying, or the first one was wrong."""
    with pytest.raises(TokenUnavailable, match="a wrong PIN was tried"):
        accepted(PinGuard(journal), RIGHT, USED)


def test_a_new_stored_pin_is_tried_when_no_try_is_missing(journal: Path) -> None:
    refused(PinGuard(journal), WRONG)
    accepted(PinGuard(journal), RIGHT)
    assert journal.read_bytes() == b"{}"


def test_a_person_may_use_what_tries_are_left_but_the_last_only_on_purpose(journal: Path) -> None:
    accepted(PinGuard(journal), RIGHT, USED, person=True)
    with pytest.raises(TokenUnavailable, match="one try"):
        accepted(PinGuard(journal), RIGHT, FINAL, person=True)
    with pytest.raises(TokenUnavailable, match="one try"):
        accepted(PinGuard(journal), RIGHT, FINAL)
    accepted(PinGuard(journal), RIGHT, FINAL, person=True, last_try=True)


def test_a_blocked_token_says_so(journal: Path) -> None:
    for tries in (Tries(full=False, blocked=True), Tries(full=False, left=0)):
        with pytest.raises(TokenUnavailable, match="blocked") as raised:
            accepted(PinGuard(journal), RIGHT, tries, person=True, last_try=True)
        assert raised.value.state is TokenState.BLOCKED


def test_a_persons_mistake_says_nothing_about_the_stored_pin(journal: Path) -> None:
    refused(PinGuard(journal), WRONG, person=True)
    accepted(PinGuard(journal), RIGHT)  # the token was opened by somebody meanwhile
    refused(PinGuard(journal), WRONG)
    refused(PinGuard(journal), Password(b"8888"), USED, person=True)
    with pytest.raises(TokenUnavailable, match="was rejected before"):
        accepted(PinGuard(journal), WRONG)


def test_an_attempt_that_was_cut_off_is_repeated_if_no_try_was_lost(journal: Path) -> None:
    for _ in range(5):
        PinGuard(journal).begin("t", RIGHT, FULL, person=False)  # killed here
    with pytest.raises(TokenUnavailable, match="a wrong PIN was tried"):
        PinGuard(journal).begin("t", RIGHT, USED, person=False)
    accepted(PinGuard(journal), RIGHT)


def test_where_tries_are_not_counted_it_is_repeated_once(journal: Path) -> None:
    PinGuard(journal).begin("t", RIGHT, UNCOUNTED, person=False)
    PinGuard(journal).begin("t", RIGHT, UNCOUNTED, person=False)
    with pytest.raises(TokenUnavailable, match="cut off"):
        PinGuard(journal).begin("t", RIGHT, UNCOUNTED, person=False)
    accepted(PinGuard(journal), RIGHT, person=True)
    accepted(PinGuard(journal), RIGHT)


def test_a_pin_that_the_token_took_outlasts_cut_off_attempts_until_it_is_refused(
    journal: Path,
) -> None:
    """A token pulled while it is opened must not need a person."""
    guard = PinGuard(journal)
    accepted(guard, RIGHT, UNCOUNTED)
    for _ in range(5):
        guard.begin("t", RIGHT, UNCOUNTED, person=False)
    refused(guard, RIGHT, UNCOUNTED)
    with pytest.raises(TokenUnavailable, match="was rejected before"):
        accepted(guard, RIGHT, UNCOUNTED)


def test_it_is_on_disk_before_the_token_hears_of_it(journal: Path) -> None:
    with PinGuard(journal).attempt("t", RIGHT, FULL, person=False):
        assert b"in flight" in journal.read_bytes()
        assert b"1234" not in journal.read_bytes()
        assert journal.stat().st_mode & 0o777 == 0o600


def test_tokens_are_apart(journal: Path) -> None:
    guard = PinGuard(journal)
    refused(guard, WRONG)
    with guard.attempt("other", WRONG, FULL, person=False):
        pass


def test_without_a_journal_that_can_be_used_no_pin_is_tried(journal: Path) -> None:
    journal.write_text("half a jour")
    with pytest.raises(Broken, match="cannot be read"):
        accepted(PinGuard(journal), RIGHT)
    with pytest.raises(Broken, match="cannot be written"):
        accepted(PinGuard(journal.parent / "missing" / "pins.json"), RIGHT)
    assert list(journal.parent.iterdir()) == [journal]
