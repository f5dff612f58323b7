"""Loads dashboards into the models of Grafana's foundation SDK, and prints what does not fit.

The models are lenient: they pass over keys that they do not know and take values of any type. So
what they were given is compared with what they give back, and every value with its declared type.
"""

import enum
import json
import sys
import types
import typing

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(given, returned, place):
    """What of the given JSON is not in the returned: unknown to the model, or changed by it."""
    if isinstance(given, dict) and isinstance(returned, dict):
        for key, value in given.items():
            if key in returned:
                yield from lost(value, returned[key], f"{place}.{key}")
            else:
                yield f"{place}.{key}: unknown"
    elif isinstance(given, list) and isinstance(returned, list) and len(given) == len(returned):
        for index, value in enumerate(given):
            yield from lost(value, returned[index], f"{place}[{index}]")
    elif given != returned:
        yield f"{place}: {given!r} becomes {returned!r}"


def mistyped(value, kind, place):
    """What in a value is not of its declared type; a model may have left JSON as it is."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        alternatives = [list(mistyped(value, argument, place)) for argument in arguments]
        yield from min(alternatives, key=len)
    elif origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from mistyped(item, arguments[0], f"{place}[{index}]")
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from mistyped(item, arguments[1], f"{place}.{key}")
    elif hasattr(kind, "from_json") and isinstance(value, dict):
        model = kind.from_json(value)
        yield from lost(value, plain(model), place)
        yield from mistyped(model, kind, place)
    elif hasattr(value, "to_json") and (kind in (typing.Any, object) or isinstance(value, kind)):
        kinds = typing.get_type_hints(type(value))
        for name, item in vars(value).items():
            yield from mistyped(item, kinds.get(name, typing.Any), f"{place}.{name}")
    elif not is_plain(value, kind):
        yield f"{place}: {value!r} is not {kind}"


def is_plain(value, kind):
    """Whether a value without parts is of a type; what JSON has for an enum's member is."""
    if kind in (typing.Any, object):
        return True
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return value in [member.value for member in kind] or isinstance(value, kind)
    if kind in (int, float):
        return isinstance(value, (int, kind)) and not isinstance(value, bool)
    return typing.get_origin(kind) is None and isinstance(value, kind)


def plain(model):
    """What a model is in JSON."""
    return json.loads(JSONEncoder().encode(model))


def complaints(path):
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    model = Dashboard.from_json(given)
    yield from lost(given, plain(model), path)
    yield from mistyped(model, Dashboard, path)


register_default_plugins()
found = [complaint for path in sys.argv[1:] for complaint in complaints(path)]
print("\n".join(found))
sys.exit(bool(found))
