// The market of a key: profiles by strike, lines over the day, orderflow, all at one market time.
// Live they show what the feed sends to clients of the key; while the slider is moved, the records of that time.

import { address, onAddress, whose } from "./address.js";
import { ask } from "./api.js";
import { bytesOf, open } from "./decode.js";
import { newYork, number } from "./format.js";
import { Panels } from "./panels.js";

export class Market {
  constructor(about, feed) {
    this.about = about;
    this.feed = feed;
    this.newest = new Map(); // by group, what is shown
    this.timeline = "";
    this.looked = null;      // the time that is looked at; null: live
    this.asked = 0;
  }

  groups() {
    const { ticker, gex, greek, expiry } = address;
    return { gex: `${ticker}_${gex}`, greeks: `${ticker}_state_${greek}_${expiry}`,
      flow: `${ticker}_orderflow_orderflow` };
  }

  open(place) {
    this.place = place;
    this.begin();
    this.forget = onAddress((now, before) => this.changed(now, before));
  }

  begin() {
    this.panels?.close();
    this.newest.clear();
    this.panels = new Panels(this.place, this.about);
    this.feed.want(Object.values(this.groups()));
    this.refill();
  }

  // Something else is played.
  anew() { if (this.panels) this.begin(); }

  close() {
    this.forget?.();
    this.feed.want([]);
    this.panels?.close();
    this.panels = null;
    this.asked += 1;
  }

  changed(now, before) {
    if (now.screen !== "market" || !this.panels) return;
    if (["ticker", "gex", "greek", "expiry", "key"].some((name) => now[name] !== before[name])) this.begin();
    else if (["range", "bars", "earlier"].some((name) => now[name] !== before[name])) this.draw();
  }

  // The theme has changed.
  again() { this.panels?.again(); this.draw(); }

  // --- what is shown -----------------------------------------------------------------------------

  // What the feed has sent; ignored while another time is looked at.
  heard(found) {
    if (this.looked !== null || !this.panels) return;
    for (const [kind, group] of Object.entries(this.groups())) {
      const { record, problem } = found.get(group) ?? {};
      if (problem) this.panels.say(`${group} cannot be read: ${problem}`);
      if (!record) continue;
      this.newest.set(group, record);
      this.panels.grow(kind, record);
    }
    this.draw();
  }

  draw() {
    if (!this.panels) return;
    const { gex, greeks, flow } = this.groups();
    this.panels.draw({ gex: this.newest.get(gex), greeks: this.newest.get(greeks), flow: this.newest.get(flow) });
    this.panels.say(this.state());
  }

  state() {
    if (this.looked !== null) return `looking at ${newYork(this.looked)}; the key is elsewhere`;
    const { received, shown } = this.feed.counts, passed = received - shown;
    if (!this.newest.size) return "waiting for the feed";
    return `${this.paused ? "paused" : "live"}, ${number(received)} messages${passed > 0 ? `, ${number(passed)} of them passed over to keep up` : ""}`;
  }

  // --- other times -------------------------------------------------------------------------------

  // Where the key is; a jump means other lines.
  follow(playback) {
    if (!playback) return;
    const turned = this.paused !== playback.paused;
    this.paused = playback.paused;
    if (turned) this.draw();
    const timeline = `${address.key} ${playback.day} ${playback.timeline}`;
    if (this.timeline && timeline !== this.timeline) { this.newest.clear(); this.looked = null; this.refill(); }
    this.timeline = timeline;
  }

  // The lines so far, and the records at the time of the key, so that nobody waits for the next ones.
  async refill(time) {
    const { panels } = this;
    if (!panels) return;
    const asked = ++this.asked, { gex, flow } = this.groups(), at = time === undefined ? "" : `&time=${time}`;
    panels.spotColumns.clear();
    panels.flowColumns.clear();
    const lines = async (group, columns, plots) => {
      if (asked !== this.asked) return;
      const query = `group=${group}&columns=${columns.names.join(",")}${at}`;
      const found = await ask(`_gexfaker/studio/lines?${whose()}&${query}`);
      if (asked !== this.asked) return;
      columns.fill(found);
      for (const plot of plots) plot.update();
    };
    try {
      await this.look(time ?? null, asked);
      await lines(gex, panels.spotColumns, [panels.spot]);
      await lines(flow, panels.flowColumns, panels.flows);
    } catch (problem) { this.refused(problem, asked); }
  }

  // The records of a time, without moving the key; of null those where the key is.
  async look(time, asked = ++this.asked) {
    this.looked = time;
    const at = time === null ? "" : `&time=${time}`;
    await Promise.all(Object.values(this.groups()).map(async (group) => {
      try {
        const found = await ask(`_gexfaker/studio/record?${whose()}&group=${group}${at}`);
        if (asked !== this.asked || this.looked !== time) return;
        if (!found.payload) return;
        const { record } = open(bytesOf(found.payload), this.about.wire);
        if (time === null && this.newest.get(group)?.timestamp > record.timestamp) return;
        this.newest.set(group, record);
      } catch (problem) { this.refused(problem, asked); }
    }));
    if (asked === this.asked && this.panels) this.draw();
  }

  refused(problem, asked) { if (asked === this.asked) this.panels?.say(problem.message); }

  live() { this.looked = null; this.newest.clear(); this.refill(); }
}

