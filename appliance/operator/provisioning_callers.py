"""Provisioners (operator.provisioning) as they are asked about from elsewhere."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, TypeVarTuple

from appliance.model.provisioners import (
    ChangeOutcome,
    NamesJudged,
    ProvisionerChange,
    ProvisionerForm,
    ProvisionerSummary,
    Side,
    TemplateTried,
)
from appliance.operator import provisioning_calls as calls
from appliance.operator.provisioning import Provisioning
from appliance.operator.provisioning_calls import ProvisioningCall

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")


class RemoteProvisioning:
    """Those of a RemoteOperator."""

    @abstractmethod
    async def _call(self, call: ProvisioningCall, kind: type[T]) -> T:
        """Ask and wait for the answer."""

    async def provisioners(self) -> Sequence[ProvisionerSummary]:
        """Give the entries of ca.json."""
        return await self._call(calls.ProvisionersCall(), list[ProvisionerSummary])

    async def provisioner(self, name: str) -> ProvisionerForm:
        """Give the form of an entry."""
        return await self._call(calls.ProvisionerCall(name), ProvisionerForm)

    async def new_provisioner(self, kind: str) -> ProvisionerForm:
        """Give an empty form."""
        return await self._call(calls.NewProvisionerCall(kind), ProvisionerForm)

    async def preview_provisioner(self, change: ProvisionerChange) -> ChangeOutcome:
        """Say what a change would make of ca.json."""
        return await self._call(calls.PreviewProvisionerCall(change), ChangeOutcome)

    async def change_provisioner(self, change: ProvisionerChange, basis: str) -> ChangeOutcome:
        """Make the change that was previewed."""
        return await self._call(calls.ChangeProvisionerCall(change, basis), ChangeOutcome)

    async def judge_names(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> NamesJudged:
        """Say which names would be allowed."""
        return await self._call(calls.JudgeNamesCall(change, list(names), side), NamesJudged)

    async def try_template(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> TemplateTried:
        """Render its template for an example."""
        return await self._call(calls.TryTemplateCall(change, list(names), side), TemplateTried)


class PassedProvisioning:
    """Those of an Operator who asks somebody else, perhaps by way of another thread."""

    @property
    @abstractmethod
    def _provisioning(self) -> Provisioning:
        """Whom to ask."""

    async def _run(
        self, function: Callable[[*Arguments], Awaitable[T]], *arguments: *Arguments
    ) -> T:
        """Ask, where they are at home."""
        return await function(*arguments)

    async def provisioners(self) -> Sequence[ProvisionerSummary]:
        """Give the entries of ca.json."""
        return await self._run(self._provisioning.provisioners)

    async def provisioner(self, name: str) -> ProvisionerForm:
        """Give the form of an entry."""
        return await self._run(self._provisioning.provisioner, name)

    async def new_provisioner(self, kind: str) -> ProvisionerForm:
        """Give an empty form."""
        return await self._run(self._provisioning.new_provisioner, kind)

    async def preview_provisioner(self, change: ProvisionerChange) -> ChangeOutcome:
        """Say what a change would make of ca.json."""
        return await self._run(self._provisioning.preview_provisioner, change)

    async def change_provisioner(self, change: ProvisionerChange, basis: str) -> ChangeOutcome:
        """Make the change that was previewed."""
        return await self._run(self._provisioning.change_provisioner, change, basis)

    async def judge_names(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> NamesJudged:
        """Say which names would be allowed."""
        return await self._run(self._provisioning.judge_names, change, names, side)

    async def try_template(
        self, change: ProvisionerChange, names: Sequence[str], side: Side
    ) -> TemplateTried:
        """Render its template for an example."""
        return await self._run(self._provisioning.try_template, change, names, side)
