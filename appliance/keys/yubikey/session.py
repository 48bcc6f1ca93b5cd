"""A YubiKey's way from a port to signatures, and back when it is pulled. One caller at a time.

    absent ──a YubiKey is seen──> connected ──PIN guard──> ready ──pulled, reset──> absent
                                      │
                                      └── PIN needed, blocked, wrong token: until a person acts

Everything that talks to the card runs in a thread of its own, with an end to waiting: a card that
hangs costs its own requests, and the thread lets the card go when it wakes up. The PIN is kept in
memory while the card is away, and used again only through the guard.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, final

import trio

from appliance.keys.pins import PinGuard
from appliance.keys.yubikey.card import NotSatisfied
from appliance.keys.yubikey.hold import BLOCKED, MISSING, Hold, is_yubikey
from appliance.keys.yubikey.pcsc import CardFault, Readers, Trouble
from appliance.model.errors import Broken
from appliance.model.secret import Password
from appliance.model.tokens import TokenState, TokenStatus
from appliance.ports.keys import TokenUnavailable, WrongPin

OPERATION: Final = 30.0  # seconds; for a touch a YubiKey waits fifteen
GENERATION: Final = 240.0  # seconds; making a key of RSA-4096 takes minutes

_STATES: Final = {
    Trouble.NO_SERVICE: TokenState.NO_SERVICE,
    Trouble.GONE: TokenState.ABSENT,
    Trouble.RESET: TokenState.LOCKED,
    Trouble.IN_USE: TokenState.BUSY,
    Trouble.FAILED: TokenState.LOCKED,
}
_WORDS: Final = {
    Trouble.NO_SERVICE: "the smart card service does not answer: is pcscd running?",
    Trouble.GONE: MISSING,
    Trouble.RESET: "the YubiKey was reset",
    Trouble.IN_USE: "another program uses the YubiKey; it has to let it go",
    Trouble.FAILED: "the YubiKey does not answer as it should",
}
_FOR_A_PERSON: Final = {TokenState.PIN_NEEDED, TokenState.BLOCKED, TokenState.WRONG_TOKEN}
_UNSEEN: Final = "not seen yet"
_SOON, _LATER = 2, 60  # seconds; a person is slower than a machine

T = TypeVar("T")


@final
class CardSession:
    """What the driver's turns are taken for."""

    def __init__(
        self,
        *,
        serial: str,
        uri: str,
        pin: Password | None,
        guard: PinGuard,
        told: Callable[[TokenStatus], None],
    ) -> None:
        self._serial = serial
        self._guard = guard
        self._told = told
        self._hold = Hold(serial, pin, guard)
        self._limiter = trio.CapacityLimiter(1)
        self._readers: frozenset[str] = frozenset()
        self._refusal: TokenUnavailable | None = None  # until a person, or another card, comes
        self.status = TokenStatus(
            name=f"yubikey {serial}".rstrip(),
            uri=uri,
            state=TokenState.ABSENT,
            model="YubiKey",
            serial=serial,
            detail=_UNSEEN,
        )

    # ---- what the monitor tells

    def noticed(self, readers: Readers) -> None:
        """Take note of what is plugged in; never waits."""
        present = frozenset(name for name, state in readers.items() if is_yubikey(name, state))
        if present != self._readers:
            self._readers = present
            self._refusal = None
        if self._hold.reader and self._hold.reader not in present:  # although others may be there
            self._hold.lost = True
            self._note(TokenState.ABSENT, MISSING)
        known = self.status.state is TokenState.ABSENT and self.status.detail != _UNSEEN
        if not present and not known:
            self._note(TokenState.ABSENT, MISSING)

    def heard_nothing(self, fault: CardFault) -> None:
        """Take note that the service does not answer."""
        self._readers = frozenset()
        self._refusal = None
        self._note(TokenState.NO_SERVICE, fault.text)

    @property
    def wants_opening(self) -> bool:
        """Say whether the card should be opened although nobody asks for it."""
        return (
            bool(self._readers)
            and self._refusal is None
            and self.status.state not in (TokenState.READY, TokenState.TOUCH)
        )

    def check(self, *, proven: bool) -> None:
        """Refuse at once what cannot be done; with `proven` also while a person has to come.

        Raises TokenUnavailable.
        """
        if not self._readers:
            no_service = self.status.state is TokenState.NO_SERVICE
            trouble = Trouble.NO_SERVICE if no_service else Trouble.GONE
            raise _unavailable(_STATES[trouble], _WORDS[trouble])
        if proven and self._refusal is not None:
            raise _unavailable(self._refusal.state, self._refusal.public)

    # ---- what takes turns

    async def open(self) -> None:
        """Connect to the card and give it the PIN. Raises TokenUnavailable."""
        await self._run(lambda hold: hold.prove(), OPERATION)

    async def do(
        self, operation: Callable[[Hold], T], *, proven: bool = False, within: float = OPERATION
    ) -> T:
        """Have the card do it, connected anew once if it was lost.

        Raises as `check` does, and what the operation raises.
        """
        self.check(proven=proven)

        def step(hold: Hold) -> T:
            try:
                return operation(hold)
            except (CardFault, NotSatisfied) as error:
                if not _is_worth_another(hold, error):
                    raise
                hold.let_go()
                return operation(hold)

        return await self._run(step, within)

    async def unlock(self, pin: Password, *, last_try: bool) -> None:
        """Give the card a PIN that a person typed, and keep it. Raises WrongPin."""
        self._refusal = None
        await self._run(lambda hold: hold.unlock(pin, last_try=last_try), OPERATION)

    def wait_for_touch(self) -> None:
        """Show that a finger is waited for. Runs in the thread."""
        trio.from_thread.run_sync(self._note, TokenState.TOUCH, "touch it, to sign")

    async def close(self) -> None:
        """Let the card go."""
        await self._in_thread(lambda hold: hold.let_go(), OPERATION)

    # ---- outcomes

    async def _run(self, step: Callable[[Hold], T], within: float) -> T:
        """Take one step, and turn how it ended into the token's state."""
        try:
            result = await self._in_thread(step, within)
        except CardFault as fault:
            self._note(_STATES[fault.trouble], fault.text)
            raise _unavailable(
                _STATES[fault.trouble], _WORDS[fault.trouble], detail=fault.text
            ) from fault
        except NotSatisfied as error:
            raise self._unsatisfied() from error
        except WrongPin as error:
            self._hold.pin = None
            refusal = _refused(error)
            self._refuse(refusal)
            raise
        except TokenUnavailable as error:
            self._refuse(error)
            raise
        finally:
            self._learn()
        self._settle()
        return result

    def _unsatisfied(self) -> Exception:
        if self.status.state is TokenState.TOUCH:
            self._settle()
            return _unavailable(TokenState.TOUCH, "the YubiKey was not touched in time")
        self._settle()
        return Broken("the YubiKey refuses to sign", detail="6982, although it has its PIN")

    def _refuse(self, error: TokenUnavailable) -> None:
        if error.state in _FOR_A_PERSON:
            self._refusal = error
        self._note(error.state, error.detail or error.public)

    def _settle(self) -> None:
        """After a step that went well: the card is ready, or was let go."""
        if self._hold.verified:
            self._refusal = None
            self._note(TokenState.READY, "")
        elif self._hold.pin is None and self.status.state not in _FOR_A_PERSON:
            self._note(TokenState.PIN_NEEDED, "")

    def _learn(self) -> None:
        hold = self._hold
        if hold.found_serial:
            self.status = replace(
                self.status,
                name=f"yubikey {hold.found_serial}",
                serial=hold.found_serial,
                firmware=hold.firmware,
                tries_left=hold.tries_left,
            )

    def _note(self, state: TokenState, detail: str) -> None:
        """Keep a state, and tell it when it is another one."""
        before = self.status
        self.status = replace(before, state=state, detail=detail)
        if (before.state, before.detail) != (state, detail):
            self._told(self.status)

    # ---- the thread

    async def _in_thread(self, step: Callable[[Hold], T], within: float) -> T:
        """Take a step with the card, which is kept only while it has our PIN."""
        if self._limiter.available_tokens < 1:
            raise CardFault(Trouble.NO_SERVICE, "an earlier operation has not ended yet")
        hold = self._hold

        def guarded() -> T:
            try:
                return step(hold)
            except CardFault:
                hold.let_go()
                raise
            finally:
                if hold.abandoned or not hold.verified:
                    hold.let_go()

        with trio.move_on_after(within):
            return await trio.to_thread.run_sync(
                guarded, limiter=self._limiter, abandon_on_cancel=True
            )
        hold.abandoned = True
        self._hold = Hold(self._serial, hold.pin, self._guard)
        raise CardFault(Trouble.NO_SERVICE, f"no answer for {within:.0f} seconds")


def _is_worth_another(hold: Hold, error: CardFault | NotSatisfied) -> bool:
    """Say whether to connect anew: the connection was an old one, or the PIN is forgotten."""
    if isinstance(error, CardFault):
        return error.trouble in (Trouble.RESET, Trouble.GONE, Trouble.NO_SERVICE)
    return hold.has_forgotten()


def _refused(error: WrongPin) -> TokenUnavailable:
    if error.tries_left == 0:
        return _unavailable(TokenState.BLOCKED, BLOCKED)
    return _unavailable(TokenState.PIN_NEEDED, error.public)


def _unavailable(state: TokenState, public: str, *, detail: str = "") -> TokenUnavailable:
    retry = _LATER if state in _FOR_A_PERSON else _SOON
    return TokenUnavailable(public, state=state, detail=detail, retry_after=retry)
