// Days that are brought in: from the service, or from files of this browser. Each is a command that the server runs.

import { ask, attempt, notice } from "./api.js";
import { button, choice, command, h, show } from "./dom.js";
import { WINDOWS, bytes, number, pathArgument } from "./format.js";

const PACKAGES = ["classic", "state", "orderflow"];
const PIECE_BYTES = 4 * 1024 * 1024; // as much as the server takes in one request
const DAYS = /\.(zip|jsonl?)(\.gz|\.zst)?$/i; // and no hidden file
const plain = (name) => name.replace(/[^A-Za-z0-9._ ()+-]/g, "_").replace(/^[^A-Za-z0-9_]|[ .]$/g, "_");
const counted = (count) => `${number(count)} file${count === 1 ? "" : "s"}`;
const SAID = { running: "runs", done: "done", partly: "done, but not all of it is there and sound", failed: "failed",
  stopped: "stopped" };

export class Bring {
  // played: what is played; brought: called when days may have come.
  constructor(played, brought) {
    this.played = played;
    this.brought = brought;
    this.jobs = [];
    this.folder = "data";
    this.sending = false;
  }

  open(place) {
    this.list = h("div", { id: "jobs", role: "status" });
    this.waiting = h("div", { id: "waiting" });
    this.sent = h("p", { id: "sent", role: "status" });
    this.commands = h("div");
    place.replaceChildren(this.download(), this.files(), this.list,
      h("details", {}, h("summary", {}, "As commands"), this.commands));
    this.told(this.jobs);
    this.look();
  }

  // Whether the server has a key, and what waits of an import that was not ended or not taken.
  look() {
    return attempt(async () => {
      const { has_key: known, waiting, jobs, folder } = await ask("_gexfaker/jobs");
      this.folder = pathArgument(folder);
      show(this.commands, this.lines(), folder);
      this.key.placeholder = known ? "that of the server" : "needed";
      const take = (options) => () => this.begin("import", { ...this.options(), ...options });
      this.waiting.replaceChildren(...(waiting.files && jobs[0]?.status !== "running" ? [h("p", {}, `${counted(waiting.files)} ${waiting.files === 1 ? "waits" : "wait"}, ${bytes(waiting.bytes)}: ${waiting.names.join(", ")}${waiting.names.length < waiting.files ? ", …" : ""}`),
        h("div", { class: "bar" }, button("Import them", take({}), { id: "take" }),
          button("Import, and replace what is there", take({ replace: true }), { id: "replace" }),
          button("Discard them", () => attempt(async () => { await ask("_gexfaker/incoming", { method: "DELETE" }); this.look(); }),
            { id: "discard", class: "danger" }))] : []));
    });
  }

  lines() {
    return [command(`gexfaker download 2026-07-13..2026-07-17 --tickers SPX --out ${this.folder}`),
      command(`gexfaker import ${pathArgument(WINDOWS ? "~\\Downloads" : "~/Downloads")} --out ${this.folder}`),
      h("p", {}, "Every trading evening:"), command(`gexfaker collect --tickers SPX --out ${this.folder}`)];
  }

  options() {
    const convert = this.convert.querySelector("select").value;
    return convert ? { convert } : {};
  }

  // --- from the service --------------------------------------------------------------------------

  download() {
    const first = this.first = h("input", { type: "date", "aria-label": "First day" });
    const last = this.last = h("input", { type: "date", "aria-label": "Last day" });
    this.tickers = h("input", { value: "SPX", size: "14", id: "wanted", spellcheck: "false" });
    this.packages = PACKAGES.map((name) => h("input", { type: "checkbox", value: name, checked: true }));
    this.upstream = h("input", { type: "url", size: "24", id: "upstream", spellcheck: "false" });
    this.key = h("input", { type: "password", autocomplete: "off", size: "14", id: "upstream-key" });
    return h("form", { onsubmit: (event) => { event.preventDefault(); this.get(); } },
      h("h3", {}, "From the service"),
      h("div", { class: "bar" }, h("label", { class: "choice" }, h("span", {}, "Tickers"), this.tickers),
        h("label", { class: "choice" }, h("span", {}, "From"), first), h("label", { class: "choice" }, h("span", {}, "to"), last)),
      h("div", { class: "bar" }, this.packages.map((box) => h("label", {}, box, ` ${box.value}`)),
        h("label", { class: "choice" }, h("span", {}, "Your key"), this.key), h("button", { id: "download" }, "Download")),
      h("details", {}, h("summary", {}, "Another API"), h("label", { class: "choice" },
        h("span", {}, "Address, such as that of another gexfaker; with a key of its own"), this.upstream)),
      h("p", { class: "soft" }, "Leave the days empty for the newest end-of-day report, which every Classic key may have. Days need a Quant key. ",
        "Your key is sent to that API alone and is not kept. Leave it empty to use GEXBOT_API_KEY of the server."));
  }

  get() {
    const days = [this.first.value, this.last.value].filter(Boolean);
    const packages = this.packages.filter((box) => box.checked).map((box) => box.value);
    const body = { tickers: this.tickers.value, packages, dates: days.length === 2 && days[0] !== days[1] ? days.join("..") : days[0] ?? "" };
    if (this.key.value) body.key = this.key.value;
    if (this.upstream.value) body.upstream = this.upstream.value;
    if (!packages.length) { notice("Choose at least one package.", "wrong"); return; }
    this.begin("download", body);
  }

  begin(kind, body) {
    return attempt(async () => {
      const job = await ask(`_gexfaker/jobs/${kind}`, { method: "POST", body });
      this.told([job, ...this.jobs.filter((one) => one.job !== job.job)]);
    });
  }

  // --- from files --------------------------------------------------------------------------------

  files() {
    const taken = (input) => () => { const chosen = [...input.files]; input.value = ""; this.send(chosen); };
    const one = h("input", { type: "file", multiple: true, id: "files", class: "hidden", tabindex: "-1", "aria-label": "Files to import" });
    const all = h("input", { type: "file", webkitdirectory: true, id: "folder", class: "hidden", tabindex: "-1", "aria-label": "A folder to import" });
    one.addEventListener("change", taken(one));
    all.addEventListener("change", taken(all));
    this.convert = choice("Keep as", [["", "they are"], "jsonl.zst", "jsonl.gz", "jsonl"], "", () => {});
    const place = h("section", { class: "drop" }, h("h3", {}, "From files"),
      h("div", { class: "bar" }, button("Choose files", () => one.click(), { id: "choose" }), button("Choose a folder", () => all.click()), one, all,
        this.convert, h("span", { class: "soft" }, "or drop files here: reports (zip), arrays (json), lines (jsonl), packed or not")), this.sent, this.waiting);
    place.addEventListener("dragover", (event) => event.preventDefault());
    place.addEventListener("drop", (event) => { event.preventDefault(); this.send([...event.dataTransfer.files]); });
    return place;
  }

  // All of them, piece by piece, and then the import. A name has its folders where these tell the day.
  async send(given) {
    const files = given.filter((file) => DAYS.test(file.name));
    if (given.length && !files.length) notice("None of these can be a day: they end in .zip, .json or .jsonl, packed (.gz, .zst) or not.", "wrong");
    if (this.sending || !files.length) return;
    this.sending = true;
    const total = files.reduce((sum, file) => sum + file.size, 0);
    let came = 0;
    await attempt(async () => {
      for (const file of files) {
        const path = encodeURIComponent((file.webkitRelativePath || file.name).split("/").map(plain).join("/"));
        for (let at = 0; at === 0 || at < file.size; at += PIECE_BYTES) {
          this.sent.textContent = `${file.name}: ${bytes(came)} of ${bytes(total)} are here`;
          const piece = file.slice(at, at + PIECE_BYTES);
          await ask(`_gexfaker/incoming?path=${path}&at=${at}&total=${file.size}`, { method: "PUT", content: piece });
          came += piece.size;
        }
      }
      await this.begin("import", this.options());
    });
    this.sent.textContent = "";
    this.sending = false;
    this.look();
  }

  // --- what runs ---------------------------------------------------------------------------------

  told(jobs) {
    const ended = (all) => all.filter((one) => one.status !== "running").map((one) => one.job).join();
    const came = ended(jobs) !== ended(this.jobs) && this.jobs.length;
    this.jobs = jobs;
    if (this.list?.isConnected) show(this.list, jobs.map((job) => this.line(job)), JSON.stringify(jobs) || "none");
    if (!came) return;
    if (this.list?.isConnected) this.look();
    this.brought();
    this.played().look();
  }

  line(job) {
    const runs = job.status === "running";
    const far = `${number(job.done)} of ${job.total ? number(job.total) : "?"} files`;
    return h("section", { class: `job ${job.status}` },
      h("h3", {}, `${job.kind === "import" ? "Import" : "Download"} of ${job.about}: ${SAID[job.status]}`),
      runs ? h("div", { class: "bar" }, h("progress", { max: job.total || 1, value: job.done, "aria-label": far }), far, ` ${job.text}`,
        button("Stop", () => attempt(() => ask(`_gexfaker/jobs/${job.job}`, { method: "DELETE" })), { id: `stop-${job.job}`, class: "small" })) : "",
      h("p", { class: "soft" }, job.file),
      ["done", "partly"].includes(job.status) ? button("Play the recorded days", () => this.played().play({ kind: "recorded" }),
        { class: "small", id: `play-${job.job}` }) : "",
      job.lines.length < 2 ? h("p", {}, job.lines[0] ?? "") : h("details", { open: ["failed", "partly"].includes(job.status) },
        h("summary", {}, "What the command says"), h("pre", {}, job.lines.join("\n"))));
  }
}
