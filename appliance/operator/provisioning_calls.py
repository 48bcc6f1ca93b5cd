"""What can be asked over the control socket about provisioners, and what answers it."""

from typing import TypeAlias, assert_never

import msgspec

from appliance.model.provisioners import ProvisionerChange, Side
from appliance.operator.provisioning import Provisioning


class ProvisionersCall(msgspec.Struct, tag_field="method", tag="provisioners"):
    """Provisioning.provisioners."""


class ProvisionerCall(msgspec.Struct, tag_field="method", tag="provisioner"):
    """Provisioning.provisioner."""

    name: str


class NewProvisionerCall(msgspec.Struct, tag_field="method", tag="new_provisioner"):
    """Provisioning.new_provisioner."""

    kind: str


class PreviewProvisionerCall(msgspec.Struct, tag_field="method", tag="preview_provisioner"):
    """Provisioning.preview_provisioner."""

    change: ProvisionerChange


class ChangeProvisionerCall(msgspec.Struct, tag_field="method", tag="change_provisioner"):
    """Provisioning.change_provisioner."""

    change: ProvisionerChange
    basis: str


class JudgeNamesCall(msgspec.Struct, tag_field="method", tag="judge_names"):
    """Provisioning.judge_names."""

    change: ProvisionerChange
    names: list[str]
    side: Side


class TryTemplateCall(msgspec.Struct, tag_field="method", tag="try_template"):
    """Provisioning.try_template."""

    change: ProvisionerChange
    names: list[str]
    side: Side


FormCall: TypeAlias = ProvisionersCall | ProvisionerCall | NewProvisionerCall
ChangeCall: TypeAlias = (
    PreviewProvisionerCall | ChangeProvisionerCall | JudgeNamesCall | TryTemplateCall
)
ProvisioningCall: TypeAlias = FormCall | ChangeCall


async def answer_about_provisioners(asked: Provisioning, call: ProvisioningCall) -> object:
    """Carry out a call. Raises what the method raises."""
    if isinstance(call, FormCall):
        return await _answer_with_form(asked, call)
    match call:
        case PreviewProvisionerCall():
            return await asked.preview_provisioner(call.change)
        case ChangeProvisionerCall():
            return await asked.change_provisioner(call.change, call.basis)
        case JudgeNamesCall():
            return await asked.judge_names(call.change, call.names, call.side)
        case TryTemplateCall():
            return await asked.try_template(call.change, call.names, call.side)
        case _:
            assert_never(call)


async def _answer_with_form(asked: Provisioning, call: FormCall) -> object:
    match call:
        case ProvisionersCall():
            return await asked.provisioners()
        case ProvisionerCall():
            return await asked.provisioner(call.name)
        case NewProvisionerCall():
            return await asked.new_provisioner(call.kind)
        case _:
            assert_never(call)
