// The one stream of the page: where all keys are, all of the key that is shown, and its journal when that is open.

import { whose } from "./address.js";

export class Events {
  constructor(told) {
    this.told = told; // called with the name of an event and what it says
    this.source = null;
    this.since = 0;
    this.followed = "";
  }

  follow(withJournal) {
    const query = `${whose()}${withJournal ? "&journal=true" : ""}`;
    if (query === this.followed && this.source) return;
    if (query.split("&")[0] !== this.followed.split("&")[0]) this.since = 0;
    this.followed = query;
    this.open();
  }

  open() {
    this.source?.close();
    clearTimeout(this.timer);
    const source = this.source = new EventSource(`_gexfaker/studio/events?${this.followed}&since=${this.since}`);
    for (const name of ["state", "journal", "busy"]) {
      source.addEventListener(name, (event) => this.hear(name, JSON.parse(event.data)));
    }
    source.onerror = () => {
      source.close();
      this.told("lost", {});
      this.timer = setTimeout(() => this.open(), 2000);
    };
  }

  close() {
    this.source?.close();
    this.source = null;
    clearTimeout(this.timer);
  }

  hear(name, content) {
    if (name === "journal") this.since = content.entries.at(-1)?.number ?? this.since;
    if (name === "busy") { this.source.close(); this.timer = setTimeout(() => this.open(), 5000); }
    this.told(name, content);
  }
}
