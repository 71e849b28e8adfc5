"use strict";
// Before the page is drawn, so that it does not change its colours after that.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("gexfaker-theme"); } catch { /* a browser may forbid pages to remember anything */ }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    if (!chosen) document.documentElement.dataset.theme = event.matches ? "dark" : "light";
  });
})();
