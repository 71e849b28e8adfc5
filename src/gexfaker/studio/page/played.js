// What is played, for all keys of the server: recorded days, or a simulated market with its seed and scenario.

import { ask, attempt, notice } from "./api.js";
import { h } from "./dom.js";
import { number } from "./format.js";

const RECORDED = "recorded", ORDINARY = "";
const LATER_MS = 1000; // first of all the market itself is shown

export class Played {
  // changed: called when something else is played.
  constructor(changed) {
    this.changed = changed;
    this.origin = null;
    this.kind = h("select", { id: "scenario", onchange: () => this.choose() });
    this.seed = h("input", { type: "number", id: "seed", step: "1", onchange: () => this.sow() });
    this.seeding = h("label", { class: "choice" }, h("span", {}, "Seed"), this.seed);
    this.element = h("span", { class: "choice", title: "For all keys of this server" },
      h("label", { class: "choice" }, h("span", {}, "Market"), this.kind), this.seeding);
    setTimeout(() => this.look(), LATER_MS);
  }

  // Where a key is from says that something else is played now.
  told(origin) {
    if (origin === this.origin) return;
    const known = this.origin !== null;
    this.origin = origin;
    if (known) { this.look(); this.changed(); }
  }

  // What there is to choose, as the server says it.
  look() { return attempt(async () => this.show(await ask("_gexfaker/market"))); }

  show(market) {
    this.market = market;
    const { days, folder } = market.recorded;
    const names = Object.keys(market.scenarios);
    if (market.scenario && !names.includes(market.scenario)) names.push(market.scenario);
    this.kind.replaceChildren(
      h("option", { value: RECORDED, disabled: !days }, days ? `recorded, ${number(days)} day${days === 1 ? "" : "s"}` : "recorded: no days yet"),
      h("optgroup", { label: "Simulated" }, h("option", { value: ORDINARY }, "an ordinary day"),
        names.map((name) => h("option", { value: name, title: market.scenarios[name] }, name))));
    this.kind.value = market.kind === RECORDED ? RECORDED : market.scenario ?? ORDINARY;
    this.kind.title = market.kind === RECORDED ? folder : market.scenarios[market.scenario] ?? "";
    this.seeding.hidden = market.kind === RECORDED;
    this.seed.value = market.seed;
  }

  choose() {
    const { value } = this.kind;
    this.play(value === RECORDED ? { kind: RECORDED } : { kind: "simulated", scenario: value || null });
  }

  sow() { if (this.seed.value !== "") this.play({ seed: Number(this.seed.value) }); }

  async play(body) {
    const done = await attempt(async () => {
      this.show(await ask("_gexfaker/market", { method: "POST", body }));
      notice(`${this.market.origin} is played now, for all keys`);
      return true;
    });
    if (!done) this.show(this.market); // as it was
  }
}
