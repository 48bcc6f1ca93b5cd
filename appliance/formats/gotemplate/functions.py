"""The functions that templates may call beside Go's builtins, by name.

They are those of sprig 3.3.0's text functions, without `env` and `expandenv`, and step's own.
`getHostByName` is there and refuses, since a template has no network.
"""

from collections.abc import Mapping
from typing import Final, NoReturn

from appliance.formats.gotemplate.library import (
    arithmetic,
    asn1,
    certificates,
    crypto,
    dates,
    encoding,
    jsontext,
    lists,
    maps,
    paths,
    reflection,
    regexes,
    semver,
    text,
    urls,
)
from appliance.formats.gotemplate.library.context import FunctionContext
from appliance.formats.gotemplate.library.declaring import plain
from appliance.formats.gotemplate.signatures import STRING, Function, FunctionError


def _fail(message: str) -> NoReturn:
    raise FunctionError(message, failure=True)


_UNCHANGING: Final[Mapping[str, Function]] = {
    **arithmetic.FUNCTIONS,
    **certificates.FUNCTIONS,
    **crypto.FUNCTIONS,
    **dates.FUNCTIONS,
    **encoding.FUNCTIONS,
    **jsontext.FUNCTIONS,
    **lists.FUNCTIONS,
    **maps.FUNCTIONS,
    **paths.FUNCTIONS,
    **reflection.FUNCTIONS,
    **regexes.FUNCTIONS,
    **semver.FUNCTIONS,
    **text.FUNCTIONS,
    **urls.FUNCTIONS,
    "fail": plain(_fail, STRING),
}


def sprig(context: FunctionContext) -> Mapping[str, Function]:
    """Give sprig's functions."""
    return {
        **_UNCHANGING,
        **arithmetic.random_functions(context),
        **certificates.making_functions(context),
        **crypto.random_functions(context),
        **dates.present_functions(context),
        **text.random_functions(context),
    }


def standard(context: FunctionContext) -> Mapping[str, Function]:
    """Give everything that templates of certificates may call: sprig's functions and step's own."""
    return {
        **sprig(context),
        **asn1.FUNCTIONS,
        **dates.STEP_FUNCTIONS,
        **dates.step_functions(context),
    }
