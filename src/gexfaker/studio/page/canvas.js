// A canvas that is as sharp as the screen and drawn anew when its size or the theme changes.

export class Picture {
  constructor(canvas, draw) {
    this.canvas = canvas;
    this.draw = draw;
    this.observer = new ResizeObserver(() => this.again());
    this.observer.observe(canvas.parentElement);
  }

  again() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const scale = devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(height * scale);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    pen.font = "11px system-ui, sans-serif";
    this.draw(pen, width, height);
  }

  close() { this.observer.disconnect(); }
}

// Round steps for an axis: about so many between two ends.
export function steps(low, high, count) {
  const raw = (high - low) / Math.max(count, 1);
  if (!(raw > 0)) return [];
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * size).find((one) => one >= raw);
  const made = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) made.push(Number(at.toPrecision(12)));
  return made;
}
