"""The page: valid HTML that loads nothing from elsewhere, says everything, and can be used without a mouse."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser

from contract.strict import operations
from gexfaker.contract.asyncapi import DOWNSTREAM, UPSTREAM, asyncapi
from gexfaker.contract.document import document
from gexfaker.contract.notation import notation
from gexfaker.contract.page import addressed, page
from gexfaker.contract.schemas import NUMBER, TEXT, array, choice, loose, record, ref, words
from gexfaker.server.routes.table import OPERATIONS

FEED = asyncapi()
ORIGIN, DATE = "http://127.0.0.1:8080", "2026-07-17"
PAGE = addressed(page(document(OPERATIONS), FEED), ORIGIN, DATE)
VOID = {"meta", "wbr", "link", "input"}
LOADS = {"img", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}
INSIDE = {
    "summary": {"details"},
    "details": {"section"},
    "tr": {"table"},
    "td": {"tr"},
    "th": {"tr"},
    "table": {"div"},
    "section": {"main"},
    "main": {"body"},
    "nav": {"body"},
    "style": {"head"},
    "title": {"head"},
}
"""What an element stands in directly."""

PHRASES = {"p", "h1", "h2", "h3", "h4", "summary", "code", "pre", "span", "a", "small", "b", "label"}
"""Elements that hold text and ...these only: no blocks."""


class Reader(HTMLParser):
    """Reads strictly: what is not closed in order is a fault, as is text where none may be."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.faults: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{tag} is not closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        parent = self.open[-1] if self.open else ""
        self.faults += [f"{tag} in {parent}"] * (tag in INSIDE and parent not in INSIDE[tag])
        self.faults += [f"{tag} in {parent}"] * (parent in PHRASES and tag not in PHRASES | VOID - {"p", "pre"})
        self.faults += [f"{tag} says {names} twice"] * (len(names) != len(set(names)))
        self.faults += [f"a link in a link: {attrs}"] * (tag == "a" and "a" in self.open)
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.text.append(data)


READ = Reader(PAGE)


def test_it_is_html() -> None:
    assert READ.faults == []
    assert PAGE.startswith("<!doctype html>\n")
    tags = [tag for tag, _ in READ.seen]
    assert [tags.count(tag) for tag in ("html", "head", "body", "main", "title", "h1", "nav")] == [1] * 7
    assert ("html", {"lang": "en"}) in READ.seen


def test_a_fault_is_noticed() -> None:
    for wrong in ("<p><b></p></b>", "<div>", "<p><table></table></p>", '<p id="a" id="b"></p>', "</p>"):
        assert Reader(wrong).faults, wrong


def test_it_loads_nothing_and_leads_nowhere_else() -> None:
    assert not LOADS & {tag for tag, _ in READ.seen}
    assert "://" not in PAGE.replace(ORIGIN, "")
    assert [attributes for tag, attributes in READ.seen if tag == "script"] == [{}]
    assert [attributes["href"] for tag, attributes in READ.seen if tag == "link"] == ["favicon.svg"]
    assert "url(" not in PAGE
    assert "@import" not in PAGE
    assert not [name for _, attributes in READ.seen for name in attributes if name.startswith("on") or name == "src"]


def test_every_link_leads_to_a_place_of_its_own() -> None:
    places = [attributes["id"] for _, attributes in READ.seen if "id" in attributes]
    assert len(places) == len(set(places))
    links = {attributes["href"] for tag, attributes in READ.seen if tag == "a"}
    programs = {"openapi.json", "openapi.yaml", "asyncapi.json", "asyncapi.yaml", "llms.txt"}
    assert links - {f"#{place}" for place in places} == programs
    labelled = {attributes["aria-labelledby"] for _, attributes in READ.seen if "aria-labelledby" in attributes}
    assert labelled <= set(places)


def test_every_operation_and_schema_is_on_it() -> None:
    text = "".join(READ.text)
    for method, path, operation in operations(document(OPERATIONS)):
        rest = re.sub(r"^/v[12]/", "/", path)
        assert method.upper() + rest + operation["summary"].replace("`", "") in text, path
        assert operation.get("description", "").replace("`", "") in text
    for name in document(OPERATIONS)["components"]["schemas"]:
        assert f'id="schema-{name}"' in PAGE


def test_every_hub_and_message_of_the_websocket_is_on_it() -> None:
    text = "".join(READ.text)
    for hub in FEED["channels"]:
        assert hub in text
    for said in (*UPSTREAM, *DOWNSTREAM):
        assert said.name + said.summary.replace("`", "") in text


def test_every_value_of_a_snapshot_has_its_meaning_and_unit() -> None:
    text = "".join(READ.text)
    assert "zero_gammathe price at which the gamma exposure changes its signindex points or dollars" in text
    assert "strikes[].gex by volumegamma exposure at the strike by volume" in text


def test_lines_to_paste_have_the_address_the_key_and_the_day() -> None:
    text = "".join(READ.text)
    assert f'curl -H "Authorization: Bearer demo" "{ORIGIN}/v2/SPX/classic/gex_full"' in text
    assert f'"{ORIGIN}/v2/hist/SPX/classic/gex_zero/{DATE}"' in text
    assert "@ORIGIN@" not in PAGE
    assert "@DATE@" not in PAGE


def test_an_address_is_not_markup() -> None:
    made = addressed(page(document(OPERATIONS), FEED), "<script>", "<b>")
    assert "<script>/" not in made


def test_everything_folded_opens_by_keyboard() -> None:
    """A summary that is the first thing in its details takes the focus by itself: nothing is made of script."""
    for place, (tag, attributes) in enumerate(READ.seen):
        if tag == "details":
            assert READ.seen[place + 1] == ("summary", {})
        assert "tabindex" not in attributes
    assert "summary:focus-visible" in PAGE
    assert "outline:none" not in PAGE


def test_it_is_light_and_dark() -> None:
    assert "color-scheme:light dark" in PAGE
    assert "prefers-color-scheme:dark" in PAGE


def test_text_of_the_contract_is_not_markup() -> None:
    evil = "<script>alert('&amp;\"')</script>"
    contract = copy.deepcopy(document(OPERATIONS))
    contract["info"] |= {"version": evil, "summary": evil}
    contract["tags"][0]["description"] = evil
    operation = {
        "summary": evil,
        "description": evil,
        "tags": ["data"],
        "parameters": [{"name": evil, "in": "path", "required": True, "description": evil, "schema": words([evil])}],
        "requestBody": {"required": True, "content": {evil: {"schema": ref("Evil"), "example": {evil: evil}}}},
        "responses": {"200": {"description": evil, "content": {evil: {}}}},
    }
    contract["paths"] = {f"/{evil}": {"get": operation}}
    contract["components"]["schemas"]["Evil"] = {"description": evil, **record(**{evil: words([evil])})}
    read = Reader(page(contract, FEED))
    assert read.faults == []
    assert [tag for tag, _ in read.seen].count("script") == 1, "the page's own"
    assert "".join(read.text).count("alert('&amp;") >= 12


def test_schemas_in_short() -> None:
    def short(schema: dict[str, object]) -> str:
        return notation(schema, lambda name: f"<{name}>")

    pair = {"type": "array", "prefixItems": [{"title": "a", **NUMBER}, {"title": "b", **TEXT}], "minItems": 1}
    assert short(record(a=NUMBER, b=array(TEXT))) == "{a: number, b: [text, ...]}"
    assert short(loose(a=NUMBER)) == "{a: number, ...}"
    assert short(choice(a=words("xy"))) == '{a?: "x" | "y"}'
    assert short(choice()) == "{}"
    assert short({"type": "object"}) == "{...}"
    assert short(pair) == "[a: number, b?: text]"
    assert short({"anyOf": [ref("A"), {"type": "null"}]}) == "<A> or null"
    assert short({}) == "anything"
    assert short({"type": "object", "additionalProperties": NUMBER}) == "{(hub): number}"
    long = record(**{f"quite_a_long_name_{letter}": NUMBER for letter in "abcd"}).copy()
    assert short(record(inner=long)).splitlines()[:3] == ["{", "  inner: {", "    quite_a_long_name_a: number"]
