// The studio: which screen is shown, for which key, and who is told what.

import { address, go, onAddress } from "./address.js";
import { ask } from "./api.js";
import { Clients } from "./clients.js";
import { Days } from "./days.js";
import { byId, h } from "./dom.js";
import { Events } from "./events.js";
import { Faults } from "./faults.js";
import { Feed } from "./feed.js";
import { Journal } from "./journal.js";
import { Market } from "./market.js";
import { Replay } from "./replay.js";
import { Settings } from "./settings.js";

const SCREENS = ["market", "clients", "journal", "faults", "days", "settings"];
const TYPING = "input:not([type=range]):not([type=checkbox]), textarea, select";

class Studio {
  constructor(about) {
    this.main = byId("main");
    this.feed = new Feed(about, (found) => this.screens.market.heard(found));
    this.screens = { market: new Market(about, this.feed), clients: new Clients(about), journal: new Journal(about),
      faults: new Faults(about), days: new Days(() => this.replay.played), settings: new Settings(about) };
    this.replay = new Replay(byId("replay"), this.screens.market);
    this.events = new Events((name, content) => this.told(name, content));
    this.shown = "";
    this.resting = false;
    this.head();
    onAddress((now, before) => this.changed(now, before));
    addEventListener("keydown", (event) => this.pressed(event));
    document.addEventListener("visibilitychange", () => (document.hidden ? this.rest() : this.wake()));
    addEventListener("pagehide", () => this.rest());
    addEventListener("pageshow", (event) => { if (event.persisted) this.wake(); });
    this.changed(address, { key: null });
    document.body.dataset.ready = "true";
    performance.mark("ready");
  }

  // A page that nobody sees asks for nothing. A browser has six connections for all pages of a server: the streams of
  // hidden pages would leave none for the others.
  rest() {
    this.resting = true;
    this.events.close();
    this.feed.close();
  }

  wake() {
    if (!this.resting) return;
    this.resting = false;
    this.events.follow(this.shown === "journal");
    this.feed.connect();
    this.screens.market.refill();
  }

  head() {
    byId("tabs").replaceChildren(...SCREENS.map((name, index) => h("a", { href: `#${name}`, id: `tab-${name}`,
      title: `${index + 1}`, onclick: (event) => { event.preventDefault(); go({ screen: name }, { replace: false }); } },
    name[0].toUpperCase() + name.slice(1))));
    const key = byId("key");
    byId("whose").addEventListener("submit", (event) => { event.preventDefault(); go({ key: key.value.trim() || "studio" }); });
    key.addEventListener("change", () => go({ key: key.value.trim() || "studio" }));
    byId("theme").addEventListener("click", () => this.theme());
  }

  theme() {
    const root = document.documentElement, next = root.dataset.theme === "dark" ? "light" : "dark";
    root.dataset.theme = next;
    try { localStorage.setItem("gexfaker-theme", next); } catch { /* a browser may forbid pages to remember anything */ }
    this.screens.market.again();
  }

  changed(now, before) {
    byId("key").value = now.key;
    if (now.key !== before.key) { this.feed.restart(); this.screens.journal.restart(); this.screens.market.timeline = ""; }
    if (now.screen !== this.shown) this.show(SCREENS.includes(now.screen) ? now.screen : "market");
    if (!this.resting) this.events.follow(this.shown === "journal");
  }

  show(name) {
    this.screens[this.shown]?.close();
    this.shown = name;
    for (const tab of byId("tabs").children) {
      if (tab.id === `tab-${name}`) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
    }
    this.main.className = name;
    document.title = `${name} – gexfaker studio`;
    this.screens[name].open(this.main);
  }

  told(name, content) {
    if (name === "state") {
      this.mark(content);
      this.replay.told(content);
      this.screens.clients.told(content);
      this.screens.days.told(content);
      this.keys(content.sessions);
      const faults = content.session?.faults ?? 0, tab = byId("tab-faults"), said = faults ? `Faults (${faults})` : "Faults";
      if (tab.textContent !== said) { tab.textContent = said; tab.classList.toggle("wrong", faults > 0); tab.setAttribute("aria-label", faults ? `Faults, ${faults} are on` : "Faults"); }
      const unused = address.key !== "studio" && !content.session?.playback ? "not used yet" : "";
      if (byId("unused").textContent !== unused) byId("unused").textContent = unused;
    } else if (name === "journal") this.screens.journal.told(content);
    else this.broken(name === "busy" ? "The server is busy: the studio comes back in some seconds." : "The server does not answer.");
  }

  // That this is not the real service cannot be overlooked.
  mark(state) {
    const playback = state.session?.playback, origin = playback?.origin ?? state.server.origin;
    const kind = origin.startsWith("simulated") ? "SIMULATED" : "RECORDED";
    const time = playback?.shown ? ` ${playback.shown.slice(11)} New York` : "";
    const text = `${kind} · ${playback?.day ?? state.server.day}${time} · not the real service`;
    const place = byId("mark");
    if (place.textContent !== text) place.textContent = text;
    place.className = kind.toLowerCase();
  }

  broken(text) { byId("mark").textContent = text; byId("mark").className = "broken"; }

  keys(sessions) {
    const mark = sessions.map((one) => one.session + one.name).join();
    if (mark === this.known) return;
    this.known = mark;
    byId("keys").replaceChildren(...sessions.map((one) => h("option", { value: one.session }, one.name ?? "")));
  }

  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(TYPING)) return;
    if (/^[1-6]$/.test(event.key)) { go({ screen: SCREENS[event.key - 1] }, { replace: false }); return; }
    if (event.target.closest?.("button, a, summary") && event.key === " ") return;
    if (event.target.type === "range" && event.key.startsWith("Arrow")) return;
    if (this.replay.key(event)) event.preventDefault();
  }
}

try {
  new Studio(await ask("_gexfaker/studio/about"));
} catch (problem) {
  byId("main").replaceChildren(h("p", { role: "alert" }, `The studio cannot begin: ${problem.message}`));
}
