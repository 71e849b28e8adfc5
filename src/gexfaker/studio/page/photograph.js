// A panel as a picture in a file: its charts below each other, its title, and that it is not the real service.

import { address } from "./address.js";
import { button, byId, h } from "./dom.js";
import { themed } from "./colours.js";

const MARGIN = 12, LINE = 20;

export const photographs = (panel, title) => button("Save picture", () => save(panel, title), {
  class: "small picture-of", title: "This panel as a PNG file" });

function save(panel, title) {
  draw([...panel.querySelectorAll("canvas")], title).toBlob((blob) => {
    const link = h("a", { href: URL.createObjectURL(blob), download: name(title) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  });
}

const name = (title) => `${address.ticker}-${title}-${byId("mark").textContent}.png`.replace(/[^A-Za-z0-9.-]+/g, "-").toLowerCase();

export function draw(charts, title) {
  const colours = themed(), scale = devicePixelRatio || 1;
  const picture = h("canvas"), pen = picture.getContext("2d");
  const width = Math.max(...charts.map((chart) => chart.width), 1), gap = MARGIN * scale, text = LINE * scale;
  picture.width = width + 2 * gap;
  picture.height = charts.reduce((sum, chart) => sum + chart.height, 0) + 2 * text + 2 * gap;
  pen.fillStyle = colours.back;
  pen.fillRect(0, 0, picture.width, picture.height);
  pen.fillStyle = colours.text;
  pen.font = `${14 * scale}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  pen.fillText(`${address.ticker}: ${title}`, gap, gap + text / 2);
  let at = gap + text;
  for (const chart of charts) { pen.drawImage(chart, gap, at); at += chart.height; }
  pen.fillStyle = colours.soft;
  pen.fillText(`gexfaker · ${byId("mark").textContent}`, gap, at + text / 2);
  return picture;
}
