// The clock of a key in the hand of the user: play, pause, step, speed, jump, another day.

import { address } from "./address.js";
import { act, notice } from "./api.js";
import { button, choice, h } from "./dom.js";
import { newYork } from "./format.js";
import { Played } from "./played.js";

const SPEEDS = [["0", "as fast as clients read"], ...[0.5, 1, 2, 5, 10, 60, 300, 1000].map((one) => [String(one), `× ${one}`])];
const LOOK_MS = 120;

export class Replay {
  // market: what looks at other times.
  constructor(place, market) {
    this.market = market;
    this.playback = null;
    this.at = 0;
    this.looking = false;
    this.build(place);
    setInterval(() => this.tick(), 200);
  }

  build(place) {
    this.play = button("Play", () => this.toggle(), { id: "play", class: "main" });
    this.slider = h("input", { type: "range", id: "slider", min: "0", max: "1", step: "1", "aria-label": "Market time",
      oninput: () => this.slid(), onchange: () => this.letGo() });
    this.clock = h("output", { id: "clock", for: "slider" }, "–");
    this.day = h("input", { type: "date", id: "day", "aria-label": "Day", onchange: () => this.otherDay() });
    this.only = h("input", { type: "checkbox", id: "look", onchange: () => this.lookOnly() });
    this.live = button("Back to live", () => this.toLive(), { id: "live", hidden: true });
    this.played = new Played(() => this.market.anew());
    this.jump = h("input", { id: "jump", size: "8", placeholder: "HH:MM", "aria-label": "Jump to a time in New York" });
    place.replaceChildren(
      h("div", { class: "buttons" },
        button("To open", () => this.seek("open"), { title: "To 9:30" }),
        button("−30 s", () => this.shift(-30), { title: "Back 30 seconds (left)" }),
        this.step = button("Step", () => act("step", { count: 1 }), { title: "The next record of every group (.)", id: "step" }),
        button("+30 s", () => this.shift(30), { title: "On 30 seconds (right)" }),
        button("To close", () => this.seek("close"), { title: "To the last record" }),
        this.speed = choice("Speed", SPEEDS, "1", (speed) => act("speed", { speed: Number(speed) }))),
      h("div", { class: "time" }, this.play, this.clock, this.slider, this.live,
        button("More", () => place.classList.toggle("more"), { id: "more", "aria-label": "More of the replay bar" })),
      h("div", { class: "buttons" },
        h("form", { onsubmit: (event) => { event.preventDefault(); this.seek(this.jump.value.trim()); } }, this.jump,
          h("button", {}, "Jump")),
        h("label", { class: "choice" }, h("span", {}, "Day"), this.day),
        h("label", { title: "The slider shows another time and leaves the clients of the key where they are" },
          this.only, " look only"),
        this.played.element));
  }

  told(state) {
    const session = state.session;
    this.playback = session?.playback ?? null;
    this.at = performance.now();
    this.hours = state.hours;
    const playback = this.playback;
    this.play.textContent = playback?.paused ? "Play" : "Pause";
    this.play.setAttribute("aria-pressed", String(!playback?.paused));
    if (this.hours) { this.slider.min = this.hours.open; this.slider.max = this.hours.close; }
    if (playback) this.show(playback);
    this.tick();
    this.played.told(state.server.origin);
  }

  show(playback) {
    const select = this.speed.querySelector("select");
    if (select !== document.activeElement) {
      const speed = String(playback.speed);
      if (![...select.options].some((option) => option.value === speed)) select.append(h("option", { value: speed }, `× ${speed}`));
      select.value = speed;
    }
    if (this.day !== document.activeElement) this.day.value = playback.day;
    this.market.follow(playback);
  }

  // Where the key is by now, between two words of the server.
  now() {
    const { market_time: market, paused, speed, over, market_closed: closed } = this.playback ?? {};
    if (market === null || market === undefined) return null;
    return paused || over || closed ? market : market + (performance.now() - this.at) / 1000 * speed;
  }

  tick() {
    const now = this.now();
    if (this.looking || now === null) return;
    const shown = Math.min(now, Number(this.slider.max) || now);
    this.slider.value = Math.floor(shown);
    this.say(Math.floor(shown)); // which may be before the slider begins
  }

  // A time in words; that of the slider unless it is given.
  say(time = Number(this.slider.value)) {
    const text = newYork(time);
    this.clock.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  toggle() { act(this.playback?.paused ? "resume" : "pause"); }

  // Another time: of the view alone with "look only", else of the key and its clients. A refusal changes nothing.
  async seek(time) {
    if (time === "") return;
    if (this.only.checked) { this.lookAt(this.secondsOf(time)); return; }
    if (await act("seek", { time })) this.stopLooking();
  }

  secondsOf(time) {
    if (typeof time === "number") return time;
    if (time === "open" || time === "close") return this.hours[time];
    const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(time);
    if (!found) { notice("Write the time as 10:30 or 10:30:15.", "wrong"); return null; }
    const opening = 9.5 * 3600; // the market opens at 9:30 in New York
    return this.hours.open + Number(found[1]) * 3600 + Number(found[2]) * 60 + Number(found[3] ?? 0) - opening;
  }

  lookAt(time) {
    if (time === null || !this.hours) return;
    clearTimeout(this.wait);
    this.looking = true;
    this.slider.value = time;
    this.say();
    this.live.hidden = false;
    this.market.refill(Number(this.slider.value));
  }

  // What moves the key rests while only the view is moved.
  lookOnly() {
    for (const one of [this.play, this.step, this.speed.querySelector("select"), this.day]) one.disabled = this.only.checked;
    if (!this.only.checked && this.looking) this.toLive();
  }

  shift(seconds) {
    const now = this.looking ? Number(this.slider.value) : this.now();
    if (now === null) return;
    if (this.only.checked) this.lookAt(Math.floor(now + seconds)); else this.seek(Math.floor(now + seconds));
  }

  // While the slider moves, the panels show the records of its time; the key goes there when it is let go.
  slid() {
    this.looking = true;
    this.say();
    clearTimeout(this.wait);
    this.wait = setTimeout(() => this.market.look(Number(this.slider.value)), LOOK_MS);
  }

  letGo() {
    clearTimeout(this.wait);
    const time = Number(this.slider.value);
    if (this.only.checked) this.lookAt(time); else this.seek(time);
  }

  stopLooking() {
    this.looking = false;
    this.live.hidden = true;
    this.market.looked = null;
    this.tick();
  }

  toLive() { this.stopLooking(); this.market.live(); }

  // A day that is refused does not stay in the field, although the field has the focus.
  async otherDay() {
    if (this.day.value && await act("day", { date: this.day.value })) this.stopLooking();
    else this.day.value = this.playback?.day ?? "";
  }

  key(event) {
    if (this.only.checked && [" ", "."].includes(event.key)) return false;
    const does = { " ": () => this.toggle(), ".": () => act("step", { count: 1 }), ArrowLeft: () => this.shift(-30),
      ArrowRight: () => this.shift(30) }[event.key];
    if (!does || address.screen === "settings") return false;
    does();
    return true;
  }
}
