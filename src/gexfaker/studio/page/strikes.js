// A profile by strike: strikes upward, values to both sides of 0, levels as lines across.

import { Picture, steps } from "./canvas.js";
import { themed } from "./colours.js";
import { number, short } from "./format.js";
import { h } from "./dom.js";

const LEFT = 52, TOP = 18, BOTTOM = 20, LABEL = 12;
const WIDE = 520; // from here on levels are named in whole words, in a margin of their own
const NEAR_PIXELS = 2;
const SEEN_SHARE = 0.002;
const NEAREST = 40; // strikes that can be told from each other in the height of a panel

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
    if (this.range === "near" && spot) return this.nearest(bars[0].values.map(([strike]) => strike), spot);
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

  // As wide as the longest name of a level.
  margin(pen, width) {
    const texts = this.shown.levels.filter(({ price }) => price > 0).map((level) => named(level, width));
    return Math.max(0, ...texts.map((text) => pen.measureText(`${text} \u25b2`).width)) + 12;
  }

  // As many strikes around spot as can be told from each other, whether they are 0.50 or 25 apart.
  nearest(strikes, spot) {
    const gaps = strikes.map((strike) => Math.abs(strike - spot)).sort((a, b) => a - b);
    const reach = (gaps[Math.min(NEAREST, gaps.length) - 1] || spot * 0.02) * 1.02;
    return [spot - reach, spot + reach];
  }

  draw(pen, width, height) {
    const colours = themed();
    if (!this.shown) return;
    const [low, high] = this.bounds();
    const inside = ([strike]) => strike >= low && strike <= high;
    const bars = this.shown.bars.map((bar) => ({ ...bar, values: bar.values.filter(inside) }));
    const dots = this.shown.dots.map((dot) => ({ ...dot, values: dot.values.filter(inside) }));
    const most = Math.max(...[...bars, ...dots].flatMap(({ values }) => values.map(([, value]) => Math.abs(value))), 1e-9);
    const right = this.margin(pen, width);
    const x = (value) => LEFT + (width - LEFT - right) * (0.5 + value / most / 2.1);
    const y = (strike) => TOP + (height - TOP - BOTTOM) * (high - strike) / (high - low);
    const end = width - right;
    this.grid(pen, end, height, colours, { low, high, most, x, y });
    for (const bar of bars) this.bar(pen, bar, x, y, height, high - low);
    const ends = new Map(bars.at(-1)?.values ?? []);
    const apart = ([strike, value]) => Math.abs(value) > most * SEEN_SHARE && Math.abs(x(value) - x(ends.get(strike) ?? 0)) > NEAR_PIXELS;
    for (const dot of dots) this.dot(pen, { ...dot, values: dot.values.filter(apart) }, x, y);
    if (this.shown.second) this.second(pen, end, colours, y, inside);
    this.levels(pen, { end, width, height }, colours, y, low, high);
  }

  grid(pen, end, height, colours, { low, high, most, x, y }) {
    pen.strokeStyle = colours.line;
    pen.fillStyle = colours.soft;
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const strike of steps(low, high, height / 36)) {
      line(pen, LEFT, y(strike), end, y(strike));
      pen.fillText(number(strike), LEFT - 6, y(strike));
    }
    pen.textAlign = "center";
    for (const value of steps(-most, most, Math.max(3, end / 90))) {
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

  dot(pen, { values, colour, size = 2 }, x, y) {
    pen.fillStyle = colour;
    for (const [strike, value] of values) {
      if (!value) continue;
      pen.beginPath();
      pen.arc(x(value), y(strike), size, 0, 7);
      pen.fill();
    }
  }

  // Rings against an axis of their own, above: implied volatility.
  second(pen, end, colours, y, inside) {
    const { name, lines } = this.shown.second;
    const found = lines.map((one) => ({ ...one, values: one.values.filter(inside) }));
    const all = found.flatMap(({ values }) => values.map(([, value]) => value));
    if (!all.length) return;
    const low = Math.min(...all) * 0.98, high = Math.max(...all) * 1.02;
    const x = (value) => LEFT + (end - LEFT) * (value - low) / (high - low || 1);
    pen.fillStyle = colours.soft;
    pen.textAlign = "center";
    for (const value of steps(low, high, Math.max(3, (end - LEFT) / 110))) pen.fillText(`${short(value * 100)} %`, x(value), TOP / 2);
    pen.textAlign = "right";
    pen.fillText(name, LEFT - 6, TOP / 2);
    for (const { values, colour } of found) {
      pen.strokeStyle = colour;
      for (const [strike, value] of values) { pen.beginPath(); pen.arc(x(value), y(strike), 2.2, 0, 7); pen.stroke(); }
    }
  }

  // Lines across, named in the margin; those beyond the ends are named at the edge with an arrow.
  levels(pen, { end, width, height }, colours, y, low, high) {
    pen.textAlign = "left";
    const place = (price) => Math.min(Math.max(y(price), TOP), height - BOTTOM);
    const shown = this.shown.levels.filter(({ price }) => price > 0).sort((a, b) => b.price - a.price);
    const lowest = height - BOTTOM - LABEL * (shown.length - 1);
    let at = -Infinity;
    shown.forEach((level, index) => {
      const { price, colour, dashed } = level;
      pen.strokeStyle = pen.fillStyle = colour;
      pen.setLineDash(dashed ? [4, 3] : []);
      if (price >= low && price <= high) line(pen, LEFT, y(price), end, y(price));
      pen.setLineDash([]);
      at = Math.max(Math.min(place(price), lowest + index * LABEL), at + LABEL);
      line(pen, end, place(price), end + 6, at);
      const beyond = price > high ? " \u25b2" : price < low ? " \u25bc" : "";
      pen.fillText(named(level, width) + beyond, end + 8, at);
    });
  }
}

const named = ({ name, price }, width) => (width < WIDE
  ? `${name.replace(/major | gamma/g, "")} ${number(price, 0)}` : `${name} ${number(price)}`);

function line(pen, x1, y1, x2, y2) {
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}
