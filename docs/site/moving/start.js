// Starts the figures that move: each <div class="moving" data-figure="NAME"><img ...></div> of a
// page is handed to nptorch.figures.NAME(element, nptorch.data.NAME). Where scripts don't run, where
// the numbers are missing and where a figure fails, the picture stays.
"use strict";
window.nptorch = window.nptorch || {};
nptorch.figures = nptorch.figures || {};
nptorch.data = nptorch.data || {};

// An element: its tag ("svg:path" for one of SVG), its attributes, what stands in it. Attributes
// that begin with "on" are listeners.
nptorch.make = function (tag, attributes = {}, ...children) {
  const [kind, name] = tag.startsWith("svg:") ? ["http://www.w3.org/2000/svg", tag.slice(4)]
    : ["http://www.w3.org/1999/xhtml", tag];
  const element = document.createElementNS(kind, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children);
  return element;
};

nptorch.button = (text, act) => nptorch.make("button", {type: "button", onclick: act}, text);

nptorch.controls = (label, ...buttons) =>
  nptorch.make("div", {class: "controls", role: "group", "aria-label": label}, ...buttons);

// A button that plays: begin() at once, then tick() again and again until that returns false.
nptorch.player = function (begin, tick, pace) {
  const button = nptorch.button("Play", () => {
    if (button.timer) return button.stop();
    begin();
    button.textContent = "Pause";
    button.timer = setInterval(() => tick() || button.stop(), pace());
  });
  button.stop = () => {
    clearInterval(button.timer);
    button.timer = null;
    button.textContent = "Play";
  };
  return button;
};

// May things move by themselves? Asked anew each time, for the reader may change their mind.
nptorch.still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// The bytes of a text in base64, as numbers of a kind: Float32Array, say.
nptorch.decoded = (text, Kind) =>
  new Kind(Uint8Array.from(atob(text), letter => letter.charCodeAt(0)).buffer);

// The colour, [red, green, blue], at a share from 0 to 1 of a ramp of such colours.
nptorch.colour = function (ramp, share) {
  const place = Math.min(Math.max(share, 0), 1) * (ramp.length - 1);
  const i = Math.min(Math.floor(place), ramp.length - 2);
  return ramp[i].map((value, k) => Math.round(value + (place - i) * (ramp[i + 1][k] - value)));
};

nptorch.start = function () {
  for (const element of document.querySelectorAll(".moving[data-figure]:not([data-started])")) {
    const name = element.dataset.figure;
    if (!nptorch.figures[name] || !nptorch.data[name]) continue;
    element.dataset.started = "";
    const stage = nptorch.make("div", {class: "stage"});
    element.append(stage);
    try {
      nptorch.figures[name](stage, nptorch.data[name]);
      for (const picture of element.querySelectorAll(":scope > img")) {
        picture.classList.add("still");
      }
    } catch (error) {
      stage.remove();
      console.error(error);
    }
  }
};

if (typeof document !== "undefined") {
  addEventListener("DOMContentLoaded", nptorch.start);
  addEventListener("load", nptorch.start);
  if (document.readyState === "complete") nptorch.start();
}
