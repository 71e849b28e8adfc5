"""`gexfaker ctl fault`: break things on purpose for a key of a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from gexfaker.cli.asking import Asked, choosing_key
from gexfaker.errors import ControlError
from gexfaker.shell import expanded, text_of

INLINE: Final = ("[", "{")
"""What a list of rules begins with that is given as it is; anything else is a file."""


MAX_WIDTH: Final = 100
INDENT: Final = "    "


@click.group()
def fault() -> None:
    """Break things on purpose for a key: late answers, refused recoveries, lost or broken messages, and more.

    Rules are looked at in their order, and the first that matches wins.

    \b
    Examples:
      gexfaker ctl fault add latency latency=300 --on route=/SPX/*
      gexfaker ctl fault add drop --toxicity 0.1 --on group=*gex_zero --for 30s
      gexfaker ctl fault preset flaky-feed --key mine
      gexfaker ctl fault list
      gexfaker ctl fault off
    """


@fault.command("list", short_help="Show the faults of a key, and what they have hit.")
@choosing_key
def list_(asked: Asked) -> None:
    """Show the faults of a key in their order, each with the events that it has seen and hit.

    \b
    Examples:
      gexfaker ctl fault list
      gexfaker ctl fault list --key mine --json
    """
    _print(asked, asked.ask("GET", "/faults"))


def _print(asked: Asked, answer: Mapping[str, Any]) -> None:
    lines = [fault_line(number, rule) for number, rule in enumerate(answer["faults"], 1)]
    asked.print(answer, lines or ["no faults"])


def fault_line(number: int, rule: Mapping[str, Any]) -> str:
    """A rule as one line: what it is, whom it is about, and what it has hit."""
    attributes = _pairs(rule.get("attributes", {}))
    when = _pairs({name: rule[name] for name in ("toxicity", "after", "count", "for") if name in rule})
    aimed = _pairs(rule.get("on", {}))
    parts = [attributes, aimed and f"on {aimed}", when, _pairs(rule.get("when", {}))]
    state = "off" if not rule.get("enabled", True) else "spent" if rule["spent"] else "on"
    if first := rule.get("hidden_by"):
        state += f", but never hits: {first} stands before it and takes all"
    said = "; ".join(filter(None, parts))
    what = f"{rule['type']}{f': {said}' if said else ''}"
    return f"{number}. {rule['name']} ({what})  {state}, hit {rule['hits']} of {rule['seen']}"


def _pairs(values: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items())


@fault.command(short_help="Add a fault.")
@click.argument("type_", metavar="TYPE")
@click.argument("attributes", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--name", help="What the rule is called; its type by default.")
@click.option(
    "--on", multiple=True, metavar="WHAT=PATTERN", help="Whom it is about: route, ticker, group, hub and more."
)
@click.option("--toxicity", type=float, help="The share of matching events that it hits, 0 to 1.")
@click.option("--after", type=int, help="Matching events that pass first.")
@click.option("--count", type=int, help="Events that it hits at most.")
@click.option(
    "--for", "lasts", metavar="TIME", help="How long it counts from the first matching event on, such as 30s."
)
@click.option(
    "--when", multiple=True, metavar="WHAT=VALUE", help="From when on: market=10:05, record=N or message=TYPE."
)
@choosing_key
def add(asked: Asked, type_: str, attributes: Sequence[str], **options: Any) -> None:
    """Add a fault behind those that there are. `gexfaker ctl fault types` lists the types with their attributes.

    \b
    Examples:
      gexfaker ctl fault add latency latency=300 jitter=50
      gexfaker ctl fault add status code=429 --count 3 --on client=*bot*
      gexfaker ctl fault add close code=1001 --when market=10:05 --count 1
      gexfaker ctl fault add corrupt part=zstd --toxicity 0.05
    """
    rule: dict[str, Any] = {"type": type_, "attributes": _read_pairs(attributes, "an attribute")}
    given = {"name": options["name"], "toxicity": options["toxicity"], "after": options["after"]}
    given |= {"count": options["count"], "for": options["lasts"]}
    rule |= {name: value for name, value in given.items() if value is not None}
    for name in ("on", "when"):
        if options[name]:
            rule[name] = _read_pairs(options[name], f"--{name}", as_text=name == "on")
    _print(asked, asked.ask("POST", "/faults", rule))


def _read_pairs(pairs: Sequence[str], what: str, *, as_text: bool = False) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; a value that is JSON is read as such. Raises ControlError."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise ControlError(f"{what} is written NAME=VALUE, not {pair!r}")
        found[name] = value if as_text else _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


@fault.command("set", short_help="Replace all faults by those of a file.")
@click.argument("rules", metavar="FILE|JSON")
@click.option("--seed", type=int, help="The seed of their chances: the same one gives the same faults.")
@choosing_key
def set_(asked: Asked, rules: str, seed: int | None) -> None:
    """Replace all faults of a key by a list of rules: a JSON file, or the list itself.

    \b
    Examples:
      gexfaker ctl fault set faults.json --seed 7
      gexfaker ctl fault set '[{"type": "drop", "toxicity": 0.1}]'
    """
    body = _read_list(rules)
    if seed is not None:
        body = (body if isinstance(body, dict) else {"faults": body}) | {"seed": seed}
    _print(asked, asked.ask("PUT", "/faults", body))


def _read_list(given: str) -> Any:
    """The JSON, or that of a file. Raises ControlError, with the place."""
    is_inline = given.lstrip().startswith(INLINE)
    try:
        text = given if is_inline else text_of(expanded(Path(given)))
    except (OSError, UnicodeError) as problem:
        raise ControlError(f"{given} cannot be read: {getattr(problem, 'strerror', None) or problem}") from None
    try:
        return json.loads(text)
    except ValueError as problem:
        raise ControlError(f"{'the list' if is_inline else given} is no JSON: {problem}") from None


@fault.command(short_help="Replace all faults by a preset.")
@click.argument("name", metavar="NAME")
@click.option("--seed", type=int, default=0, show_default=True, help="The seed of their chances.")
@choosing_key
def preset(asked: Asked, name: str, seed: int) -> None:
    """Replace all faults of a key by a preset; `gexfaker ctl fault types` lists them.

    \b
    Examples:
      gexfaker ctl fault preset slow-network
      gexfaker ctl fault preset bad-friday --key mine --seed 7
    """
    _print(asked, asked.ask("PUT", "/faults", {"preset": name, "seed": seed}))


@fault.command(short_help="Switch off a fault, or all.")
@click.argument("name", metavar="[NAME]", required=False)
@choosing_key
def off(asked: Asked, name: str | None) -> None:
    """Switch off one fault of a key, or all of them.

    \b
    Examples:
      gexfaker ctl fault off
      gexfaker ctl fault off latency --key mine
    """
    from urllib.parse import quote

    _print(asked, asked.ask("DELETE", "/faults" if name is None else f"/faults/{quote(name, safe='')}"))


@fault.command(short_help="List the types of faults and the presets.")
@click.argument("type_", metavar="[TYPE]", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def types(type_: str | None, as_json: bool) -> None:
    """List the types of faults with their attributes, and the presets. No server is asked.

    \b
    Examples:
      gexfaker ctl fault types
      gexfaker ctl fault types corrupt
    """
    from gexfaker.faults.kinds import KINDS, attributes_schema
    from gexfaker.faults.presets import PRESETS

    if type_ is not None and type_ not in KINDS:
        raise ControlError(f"there is no type {type_!r}: there are {', '.join(KINDS)}")
    chosen = {name: kind for name, kind in KINDS.items() if type_ in (None, name)}
    if as_json:
        click.echo(json.dumps({name: attributes_schema(kind).get("properties", {}) for name, kind in chosen.items()}))
        return
    for name, kind in chosen.items():
        does = " ".join((kind.__doc__ or "").replace("``", "").split())
        click.echo("\n".join(_type_lines(name, does, attributes_schema(kind))))
    if type_ is None:
        click.echo("\nPresets:")
        for name, one in PRESETS.items():
            click.echo("\n".join([name, _wrapped(f"{one.about} A good client {one.good}.")]))


def _type_lines(name: str, does: str, schema: Mapping[str, Any]) -> Iterator[str]:
    yield name
    yield _wrapped(does)
    attributes = [f"{field}={_default(about)}" for field, about in schema.get("properties", {}).items()]
    if attributes:
        yield _wrapped(", ".join(attributes))


def _wrapped(text: str) -> str:
    """A text as a paragraph below its name."""
    return click.wrap_text(text, MAX_WIDTH, INDENT, INDENT)


def _default(about: Mapping[str, Any]) -> str:
    if "enum" in about:
        return "|".join(map(str, about["enum"]))
    default = about.get("default")
    return "..." if default is None else json.dumps(default)
