// The days: a calendar of what there is, what is worth a look, and the way into a key.

import { act, ask } from "./api.js";
import { Bring } from "./bring.js";
import { button, command, h, row, table } from "./dom.js";
import { bytes, newYork, number } from "./format.js";

const WEEK = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

export class Days {
  // played: what is played, and can be chosen.
  constructor(played) {
    this.month = "";
    this.playing = "";
    this.bring = new Bring(played, () => { if (this.calendar?.isConnected) this.load(); });
  }

  open(place) {
    this.calendar = h("div", { id: "calendar" });
    this.list = h("div");
    this.title = h("h3", { role: "status" });
    const more = h("div");
    place.replaceChildren(
      h("section", { class: "panel" }, h("h2", {}, "Calendar"),
        h("div", { class: "bar" }, button("‹", () => this.turn(-1), { "aria-label": "The month before" }), this.title,
          button("›", () => this.turn(1), { "aria-label": "The next month" })), this.calendar),
      h("section", { class: "panel" }, h("h2", {}, "More days"), more),
      h("section", { class: "panel wide" }, h("h2", {}, "Recorded"), this.list));
    this.bring.open(more);
    this.load();
  }

  close() {}

  told(state) {
    this.bring.told(state.jobs);
    const day = state.session?.playback?.day ?? state.server.day;
    if (!this.month) { this.month = day.slice(0, 7); if (this.calendar?.isConnected) this.load(); }
    const kind = this.bring.played().market?.kind;
    if (day === this.playing && kind === this.kind) return;
    this.playing = day;
    this.kind = kind;
    if (this.calendar?.isConnected) this.draw();
  }

  turn(months) {
    const [year, month] = this.month.split("-").map(Number);
    const at = new Date(Date.UTC(year, month - 1 + months, 1));
    this.month = at.toISOString().slice(0, 7);
    this.load();
  }

  async load() {
    if (!this.month) return;
    const [year, month] = this.month.split("-").map(Number);
    const last = new Date(Date.UTC(year, month, 0)).getUTCDate(), wanted = this.month;
    try {
      const [found, held] = await Promise.all([
        ask(`coverage?from=${this.month}-01&to=${this.month}-${last}`),
        ask(`_gexfaker/studio/calendar?from=${this.month}-01&to=${this.month}-${last}`)]);
      if (wanted !== this.month) return;
      this.found = found;
      this.held = new Map(held.days.map((day) => [day.date, day]));
      this.draw();
    } catch (problem) { this.list.replaceChildren(h("p", {}, problem.message)); }
  }

  draw() {
    if (!this.held || !this.calendar?.isConnected) return;
    this.title.textContent = this.month;
    const days = [...this.held.values()], shift = (new Date(`${days[0].date}T00:00Z`).getUTCDay() + 6) % 7;
    this.calendar.replaceChildren(h("div", { class: "month" }, WEEK.map((name) => h("span", { class: "soft" }, name)),
      Array.from({ length: shift }, () => h("span")), days.map((day) => this.cell(day))),
      h("p", { class: "soft" }, "Green: recorded. Dashed: not to be played. ½: closes at 13:00. With a frame: played now. A click plays a day."));
    this.records();
  }

  cell(day) {
    const known = this.found.days.find((one) => one.date === day.date);
    const kind = known?.tickers.length ? "there" : day.playable ? "simulated" : "closed";
    const early = day.early ? ", closes at 13:00" : "";
    const said = (known?.tickers.length ? `recorded: ${known.tickers.join(", ")}` : day.why ?? (day.playable ? "simulated" : "not recorded")) + early;
    return button(String(Number(day.date.slice(8))), () => act("day", { date: day.date }), {
      class: `day ${kind} ${day.early ? "early" : ""} ${day.date === this.playing ? "playing" : ""}`, title: said, disabled: !day.playable,
      "aria-label": `${Number(day.date.slice(8))}, ${day.date}, ${said}${day.date === this.playing ? ", played now" : ""}` });
  }

  records() {
    const rows = this.found.days.flatMap((day) => day.details.filter((one) => one.feeds).map((one) => row(
      button(day.date, () => act("day", { date: day.date }), { class: "link" }), one.ticker, number(one.feeds),
      bytes(one.size), number(one.shape?.snapshots), one.shape?.snapshots ? `${newYork(one.shape.first)} to ${newYork(one.shape.last)}` : "–",
      one.findings.map((found) => found.text).join("; ") || (one.shape ? "nothing" : "–"))));
    this.list.replaceChildren(rows.length ? table("Recorded days", ["day", "ticker", "feeds", "size", "records in market hours", "from, to",
      "worth a look"], rows) : h("p", { class: "soft" }, `No recorded days in ${this.month}. More days come from the service or from files.`),
    rows.length && this.kind === "simulated" ? h("p", { class: "bar" }, "A simulated market is played now. ",
      button("Play the recorded days", () => this.bring.played().play({ kind: "recorded" }), { id: "play-recorded", class: "small" })) : "",
    h("p", { class: "soft" }, "Records are counted when the days are looked through:"), command(`gexfaker coverage ${this.bring.folder}`));
  }
}
