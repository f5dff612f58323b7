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
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel


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


def overridden(panel):
    """The panel once for each of its overrides, with what that sets as its defaults."""
    for override in panel.get("fieldConfig", {}).get("overrides", []):
        defaults = {}
        for setting in override["properties"]:
            *groups, name = setting["id"].split(".")
            place = defaults
            for group in groups:
                place = place.setdefault(group, {})
            place[name] = setting["value"]
        yield {**panel, "fieldConfig": {"defaults": defaults, "overrides": []}}


def unknown_units(value, place):
    """Units that Grafana does not know, and that are none of one's own."""
    if isinstance(value, dict):
        unit = value.get("value") if value.get("id") == "unit" else value.get("unit")
        if isinstance(unit, str) and unit not in UNITS and not unit.startswith("suffix:"):
            yield f"{place}: there is no unit {unit!r}"
        for key, item in value.items():
            yield from unknown_units(item, f"{place}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_units(item, f"{place}[{index}]")


def complaints(path):
    """What does not fit, of a whole dashboard."""
    with open(path, encoding="utf-8") as file:
        given = json.load(file)
    yield from mistyped(given, Dashboard, path)
    for panel in given["panels"]:
        for changed in overridden(panel):
            yield from mistyped(changed, Panel, f"{path}: {panel['title']}, an override")
    yield from unknown_units(given, path)


UNITS = {value for value in vars(units).values() if isinstance(value, str)}

register_default_plugins()
found = [complaint for path in sys.argv[1:] for complaint in complaints(path)]
print("\n".join(found))
sys.exit(bool(found))
