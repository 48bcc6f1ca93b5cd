"""A token behind a module: its worker, its session, its PIN, its state. One caller at a time.

    no worker ──start──> worker ──look──> token there ──PIN guard, open──> open
        ▲                   │                 ▲                              │
        │ back-off          │ ended, hung     │ came again                   │ lost
        └───────────────────┴─────────────────┴──────────────────────────────┘

Whatever is on the way back costs the request that met it, at most one opening, and no PIN but
through the guard.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar, final

import trio

from appliance.keys.pins import PinGuard, Tries
from appliance.keys.pkcs11 import messages
from appliance.keys.pkcs11.messages import Answer, Failure, Request
from appliance.keys.pkcs11.place import TokenPlace
from appliance.keys.pkcs11.process import Worker, WorkerGone, start_worker
from appliance.model.errors import BadRequest, Broken, HearthError, NotFound, NotSupported
from appliance.model.secret import Password
from appliance.model.tokens import TokenState, TokenStatus
from appliance.ports.keys import TokenUnavailable, WrongPin

OPERATION: Final = 30.0  # seconds that an operation may take
GENERATION: Final = 180.0  # seconds; making a key of RSA is slow on small chips
_LOADING: Final = 30.0
_PAUSES: Final = (0.0, 0.2, 1.0, 5.0, 15.0, 30.0)  # seconds before a worker is started again

A = TypeVar("A", bound=Answer)


@final
class TokenSession:
    """What the driver's turns are taken for."""

    def __init__(
        self,
        place: TokenPlace,
        pin: Password | None,
        guard: PinGuard,
        told: Callable[[TokenStatus], None],
    ) -> None:
        self._place = place
        self._pin = pin
        self._guard = guard
        self._told = told
        self._worker: Worker | None = None
        self._failures = 0  # of workers, since one last did its work
        self._not_before = 0.0
        self._open = False
        self._watched = True
        self._refusal: tuple[Tries, TokenUnavailable] | None = None  # the guard's, for these tries
        self.status = TokenStatus(
            name=place.name, uri=place.uri.shown, state=TokenState.LOCKED, detail="not seen yet"
        )

    @property
    def worker_pid(self) -> int | None:
        """The number of the worker's process, while there is one."""
        return None if self._worker is None else self._worker.pid

    async def do(self, request: Request, kind: type[A], *, within: float = OPERATION) -> A:
        """Have the open token do it; opened before where it must be, again once if it was lost.

        Raises TokenUnavailable, NotFound, NotSupported, Broken.
        """
        await self._ensure_open()
        answer = await self._ask(request, within)
        if isinstance(answer, Failure) and answer.kind == messages.LOST:
            self._open = False
            await self._ensure_open()
            answer = await self._ask(request, within)
        return self._expected(answer, kind)

    async def look(self) -> None:
        """See whether the token is there, and open it when nothing stands against it."""
        seen = await self._look()
        if not self._open:
            await self._open_seen(seen)

    async def unlock(self, pin: Password, *, last_try: bool) -> None:
        """Open the token with a PIN that a person typed, and keep the PIN."""
        seen = await self._look()
        await self._log_in(seen, pin, person=True, last_try=last_try)
        self._pin = pin
        self._refusal = None

    def begin(self) -> None:
        """Be there for the token again."""
        self._watched = True

    async def end(self) -> None:
        """Let the token go, and start no worker for whoever still asks."""
        self._watched = False
        await self._close()

    async def _close(self) -> None:
        if self._worker is not None:
            worker, self._worker = self._worker, None
            await worker.kill()
        self._open = False

    # ---- on the way to an open token

    async def _ensure_open(self) -> None:
        if self._open and self._worker is not None:
            return
        await self.look()

    async def _look(self) -> messages.Seen:
        await self._ensure_worker()
        seen = self._expected(await self._ask(self._place.look, OPERATION), messages.Seen)
        if not seen.present:
            self._refusal = None
            raise self._missing(seen)
        self._open = self._open and seen.is_open
        if not self._open:
            self._note(self.status.state, seen=seen)
        return seen

    def _missing(self, seen: messages.Seen) -> TokenUnavailable:
        self._open = False
        if seen.others:
            there = ", ".join(f"'{each}'" for each in seen.others)
            return self._unavailable(TokenState.WRONG_TOKEN, f"only {there} can be seen")
        return self._unavailable(TokenState.ABSENT, "plug it in; it is used again by itself")

    async def _open_seen(self, seen: messages.Seen) -> None:
        if self._pin is None and seen.login_required:
            raise self._unavailable(
                TokenState.PIN_NEEDED, "type it, or store it where ca.json says (pin-source)"
            )
        if not seen.login_required or self._pin is None:
            self._expected(await self._ask(messages.Open(), OPERATION), messages.Done)
            self._opened()
            return
        tries = _tries(seen)
        if self._refusal is not None and self._refusal[0] == tries:
            raise self._refusal[1]
        await self._log_in(seen, self._pin, person=False, last_try=False)

    async def _log_in(
        self, seen: messages.Seen, pin: Password, *, person: bool, last_try: bool
    ) -> None:
        """Try a PIN, through the guard. Raises TokenUnavailable, WrongPin, Broken."""
        token, tries = f"pkcs11 {seen.label} {seen.serial}", _tries(seen)
        text = _pin_text(pin)
        try:
            attempt = await trio.to_thread.run_sync(
                lambda: self._guard.begin(token, pin, tries, person=person, last_try=last_try)
            )
        except TokenUnavailable as refusal:
            self._note(refusal.state, refusal.public)
            self._refusal = None if person else (tries, refusal)
            raise
        except Broken as fault:
            self._note(TokenState.LOCKED, fault.public)
            raise
        answer = await self._ask(messages.Open(text), OPERATION)
        if isinstance(answer, Failure) and answer.kind in (
            messages.PIN_REFUSED,
            messages.PIN_LOCKED,
        ):
            await trio.to_thread.run_sync(attempt.refused)
            await self._close()  # and with it the session that the attempt left behind
            raise self._refused(locked=answer.kind == messages.PIN_LOCKED)
        try:
            self._expected(answer, messages.Done)
        except Broken as fault:
            self._note(TokenState.LOCKED, f"it could not be opened: {fault.detail}")
            raise
        await trio.to_thread.run_sync(attempt.accepted)
        self._opened()

    def _refused(self, *, locked: bool) -> HearthError:
        if locked:
            return self._unavailable(TokenState.BLOCKED, "its PIN was wrong too often")
        self._note(TokenState.PIN_NEEDED, "the PIN was wrong; it is not tried again")
        return WrongPin(f"the token '{self._place.name}' refused the PIN")

    def _opened(self) -> None:
        self._open = True
        self._refusal = None
        self._note(TokenState.READY)

    # ---- the worker

    async def _ensure_worker(self) -> None:
        if self._worker is not None:
            return
        self._open = False
        wait = self._not_before - trio.current_time()
        if wait > 0:
            raise self._unavailable(self.status.state, self.status.detail, retry_after=wait)
        try:
            self._worker = await start_worker() if self._watched else None
        except WorkerGone as error:
            raise self._worker_gone(error) from error
        if not self._watched:  # ended, perhaps while the worker started
            await self._close()
            raise self._unavailable(self.status.state, "the server ends")
        answer = await self._ask(messages.Load(self._place.module), _LOADING)
        if isinstance(answer, Failure):
            await self._close()
            self._back_off()
            raise self._unavailable(
                TokenState.NO_SERVICE,
                f"the module {self._place.module} cannot be loaded: {answer.reason}",
            )

    async def _ask(self, request: Request, within: float) -> Answer:
        if self._worker is None:
            raise self._unavailable(TokenState.NO_SERVICE, "its module is not running")
        try:
            answer = await self._worker.ask(request, within=within)
        except WorkerGone as error:
            raise self._worker_gone(error) from error
        if not isinstance(request, messages.Load | messages.Look):
            self._failures = 0
        return answer

    def _worker_gone(self, error: WorkerGone) -> TokenUnavailable:
        self._worker, self._open = None, False
        self._back_off()
        return self._unavailable(
            TokenState.NO_SERVICE,
            f"the process with the module {self._place.module} ended: {error}",
            retry_after=max(1.0, self._not_before - trio.current_time()),
        )

    def _back_off(self) -> None:
        pause = _PAUSES[min(self._failures, len(_PAUSES) - 1)]
        self._failures += 1
        self._not_before = trio.current_time() + pause

    # ---- answers and states

    def _expected(self, answer: Answer, kind: type[A]) -> A:
        if isinstance(answer, kind):
            return answer
        if not isinstance(answer, Failure):
            raise Broken("the token's module answered something else than it was asked")
        name = self._place.name
        match answer.kind:
            case messages.LOST:
                self._open = False
                raise self._unavailable(TokenState.ABSENT, f"it went away: {answer.reason}")
            case messages.NOT_FOUND:
                raise NotFound(
                    f"there is no such key or certificate on the token '{name}'",
                    detail=answer.reason,
                )
            case messages.EXISTS:
                raise BadRequest(f"a key of this name exists already on the token '{name}'")
            case messages.AMBIGUOUS:
                raise Broken(f"the name is not of one key alone on the token '{name}': give its id")
            case messages.UNSUPPORTED:
                raise NotSupported(f"the token '{name}' cannot do this", detail=answer.reason)
            case _:
                raise Broken(f"the token '{name}' failed", detail=answer.reason)

    def _unavailable(
        self, state: TokenState, detail: str, *, retry_after: float = 5.0
    ) -> TokenUnavailable:
        self._note(state, detail)
        return TokenUnavailable(
            f"the token with the signing key cannot be used now ({state})",
            detail=f"{self._place.name}: {detail}",
            state=state,
            retry_after=max(1, round(retry_after)),
        )

    def _note(
        self, state: TokenState, detail: str = "", *, seen: messages.Seen | None = None
    ) -> None:
        """Remember the state, and tell whoever wants to know when it is another."""
        before = self.status
        self.status = replace(before, state=state, detail=detail)
        if seen is not None:
            self.status = replace(
                self.status,
                model=seen.model,
                serial=seen.serial,
                firmware=seen.firmware,
                tries_left=0 if seen.pin_locked else 1 if seen.pin_final_try else None,
                detail=before.detail,
            )
        if (before.state, before.detail) != (self.status.state, self.status.detail):
            self._told(self.status)


def _tries(seen: messages.Seen) -> Tries:
    return Tries(
        full=not (seen.pin_count_low or seen.pin_final_try or seen.pin_locked),
        final=seen.pin_final_try,
        blocked=seen.pin_locked,
    )


def _pin_text(pin: Password) -> str:
    try:
        return pin.reveal().decode()
    except UnicodeDecodeError:
        raise WrongPin("a PIN of PKCS#11 is text in UTF-8; this one is not") from None
