// Before anything is drawn: what scripts add is wanted, and which of the two themes the reader chose.
"use strict";
window.nptorch = {figures: {}, data: {}};
document.documentElement.classList.add("scripts");
try {
  const chosen = localStorage.getItem("nptorch-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch { /* a browser may forbid to remember */ }
