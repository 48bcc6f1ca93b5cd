"""Which tokens the usual PKCS#11 modules show; each module is loaded in a process of its own."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import trio

from appliance.formats.keyuri import KeyUri
from appliance.keys.pkcs11.messages import Done, Load, Look, Seen
from appliance.keys.pkcs11.process import WorkerGone, start_worker
from appliance.model.founding import Device

# A YubiKey is reached by its own driver, so its maker's module is not among them; that of TPMs
# makes a store in the home directory when it is merely looked at.
_MODULES: Final = (
    "softhsm/libsofthsm2.so",
    "libsofthsm2.so",
    "opensc-pkcs11.so",
    "libcs_pkcs11_R3.so",
    "libCryptoki2_64.so",
    "libeToken.so",
)
DIRECTORIES: Final = tuple(
    Path(each)
    for each in (
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
    )
)
_PATIENCE: Final = 10.0  # seconds for one module
# YubiKeys, by whichever module, and cards of which a module only imitates the layout: no key can be
# made on them.
_NOT_OURS: Final = ("yubi", "emulated")
_NO_LABEL: Final = "\N{REPLACEMENT CHARACTER}"  # of no token


def modules(directories: Iterable[Path] = DIRECTORIES) -> list[Path]:
    """Find the modules that are installed, each once."""
    there = (each / name for each in directories for name in _MODULES)
    return list(dict.fromkeys(path.resolve() for path in there if path.is_file()))


async def plugged_in(directories: Iterable[Path] = DIRECTORIES) -> list[Device]:
    """Ask each module for its tokens; one that fails has none."""
    found: dict[Path, list[Device]] = {}

    async def ask(module: Path) -> None:
        found[module] = await _tokens(module)

    async with trio.open_nursery() as nursery:
        for module in modules(directories):
            nursery.start_soon(ask, module)
    seen = [device for module in sorted(found) for device in found[module]]
    return list({(each.model, each.serial): each for each in seen}.values())


async def _tokens(module: Path) -> list[Device]:
    try:
        worker = await start_worker()
    except WorkerGone:
        return []
    try:
        with trio.CancelScope(shield=True):  # the worker must not be left in the middle
            if not isinstance(await worker.ask(Load(str(module)), within=_PATIENCE), Done):
                return []
            first = await worker.ask(Look(label=_NO_LABEL), within=_PATIENCE)
            labels = first.others if isinstance(first, Seen) else []
            answers = [await worker.ask(Look(label=each), within=_PATIENCE) for each in labels]
    except WorkerGone:
        return []
    finally:
        await worker.kill()
    return list(_devices(module, [each for each in answers if isinstance(each, Seen)]))


def _devices(module: Path, answers: Sequence[Seen]) -> Iterator[Device]:
    for seen in answers:
        if not seen.present or any(each in seen.model.lower() for each in _NOT_OURS):
            continue
        named = ("token", seen.label) if seen.label else ("serial", seen.serial)
        uri = KeyUri(scheme="pkcs11", attributes=(("module-path", str(module)), named))
        yield Device(
            uri=str(uri),
            model=f"{seen.label or 'token'} ({seen.model})",
            serial=seen.serial,
            firmware=seen.firmware,
            state=_state(seen),
        )


def _state(seen: Seen) -> str:
    if seen.pin_locked:
        return "PIN blocked"
    if seen.pin_final_try:
        return "PIN has one try left"
    return "PIN has been wrong lately" if seen.pin_count_low else "PIN needed"
