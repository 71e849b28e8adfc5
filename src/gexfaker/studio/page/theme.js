"use strict";
// Before the page is drawn, so that it does not change its colours after that.
(() => {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try { return localStorage.getItem("gexfaker-theme"); } catch { return null; } // a browser may forbid to remember
  };
  const show = () => { document.documentElement.dataset.theme = chosen() ?? (system.matches ? "dark" : "light"); };
  system.addEventListener("change", show);
  show();
})();
