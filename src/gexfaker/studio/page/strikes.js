// A profile by strike: strikes upward, values to both sides of 0, levels as lines across.

import { Picture, steps } from "./canvas.js";
import { themed } from "./colours.js";
import { number, short } from "./format.js";
import { h } from "./dom.js";

const LEFT = 52, RIGHT = 8, TOP = 18, BOTTOM = 20;
const SEEN_SHARE = 0.002;

// What is shown: bars [{name, up, down, wide, values: [[strike, value]]}], dots [{name, colour, values}],
// levels [{name, price, colour, dashed}], second axis {name, lines: [{name, colour, values}]}.
export class Strikes {
  constructor(label) {
    this.canvas = h("canvas", { role: "img", "aria-label": label });
    this.label = label;
    this.element = h("div", { class: "picture" }, this.canvas);
    this.shown = null;
    this.range = 2;
    this.picture = new Picture(this.canvas, (pen, width, height) => this.draw(pen, width, height));
  }

  set(shown, range) {
    this.shown = shown;
    this.range = range;
    this.canvas.setAttribute("aria-label", `${this.label}. ${shown.said}`);
    this.picture.again();
  }

  close() { this.picture.close(); }

  // The strikes worth showing: around spot, as far as the range says, or all with a value that can be seen.
  bounds() {
    const { bars, levels, spot } = this.shown;
    if (this.range !== "all" && spot) {
      const reach = spot * Number(this.range) / 100;
      return [spot - reach, spot + reach];
    }
    const prices = levels.filter((level) => level.price > 0).map((level) => level.price);
    for (const bar of bars) {
      const most = Math.max(...bar.values.map(([, value]) => Math.abs(value)), 0);
      for (const [strike, value] of bar.values) if (Math.abs(value) > most * SEEN_SHARE) prices.push(strike);
    }
    const low = Math.min(...prices), high = Math.max(...prices);
    const margin = (high - low) * 0.03 || 1;
    return [low - margin, high + margin];
  }

  draw(pen, width, height) {
    const colours = themed();
    if (!this.shown) return;
    const [low, high] = this.bounds();
    const inside = ([strike]) => strike >= low && strike <= high;
    const bars = this.shown.bars.map((bar) => ({ ...bar, values: bar.values.filter(inside) }));
    const dots = this.shown.dots.map((dot) => ({ ...dot, values: dot.values.filter(inside) }));
    const most = Math.max(...[...bars, ...dots].flatMap(({ values }) => values.map(([, value]) => Math.abs(value))), 1e-9);
    const x = (value) => LEFT + (width - LEFT - RIGHT) * (0.5 + value / most / 2.1);
    const y = (strike) => TOP + (height - TOP - BOTTOM) * (high - strike) / (high - low);
    this.grid(pen, width, height, colours, { low, high, most, x, y });
    for (const bar of bars) this.bar(pen, bar, x, y, height, high - low);
    for (const dot of dots) this.dot(pen, dot, x, y);
    if (this.shown.second) this.second(pen, width, colours, y, inside);
    this.levels(pen, width, colours, y, low, high);
  }

  grid(pen, width, height, colours, { low, high, most, x, y }) {
    pen.strokeStyle = colours.line;
    pen.fillStyle = colours.soft;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const strike of steps(low, high, height / 36)) {
      line(pen, LEFT, y(strike), width - RIGHT, y(strike));
      pen.fillText(number(strike), LEFT - 6, y(strike));
    }
    pen.textAlign = "center";
    for (const value of steps(-most, most, width / 90)) {
      line(pen, x(value), TOP, x(value), height - BOTTOM);
      pen.fillText(short(value), x(value), height - BOTTOM / 2);
    }
    pen.strokeStyle = colours.soft;
    line(pen, x(0), TOP, x(0), height - BOTTOM);
  }

  bar(pen, { values, up, down, wide }, x, y, height, span) {
    const gaps = values.slice(1).map(([strike], index) => Math.abs(strike - values[index][0])).filter((gap) => gap > 0);
    const gap = gaps.length ? Math.min(...gaps) : span / 40;
    const full = Math.max(1, (height - TOP - BOTTOM) * gap / span);
    const thick = Math.max(1, full * (wide ? 0.86 : 0.46));
    for (const [strike, value] of values) {
      pen.fillStyle = value >= 0 ? up : down;
      const from = Math.min(x(0), x(value)), to = Math.max(x(0), x(value));
      pen.fillRect(from, y(strike) - thick / 2, Math.max(to - from, 0.5), thick);
    }
  }

  dot(pen, { values, colour }, x, y) {
    pen.fillStyle = colour;
    for (const [strike, value] of values) {
      if (!value) continue;
      pen.beginPath();
      pen.arc(x(value), y(strike), 2, 0, 7);
      pen.fill();
    }
  }

  // Lines against an axis of their own, above: implied volatility.
  second(pen, width, colours, y, inside) {
    const { name, lines } = this.shown.second;
    const found = lines.map((one) => ({ ...one, values: one.values.filter(inside) }));
    const all = found.flatMap(({ values }) => values.map(([, value]) => value));
    if (!all.length) return;
    const low = Math.min(...all) * 0.98, high = Math.max(...all) * 1.02;
    const x = (value) => LEFT + (width - LEFT - RIGHT) * (value - low) / (high - low || 1);
    pen.fillStyle = colours.soft;
    pen.textAlign = "center";
    for (const value of steps(low, high, width / 120)) pen.fillText(`${name} ${short(value * 100)} %`, x(value), TOP / 2);
    for (const { values, colour } of found) this.dot(pen, { values, colour }, x, y);
  }

  levels(pen, width, colours, y, low, high) {
    let above = -Infinity;
    pen.textAlign = "right";
    for (const { name, price, colour, dashed } of [...this.shown.levels].sort((a, b) => b.price - a.price)) {
      if (!(price >= low && price <= high)) continue;
      pen.strokeStyle = colour;
      pen.setLineDash(dashed ? [4, 3] : []);
      line(pen, LEFT, y(price), width - RIGHT, y(price));
      pen.setLineDash([]);
      above = Math.max(y(price) - 7, above + 12);
      pen.fillStyle = colours.back;
      const text = `${name} ${number(price)}`;
      const size = pen.measureText(text).width;
      pen.fillRect(width - RIGHT - size - 4, above - 6, size + 4, 12);
      pen.fillStyle = colour;
      pen.fillText(text, width - RIGHT - 2, above);
    }
  }
}

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
