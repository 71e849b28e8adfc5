// Colours of the lines and bars. They are those that GexBot users know; the rest is from the style sheet.

export const BRAND = {
  interestUp: "#4b913b", interestDown: "#811f18", volumeUp: "#7bdc6e", volumeDown: "#e1564f",
  majorUp: "#9dfb51", majorDown: "#9a2015", zeroGamma: "#eab341", convexity: "#c713f0",
  priors: ["#e6b2d7", "#d98cc2", "#cc67ad", "#bd4298", "#973679"], // 1, 5, 10, 15, 30 minutes ago
  calls: "#f0883e", puts: "#a371f7",
};

// Values of the style sheet, read anew for each picture: the theme may have changed.
export function themed() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue(`--${name}`).trim();
  return { text: read("text"), soft: read("soft"), line: read("line"), back: read("box"), spot: read("text"),
    up: read("up"), down: read("down"), calls: read("calls"), convexity: read("convexity"), vanna: read("vanna"),
    majorUp: read("major-up"), majorDown: read("major-down"), zero: read("zero") };
}
