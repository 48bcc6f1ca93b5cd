"""`hearth crl`: the group of commands about revocation lists."""

from appliance.cli.command import StepGroup

crl = StepGroup(
    "crl",
    help=(
        "Look at certificate revocation lists (CRLs).\n\n"
        "\b\nExamples:\n"
        "  $ hearth crl inspect --insecure http://ca.example.com/crl\n"
        "  $ hearth crl inspect --ca intermediate_ca.crt ca.crl"
    ),
    lazy={
        "inspect": ("appliance.cli.crl_inspect:inspect", "show what a revocation list says"),
    },
)
