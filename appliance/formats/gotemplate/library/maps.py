"""sprig's functions on maps. Go goes through a map in no order; here its keys are in order."""

from collections.abc import Mapping
from typing import Any, Final

from appliance.formats.gotemplate.library import conversion, reflection
from appliance.formats.gotemplate.library.declaring import metered, plain
from appliance.formats.gotemplate.signatures import (
    DICT,
    INTERFACE,
    STRING,
    STRINGS,
    Function,
    FunctionError,
    Meter,
)
from appliance.formats.gotemplate.values import (
    Pointer,
    Struct,
    TypedList,
    TypedMap,
    is_nil,
    sorted_keys,
    type_of,
)

Dict = dict[str, Any]
_DEEPEST: Final = 100


def _set(items: Dict, key: str, value: object) -> Dict:
    if is_nil(items):
        raise FunctionError("assignment to entry in nil map")
    items[key] = value
    return items


def _unset(items: Dict, key: str) -> Dict:
    items.pop(key, None)
    return items


def _keys(*maps: Dict) -> TypedList:
    return TypedList([key for items in maps for key in sorted_keys(items)], go_type=STRINGS)


def _omit(items: Dict, *keys: str) -> Dict:
    return {key: value for key, value in items.items() if key not in keys}


def _dict(meter: Meter, *parts: object) -> Dict:
    items: Dict = {}
    for place in range(0, len(parts), 2):
        key = conversion.to_text(parts[place], meter)
        items[key] = parts[place + 1] if place + 1 < len(parts) else ""
    return items


def _dig(*parts: object) -> object:
    if len(parts) < 3:
        raise FunctionError("dig needs at least three arguments")
    *keys, default, found = parts
    _check(found, "map[string]interface {}")
    for key in keys:
        _check(key, "string")
    for key in keys:
        _check(found, "map[string]interface {}")
        if key not in found:  # type: ignore[operator]
            return default
        found = found[key]  # type: ignore[index]
    return found


def _check(value: object, wanted: str) -> None:
    name = "nil" if value is None else conversion.type_name(value)
    if name != wanted:
        raise FunctionError(f"interface conversion: interface {{}} is {name}, not {wanted}")


def _merge(meter: Meter, into: Dict, *sources: Dict, overwrite: bool) -> Dict:
    for source in sources:
        if is_nil(into) and not is_nil(source):
            into = {}
        _merge_into(meter, into, source, 0, overwrite=overwrite)
    return into


def _merge_into(meter: Meter, into: Dict, source: Dict, depth: int, *, overwrite: bool) -> None:
    """Fill in what is missing or empty; with `overwrite`, what differs too, map by map."""
    if depth > _DEEPEST:
        raise FunctionError("the maps are nested too deep to be merged")
    meter.spend(1 + len(source))
    for key in sorted_keys(source):
        value, present = source[key], into.get(key)
        if value is None or (is_nil(value) and type_of(source).element is not INTERFACE):
            if overwrite:
                _assign(into, key, value, source)
            continue
        both = False
        if isinstance(value, dict) and isinstance(present, dict):
            both = True
            if not is_nil(present):
                _merge_into(meter, present, value, depth + 1, overwrite=overwrite)
        kept = not _mergeable(present)
        if kept and (both or not overwrite):
            continue
        _assign(into, key, value, source)


def _mergeable(value: Any) -> bool:
    """Tell what counts as empty in a merge; a pointer to something empty does."""
    while isinstance(value, Pointer) and value.target is not None:
        value = value.target
    return reflection.is_empty(value)


def _assign(into: Dict, key: str, value: Any, source: Dict) -> None:
    """Put a source's value in; a map of another make takes it only where it holds anything."""
    ours, theirs = type_of(into).element, type_of(source).element
    if ours is not INTERFACE and ours is not theirs:
        raise FunctionError(
            f"reflect.Value.SetMapIndex: value of type {theirs} is not assignable to type {ours}"
        )
    into[key] = value


def _copy(meter: Meter, value: Any, depth: int = 0) -> Any:
    """Copy lists, maps and structs all the way down."""
    if depth > _DEEPEST:
        raise FunctionError("the value is nested too deep to be copied")
    meter.spend(1)
    if value is None:
        if depth == 0:
            raise FunctionError("reflect: call of reflect.Value.Type on zero Value")
        return None
    go_type = type_of(value)
    if isinstance(value, list):
        items = [_copy(meter, item, depth + 1) for item in value]
        plain_list = type(value) is list
        return items if plain_list else TypedList(items, go_type=go_type, nil=is_nil(value))
    if isinstance(value, dict):
        copies = {key: _copy(meter, item, depth + 1) for key, item in value.items()}
        plain_map = type(value) is dict
        return copies if plain_map else TypedMap(copies, go_type=go_type, nil=is_nil(value))
    if isinstance(value, Pointer):
        return Pointer(go_type, _copy(meter, value.target, depth + 1))
    if type(value) is Struct:
        fields = [field.name for field in go_type.fields]
        return Struct(
            go_type, {name: _copy(meter, value.field(name), depth + 1) for name in fields}
        )
    return value


def _merging(*, overwrite: bool) -> Function:
    def run(meter: Meter, into: Dict, *sources: Dict) -> Dict:
        return _merge(meter, into, *sources, overwrite=overwrite)

    return metered(run, DICT, variadic=DICT)


_COPY: Final = metered(_copy, INTERFACE)
_MERGE: Final = _merging(overwrite=False)
_OVERWRITE: Final = _merging(overwrite=True)

FUNCTIONS: Final[Mapping[str, Function]] = {
    "get": plain(lambda items, key: items.get(key, ""), DICT, STRING),
    "set": plain(_set, DICT, STRING, INTERFACE),
    "unset": plain(_unset, DICT, STRING),
    "hasKey": plain(lambda items, key: key in items, DICT, STRING),
    "pluck": plain(
        lambda key, *maps: [items[key] for items in maps if key in items], STRING, variadic=DICT
    ),
    "keys": plain(_keys, variadic=DICT),
    "values": plain(lambda items: [items[key] for key in sorted_keys(items)], DICT),
    "pick": plain(
        lambda items, *keys: {key: items[key] for key in keys if key in items},
        DICT,
        variadic=STRING,
    ),
    "omit": plain(_omit, DICT, variadic=STRING),
    "dict": metered(_dict, variadic=INTERFACE),
    "dig": plain(_dig, variadic=INTERFACE),
    "merge": _MERGE,
    "mustMerge": _MERGE,
    "mergeOverwrite": _OVERWRITE,
    "mustMergeOverwrite": _OVERWRITE,
    "deepCopy": _COPY,
    "mustDeepCopy": _COPY,
}
