// The panels of the market: profiles by strike, lines over the day, and the numbers of both.

import { address, go } from "./address.js";
import { themed } from "./colours.js";
import { choice, h } from "./dom.js";
import { newYork, number, short } from "./format.js";
import { Columns, Lines } from "./lines.js";
import { photographs } from "./photograph.js";
import { exposure, greeks, LEGEND, LEVELS } from "./profiles.js";
import { Strikes } from "./strikes.js";

const FLOW = {
  zero: { bars: { dexoflow: "DEX flow", gexoflow: "GEX flow", cvroflow: "convexity flow" },
    lines: { agg_dex: "agg DEX", agg_call_dex: "call DEX", agg_put_dex: "put DEX", zgr: "net GEX", zcvr: "net convexity",
      zvanna: "net −vanna", zcharm: "net charm" } },
  one: { bars: { one_dexoflow: "DEX flow", one_gexoflow: "GEX flow", one_cvroflow: "convexity flow" },
    lines: { one_agg_dex: "agg DEX", one_agg_call_dex: "call DEX", one_agg_put_dex: "put DEX", ogr: "net GEX",
      ocvr: "net convexity", ovanna: "net −vanna", ocharm: "net charm" } },
};
const EXPIRY = [["zero", "nearest expiry"], ["one", "next expiry"]];
const MINUTES = ["latest", "1 min", "5 min", "10 min", "15 min", "30 min"];

const NEAR_SHARE = 0.0003; // of the price: two points of SPX

export class Panels {
  // place: where the panels go; about: what the server says of itself.
  constructor(place, about) {
    const tickers = [...new Set([...about.tickers, address.ticker])];
    const kinds = Object.keys(about.hubs).filter((name) => /_gex_(full|zero|one)$/.test(name));
    this.strikes = new Strikes(`Gamma exposure by strike, ${address.ticker} ${address.gex}`);
    this.greeks = new Strikes(`${address.greek} by strike, ${address.ticker}, ${address.expiry} expiry`);
    this.levels = h("dl", { class: "levels", "data-panel": "gex" });
    this.greekLevels = h("dl", { class: "levels", "data-panel": "greeks" });
    this.flowLevels = h("dl", { class: "levels", "data-panel": "flow" });
    this.change = h("table", { class: "change" });
    this.rows = h("tbody");
    this.makeSpot();
    this.makeFlow();
    this.parts = [this.strikes, this.greeks, this.spot, ...this.flows];
    place.replaceChildren(
      h("div", { class: "bar" },
        choice("Ticker", tickers, address.ticker, (ticker) => go({ ticker })),
        choice("Gamma exposure", kinds.map((name) => [name, name.replaceAll("_", " ")]), address.gex, (gex) => go({ gex })),
        choice("Greek", ["delta", "gamma", "vanna", "charm"], address.greek, (greek) => go({ greek })),
        choice("Expiry", EXPIRY, address.expiry, (expiry) => go({ expiry })),
        choice("Strikes", [["near", "nearest 40"], ["1", "within 1 %"], ["2", "within 2 %"], ["5", "within 5 %"], ["all", "all"]],
          address.range, (range) => go({ range })),
        choice("Bars", [["both", "volume and OI"], ["volume", "volume"], ["interest", "open interest"]], address.bars, (bars) => go({ bars })),
        choice("Earlier values", [["on", "shown"], ["off", "hidden"]], address.earlier, (earlier) => go({ earlier })),
        this.state = h("span", { class: "soft", role: "status" })),
      h("div", { class: "panels" }, h("div", { class: "column" },
        panel(`Net gamma exposure by strike: ${address.gex.replaceAll("_", " ")}`, this.levels, this.strikes.element, legend(LEGEND.exposure),
          h("details", { ontoggle: () => this.tabulate() }, h("summary", {}, "As a table"), h("div", { class: "scroll", tabindex: "0", role: "region",
            "aria-label": "Gamma exposure by strike" }, h("table", {},
            h("thead", {}, h("tr", {}, ["strike", "by volume", "by open interest"].map((name) => h("th", {}, name)))),
            this.rows)))),
        panel("Spot and levels over the day", this.spot.element, h("h3", {}, "Strikes that changed most"),
          h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Max change" }, this.change)),
        panel(`${address.greek[0].toUpperCase()}${address.greek.slice(1)} by strike: state, ${EXPIRY.find(([name]) => name === address.expiry)?.[1] ?? ""}`, this.greekLevels, this.greeks.element,
          legend(LEGEND.greeks))),
      h("div", { class: "column" },
        panel("Orderflow", this.flowLevels, this.flows.map((flow) => flow.element)))));
  }

  makeSpot() {
    this.spotColumns = new Columns(["spot", ...LEVELS.map(({ key }) => key)]);
    this.spot = new Lines("Spot, zero gamma and majors over the day", this.spotColumns, [
      { name: "spot", label: "spot", colour: "spot" },
      ...LEVELS.map(({ name, key, colour, dashed }) => (
        { name: key, label: name, colour, level: true, steps: key !== "zero_gamma", dash: dashed ? [4, 3] : undefined })),
    ], { height: 260 });
  }

  makeFlow() {
    const { bars, lines } = FLOW[address.expiry];
    this.flowColumns = new Columns(["spot", ...Object.keys(bars), ...Object.keys(lines)]);
    const made = (label, series, axis) => new Lines(`${label} over the day`, this.flowColumns, series, { height: 110, axis });
    const [agg, call, put, ...others] = Object.entries(lines);
    const colours = ["up", "convexity", "vanna", "zero"];
    this.flows = [
      made("price", [{ name: "spot", label: "price", colour: "spot" }], false),
      ...Object.entries(bars).map(([name, label], index) => (
        made(label, [{ name, label, colour: ["up", "calls", "convexity"][index], bars: true }], false))),
      made("aggregate DEX", [agg, call, put].map(([name, label], index) => (
        { name, label, colour: ["spot", "up", "down"][index] })), false),
      ...others.map(([name, label], index) => made(label, [{ name, label, colour: colours[index] }], index === 3)),
    ];
  }

  again() { for (const part of this.parts) (part.again ? part.again() : part.picture.again()); }

  // Another record of the groups that have lines.
  grow(kind, record) {
    if (kind === "gex") { this.spotColumns.add(record); this.spot.update(); }
    if (kind === "flow") { this.flowColumns.add(record); for (const one of this.flows) one.update(); }
  }

  draw({ gex, greeks: greek, flow }) {
    const colours = themed();
    if (gex) { this.strikes.set(exposure(gex, colours, address.bars, address.earlier === "on"), address.range); this.tell(gex); }
    if (greek) {
      this.greeks.set(greeks(greek, colours, address.earlier === "on"), address.range);
      fill(this.greekLevels, { time: newYork(greek.timestamp), spot: greek.spot, "major call gamma": greek.major_positive,
        "major put gamma": greek.major_negative, "long gamma": greek.major_long_gamma, "short gamma": greek.major_short_gamma });
    }
    if (!flow) return;
    const { bars, lines } = FLOW[address.expiry];
    fill(this.flowLevels, { time: newYork(flow.timestamp), price: flow.spot, ...Object.fromEntries(
      Object.entries({ ...bars, ...lines }).map(([name, label]) => [label, flow[name]])) });
  }

  tell(record) {
    const levels = LEVELS.map(({ name, key }) => [name, record[key] || null]); // a level of 0 is none
    fill(this.levels, { time: newYork(record.timestamp), spot: record.spot, ...Object.fromEntries(levels),
      "net by volume": record.sum_gex_vol, "net by OI": record.sum_gex_oi });
    touched(this.levels, record);
    const tuples = record.max_priors ?? [];
    this.change.replaceChildren(h("caption", { class: "hidden" }, "Strikes that changed most"),
      h("tr", {}, h("th", { scope: "row" }, "change over"), MINUTES.map((text) => h("th", { scope: "col" }, text))),
      h("tr", {}, h("th", { scope: "row" }, "strike"), MINUTES.map((_, index) => h("td", {}, number(tuples[index]?.[0])))),
      h("tr", {}, h("th", { scope: "row" }, "change"), MINUTES.map((_, index) => (
        h("td", { class: tuples[index]?.[1] < 0 ? "down" : "up" }, short(tuples[index]?.[1] ?? NaN))))));
    this.record = record;
    this.tabulate();
  }

  // The table is made only while it is open.
  tabulate() {
    if (!this.record || !this.rows.closest("details")?.open) return;
    this.rows.replaceChildren(...(this.record.strikes ?? []).map((row) => (
      h("tr", {}, row.slice(0, 3).map((value) => h("td", {}, number(value)))))));
  }

  say(text) { if (this.state.textContent !== text) this.state.textContent = text; }

  close() { for (const part of this.parts) part.close(); }
}

function panel(title, ...parts) {
  const made = h("section", { class: "panel" }, h("h2", {}, title), parts);
  made.querySelector("h2").append(photographs(made, title));
  return made;
}

const legend = (entries) => h("ul", { class: "legend" }, entries.map(([name, colour]) => {
  const mark = h("i");
  mark.style.background = colour;
  return h("li", {}, mark, name);
}));

// Spot is at a level: traders want to see that at once.
function touched(place, record) {
  for (const cell of place.querySelectorAll("dd")) {
    const key = LEVELS.find(({ name }) => name === cell.dataset.value)?.key, price = record[key];
    const near = price > 0 && Math.abs(price - record.spot) <= record.spot * NEAR_SHARE;
    cell.classList.toggle("near", near);
    cell.title = near ? `${key}: spot is here` : key ?? "";
  }
}

function fill(place, values) {
  const entries = Object.entries(values);
  if (place.children.length !== entries.length) {
    place.replaceChildren(...entries.map(([name]) => h("div", {}, h("dt", {}, name), h("dd", { "data-value": name }))));
  }
  entries.forEach(([, value], index) => {
    const cell = place.children[index].lastChild, text = typeof value === "number" ? number(value) : value ?? "–";
    if (cell.textContent !== text) cell.textContent = text;
  });
}
