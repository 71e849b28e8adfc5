// Lines over the day: uPlot with our colours, one crosshair for all that stand together, and columns that grow.

/* global uPlot */

import { themed } from "./colours.js";
import { newYork, number, short } from "./format.js";
import { h } from "./dom.js";

const MOST_POINTS = 4000;
const WAIT_MS = 250;

// Columns of times and values; when there are too many, every second of the older ones goes.
export class Columns {
  constructor(names) { this.names = names; this.clear(); }

  clear() { this.times = []; this.values = Object.fromEntries(this.names.map((name) => [name, []])); }

  fill({ times, columns }) {
    const later = this.times.findIndex((time) => time > (times.at(-1) ?? -Infinity));
    const rest = later < 0 ? { times: [], values: {} } : {
      times: this.times.slice(later),
      values: Object.fromEntries(this.names.map((name) => [name, this.values[name].slice(later)])) };
    this.times = [...times, ...rest.times];
    for (const name of this.names) this.values[name] = [...columns[name], ...(rest.values[name] ?? [])];
  }

  add(record) {
    if (!(record.timestamp > (this.times.at(-1) ?? -Infinity))) return;
    this.times.push(record.timestamp);
    for (const name of this.names) this.values[name].push(record[name] ?? null);
    if (this.times.length > MOST_POINTS) this.thin();
  }

  thin() {
    const half = this.times.length / 2;
    const keeps = (_, index) => index > half || index % 2 === 0;
    this.times = this.times.filter(keeps);
    for (const name of this.names) this.values[name] = this.values[name].filter(keeps);
  }
}

// A level of 0 is none: a line to 0 would flatten the others.
const present = (values) => values.map((value) => (value === 0 ? null : value));

// A tick with as many digits as tell it from the next one.
function ticked(value, found) {
  const step = found.length > 1 ? Math.abs(found[1] - found[0]) : Math.abs(value);
  if (Math.abs(value) >= 1e5) return short(value);
  return number(value, Math.min(4, Math.max(0, Math.ceil(-Math.log10(step || 1)) + (step < 1 ? 1 : 0))));
}

// The ends of an axis: a little beyond the values, and around one value alone.
function reach(low, high) {
  if (low === null || high === null) return [0, 1];
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.001 || 1;
  return [low - margin, high + margin];
}

export class Lines {
  // series: [{name, label, colour, bars, level, steps, dash}]
  constructor(label, columns, series, { height = 180, group = "day", axis = true } = {}) {
    this.columns = columns;
    this.series = series;
    this.options = { height, group, axis };
    this.label = label;
    this.element = h("div", { class: "lines", role: "img", "aria-label": label });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.plot = null;
    this.timer = 0;
  }

  data() {
    return [this.columns.times, ...this.series.map(({ name, level }) => (
      level ? present(this.columns.values[name]) : this.columns.values[name]))];
  }

  make() {
    this.plot?.destroy();
    const { height, group, axis } = this.options;
    const colours = themed();
    const look = { stroke: colours.soft, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line } };
    const bars = uPlot.paths.bars({ size: [0.9, 60, 1] }), stepped = uPlot.paths.stepped({ align: 1 });
    this.plot = new uPlot({
      width: Math.max(this.element.clientWidth, 50), height,
      cursor: { sync: { key: group }, drag: { x: false, y: false }, points: { size: 5 } },
      legend: { live: true, markers: { dash: (_, index) => (this.series[index - 1]?.dash ? "dashed" : "solid") } },
      hooks: { setCursor: [() => this.tellLast()] },
      padding: [6, 18, axis ? 0 : 8, 0],
      scales: { x: { time: true }, y: { range: (_, low, high) => reach(low, high) } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "America/New_York"),
      axes: [
        { ...look, show: axis, size: 30, values: (_, found) => found.map((time) => newYork(time).slice(0, 5)) },
        { ...look, size: 58, space: 26, values: (_, found) => found.map((value) => ticked(value, found)) },
      ],
      series: [{ value: (_, time) => newYork(time) }, ...this.series.map((one) => ({
        label: one.label, stroke: colours[one.colour] ?? one.colour, width: one.bars ? 0 : 1.3, points: { show: false },
        dash: one.dash, spanGaps: true, fill: one.bars ? colours[one.colour] : undefined,
        paths: one.bars ? bars : one.steps ? stepped : undefined,
        value: (_, value) => (value === null || value === undefined ? "–" : short(value)) }))],
    }, this.data(), this.element);
  }

  // The theme has changed, or the panel is shown first.
  again() { if (this.element.clientWidth && this.columns.times.length) this.make(); }

  // New values: drawn a few times a second at most, however many come.
  update() {
    if (this.timer) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      if (!this.element.isConnected) return;
      if (this.plot) this.plot.setData(this.data()); else this.again();
      this.tellLast();
      this.said();
    }, WAIT_MS);
  }

  // Without the crosshair the legend tells the last values.
  tellLast() { if (this.plot && !(this.plot.cursor.left >= 0)) this.plot.setLegend({ idx: this.columns.times.length - 1 }, false); }

  said() {
    const last = this.series.map(({ name, label }) => `${label} ${short(this.columns.values[name].at(-1) ?? NaN)}`);
    this.element.setAttribute("aria-label", `${this.label}. At ${newYork(this.columns.times.at(-1))}: ${last.join(", ")}`);
  }

  resize() {
    if (!this.plot) { if (this.columns.times.length) this.again(); return; }
    const width = this.element.clientWidth;
    if (width && width !== this.plot.width) this.plot.setSize({ width, height: this.options.height });
  }

  close() { this.observer.disconnect(); clearTimeout(this.timer); this.plot?.destroy(); this.plot = null; }
}
