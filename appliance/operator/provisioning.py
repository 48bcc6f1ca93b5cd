"""Provisioners seen and changed: ca.json is edited, checked, replaced as a whole, and reloaded."""

from collections.abc import Sequence
from typing import Protocol

from appliance.model.provisioners import (
    ChangeOutcome,
    NamesJudged,
    ProvisionerChange,
    ProvisionerForm,
    ProvisionerSummary,
    Side,
    TemplateTried,
)


class Provisioning(Protocol):
    """Who may ask for certificates. What is wrong with a change is in the answer, not raised."""

    async def provisioners(self) -> Sequence[ProvisionerSummary]:
        """Give the entries of ca.json in order. Raises BadRequest when it cannot be read."""
        ...

    async def provisioner(self, name: str) -> ProvisionerForm:
        """Give the form of an entry, as ca.json has it now. Raises NotFound, BadRequest."""
        ...

    async def new_provisioner(self, kind: str) -> ProvisionerForm:
        """Give an empty form. Raises BadRequest, NotSupported for a type that is not served."""
        ...

    async def preview_provisioner(self, change: ProvisionerChange) -> ChangeOutcome:
        """Say what a change would make of ca.json, and what is wrong with it.

        Raises NotFound, BadRequest.
        """
        ...

    async def change_provisioner(self, change: ProvisionerChange, basis: str) -> ChangeOutcome:
        """Make the change that was previewed, and serve by it; the former ca.json is kept beside.

        `basis` is that of the preview. With problems, file and service are as they were. Raises
        NotFound, BadRequest, Unavailable.
        """
        ...

    async def judge_names(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> NamesJudged:
        """Say which names would be allowed. Raises NotFound, BadRequest."""
        ...

    async def try_template(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> TemplateTried:
        """Render its template for an example that asks for these names.

        Raises NotFound, BadRequest.
        """
        ...
