"""Provisioners: who may ask for certificates, and every way to change that."""

from tests.support.stage import Stage, scene


async def _form(stage: Stage) -> None:
    await stage.press("4")
    await stage.shows("devices")
    await stage.press("down", "enter")
    await stage.shows("Always a common name")


@scene()
async def provisioners(stage: Stage) -> None:
    """Provisioners: who may ask, whether it serves, for which names, and what it issued."""
    await stage.press("4")
    await stage.shows("*.home.arpa", "○ off")


@scene()
async def provisioner(stage: Stage) -> None:
    """A provisioner: all that ca.json says of it, in a form that knows its type."""
    await _form(stage)


@scene()
async def provisioner_names(stage: Stage) -> None:
    """Which names it may certify, and the rules' answer about some."""
    await _form(stage)
    await stage.press("right")
    await stage.shows("allow DNS")
    stage.app.screen.query_one("#tried").focus()
    await stage.press(*"nas.home.arpa,evil.example")
    await stage.shows("● yes  nas.home.arpa", "■ no   evil.example")


@scene()
async def provisioner_lifetimes(stage: Stage) -> None:
    """How long its certificates last: what is set here, and what is inherited."""
    await _form(stage)
    await stage.press("right", "right")
    await stage.shows("set here (24h above)", "inherited  5m")


@scene()
async def provisioner_template(stage: Stage) -> None:
    """Its template, rendered for an example as one types."""
    await _form(stage)
    await stage.press("right", "right", "right")
    await stage.shows("X.509v3 TLS Certificate for nas.home.arpa")


@scene()
async def provisioner_recipe(stage: Stage) -> None:
    """What to type for a client to use it: certbot, Caddy, Traefik, acme.sh, lego, step."""
    await _form(stage)
    await stage.press("left")
    await stage.shows("certbot certonly")


@scene()
async def new_provisioner(stage: Stage) -> None:
    """Which type a new one is of."""
    await stage.press("4")
    await stage.shows("devices")
    await stage.press("n")
    await stage.shows("service accounts of a Kubernetes cluster")


@scene()
async def provisioner_wrong(stage: Stage) -> None:
    """A wrong value says what is wrong beside it."""
    await _form(stage)
    await stage.press("tab", "tab", "tab", "tab", *"http-02", "ctrl+s")
    await stage.shows("■ options are http-01")


@scene()
async def configuration_change(stage: Stage) -> None:
    """What a change makes of ca.json is seen before it is saved."""
    await stage.press("4")
    await stage.shows("devices")
    await stage.press("down", "d")
    await stage.shows('"disabled": true')


@scene()
async def removing_a_provisioner(stage: Stage) -> None:
    """Removing a provisioner, after its name was typed."""
    await stage.press("4")
    await stage.shows("devices")
    await stage.press("down", "delete")
    await stage.shows("Type its name, acme", "2,208 certificates")
    await stage.until(lambda: "looking" not in stage.text)
