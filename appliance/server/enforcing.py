"""A changed configuration is saved and served, or taken back."""

from typing import Final

import trio

from appliance.config.editing import Editing
from appliance.model.errors import Broken, HearthError
from appliance.server.reloading import Service

_PATIENCE: Final = 45.0  # seconds that a reload may take


async def put_in_force(service: Service, edited: Editing) -> None:
    """Save it, and serve it; what the reload refuses is put back, whoever asked may be gone.

    Raises ConfigError, Unavailable, Broken; then nothing has changed.
    """
    with trio.CancelScope(shield=True):
        await trio.to_thread.run_sync(edited.save)
        try:
            with trio.fail_after(_PATIENCE):
                await service.reload()
        except Exception as error:
            await trio.to_thread.run_sync(edited.take_back)
            if isinstance(error, HearthError):
                raise
            why = f"in {_PATIENCE:.0f} s" if isinstance(error, trio.TooSlowError) else "by a fault"
            raise Broken(f"the configuration did not come into force {why}") from error
