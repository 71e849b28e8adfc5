// What is broken on purpose for the key: rules that may be switched off and on, presets, and what they have hit.

import { address, whose } from "./address.js";
import { ask, attempt } from "./api.js";
import { button, choice, command, h, show, table } from "./dom.js";
import { number, quoted } from "./format.js";

const EVERY_MS = 1000;

export class Faults {
  constructor(about) { this.about = about; this.off = new Map(); this.key = ""; }

  open(place) {
    this.list = h("div", { id: "rules" });
    this.type = Object.keys(this.about.faults)[0];
    this.text = h("textarea", { id: "rule", rows: "9", spellcheck: "false", "aria-label": "A rule, as JSON" });
    this.said = h("p", { class: "soft" });
    place.replaceChildren(
      h("section", { class: "panel wide" }, h("h2", {}, "Faults of the key"), this.list,
        h("div", { class: "buttons" }, button("Switch all off", () => this.allOff(), { id: "all-off" }))),
      h("section", { class: "panel" }, h("h2", {}, "Presets"), h("ul", { class: "presets" },
        Object.entries(this.about.presets).map(([name, preset]) => h("li", {},
          button(`Add ${name}`, () => this.add({ preset: name }), { id: `preset-${name}` }), h("span", {}, preset.about),
          h("span", { class: "soft" }, ` A good client ${preset.good}.`))))),
      h("section", { class: "panel" }, h("h2", {}, "Another rule"),
        choice("Type", Object.keys(this.about.faults), this.type, (type) => this.begin(type)), this.said, this.text,
        h("div", { class: "buttons" }, button("Add", () => this.addText(), { id: "add-rule", class: "main" })),
        h("p", { class: "soft" }, "on, toxicity, after, count, for, when and attributes are in ",
          h("a", { href: "docs/faults" }, "the list of faults"), ".")));
    this.begin(this.type);
    this.look();
    this.timer = setInterval(() => this.look(), EVERY_MS);
  }

  close() { clearInterval(this.timer); }

  begin(type) {
    this.type = type;
    this.said.textContent = this.about.faults[type].about;
    const { defaults } = this.about.faults[type];
    this.text.value = JSON.stringify({ name: type, type, ...(Object.keys(defaults).length ? { attributes: defaults } : {}) }, null, 1);
  }

  async look() {
    try { this.draw((await ask(`_gexfaker/faults?${whose()}`)).faults); } catch (problem) { this.draw([], problem.message); }
  }

  draw(rules, problem) {
    if (!this.list?.isConnected) return;
    if (address.key !== this.key) { this.off.clear(); this.key = address.key; }
    for (const rule of rules) this.off.delete(rule.name);
    const rows = [...rules.map((rule) => this.line(rule, true)), ...[...this.off.values()].map((rule) => this.line(rule, false))];
    show(this.list, problem ? h("p", {}, problem) : rows.length ? [
      table("Rules", ["on", "hits", "name", "type", "where", "how often", "attributes", ""], rows),
      command(`gexfaker ctl fault list ${/^key-/.test(address.key) ? "--session" : "--key"} ${quoted(address.key)}`),
    ] : h("p", { class: "soft" }, "Nothing is broken for this key."), JSON.stringify([rules, [...this.off], problem]));
  }

  line(rule, isOn) {
    const { name, type, on, attributes, hits, seen, spent, ...rest } = rule, often = { ...rest };
    if (often.toxicity !== undefined) often.toxicity = `${number(often.toxicity * 100)} % of them`;
    const box = h("input", { type: "checkbox", checked: isOn, id: `rule-${name}`, "aria-label": `${name} is on`,
      onchange: () => (box.checked ? this.on(rule) : this.out(rule)) });
    const told = (given) => Object.entries(given ?? {}).map(([key, value]) => `${key} ${
      typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
    const away = button("Remove", () => this.remove(rule), { class: "small danger", id: `remove-${name}` });
    return h("tr", { class: isOn ? "" : "off" }, [box, h("b", { "data-hits": name }, isOn ? number(hits ?? 0) : "–"), name, type,
      told(on) || "anywhere", told(often) || "always", told(attributes), away].map((cell) => h("td", {}, cell)));
  }

  on(rule) {
    const { hits, seen, spent, ...given } = rule;
    attempt(async () => {
      await ask(`_gexfaker/faults/${encodeURIComponent(rule.name)}?${whose()}`, { method: "PUT", body: given });
      this.look();
    });
  }

  out(rule) {
    this.off.set(rule.name, rule);
    attempt(async () => {
      await ask(`_gexfaker/faults/${encodeURIComponent(rule.name)}?${whose()}`, { method: "DELETE" });
      this.look();
    });
  }

  // Off, and out of the list.
  remove(rule) {
    if (this.off.delete(rule.name)) this.look(); else { this.out(rule); this.off.delete(rule.name); }
  }

  add(body) {
    return attempt(async () => { await ask(`_gexfaker/faults?${whose()}`, { method: "POST", body }); this.look(); });
  }

  addText() {
    attempt(async () => {
      let rule;
      try { rule = JSON.parse(this.text.value); } catch (problem) { throw new Error(`The rule is not JSON: ${problem.message}`); }
      await ask(`_gexfaker/faults?${whose()}`, { method: "POST", body: rule });
      this.look();
    });
  }

  allOff() {
    attempt(async () => {
      const { faults } = await ask(`_gexfaker/faults?${whose()}`);
      for (const rule of faults) this.off.set(rule.name, rule);
      await ask(`_gexfaker/faults?${whose()}`, { method: "DELETE" });
      this.look();
    });
  }
}
