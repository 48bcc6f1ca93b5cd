"""`hearth template`: the group; each of its commands is a module of its own."""

from appliance.cli.command import StepGroup

template = StepGroup(
    "template",
    help=(
        "Try templates before they issue certificates.\n\n"
        "\b\nExamples:\n"
        "  $ hearth template render leaf.tpl --data token.json\n"
        "  $ hearth template check --provisioner admin internal.csr"
    ),
    lazy={
        "check": (
            "appliance.cli.template_check:check",
            "show the certificate that a template would make of a request",
        ),
        "render": (
            "appliance.cli.template_render:render",
            "show what a template makes of given data",
        ),
    },
)
