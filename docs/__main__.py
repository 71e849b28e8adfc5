"""`python -m docs`: renew what is generated in the documentation (a test fails when it is stale)."""

from __future__ import annotations

from pathlib import Path

from gexfaker.settings import SETTINGS, flag_of

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN = "<!-- settings: made by `python -m docs` -->\n"
END = "<!-- end -->"


def settings_table() -> str:
    """The table of all settings, as Markdown."""
    rows = ["| setting, flag | default | accepted | what it does |", "|---|---|---|---|"]
    for setting in SETTINGS:
        default = f"`{setting.default}`" if setting.default else "unset"
        text = setting.help.replace("|", "\\|")
        rows.append(f"| `{setting.name}` `{flag_of(setting.name)}` | {default} | {setting.accepted} | {text} |")
    return "\n".join(rows) + "\n"


def renewed(text: str) -> str:
    """The README with its generated part made anew."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return head + BEGIN + settings_table() + END + tail


if __name__ == "__main__":
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")
