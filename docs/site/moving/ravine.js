// Momentum on the ravine of notebook 05: a path for any learning rate and momentum, its loss, and
// its place on the map of all pairs. data: curvatures, start, ramp (colours from the best rate to 1),
// best, limit and top (the map's ends), steps, presets [{name, lr, momentum}], rings (pairs whose
// rate was measured: [{lr, momentum, rate}]).
"use strict";
window.nptorch = window.nptorch || {};
nptorch.figures = nptorch.figures || {};
{  // a block, so that the names in it are no names of the page

// The points that SGD visits, steps + 1 of them: v = momentum · v - lr · gradient, then p = p + v.
function descentOf(lr, momentum, curvatures, start, steps) {
  let p = [...start], v = p.map(() => 0);
  const path = [p];
  for (let n = 0; n < steps; n++) {
    v = v.map((speed, i) => momentum * speed - lr * (curvatures[i] * p[i]));
    p = p.map((x, i) => x + v[i]);
    path.push(p);
  }
  return path;
}

// What a step leaves of the distance in the long run: the largest eigenvalue, on the slowest axis.
function rateOf(lr, momentum, curvatures) {
  return Math.max(...curvatures.map(curvature => {
    const middle = (1 + momentum - lr * curvature) / 2, inside = middle * middle - momentum;
    return inside < 0 ? Math.sqrt(momentum) : Math.abs(middle) + Math.sqrt(inside);
  }));
}

nptorch.figures.ravine = function (element, data) {
  const {make, colour} = nptorch, {curvatures, limit, top} = data;
  const steep = Math.max(...curvatures);
  const rate = (lr, momentum) => rateOf(lr, momentum, curvatures);
  const loss = p => p.reduce((sum, x, i) => sum + curvatures[i] * x * x / 2, 0);
  const short = x => (Math.abs(x) >= 1e4 || (x && Math.abs(x) < 1e-3)
    ? x.toExponential(1).replace("e+", "e") : String(+x.toPrecision(3))).replaceAll("-", "−");
  let path = [];

  const slider = (label, max, step, value) => {
    const number = make("output", {});
    const oninput = () => {
      if (label !== "steps shown") nsteps.input.value = data.steps;
      play.stop();
      show();
    };
    const look = {type: "range", "aria-label": label, min: 0, max, step, value};
    const input = make("input", {...look, oninput});
    return {input, number, row: make("label", {}, make("span", {}, label), input, number)};
  };
  const lr = slider("learning rate", limit, 0.0005, data.presets[0].lr);
  const momentum = slider("momentum", top, 0.0005, data.presets[0].momentum);
  const nsteps = slider("steps shown", data.steps, 1, data.steps);

  // The ravine from above. Its level lines are ellipses; y points upwards.
  const view = make("svg:svg", {viewBox: "-10.5 -3.5 20 7", class: "valley", role: "img"});
  for (let k = 1; k <= 8; k++) {
    const [rx, ry] = curvatures.map(curvature => 2 * k * Math.sqrt(2 / curvature));  // loss (2k)²
    view.append(make("svg:ellipse", {rx, ry, class: "level"}));
  }
  const line = make("svg:polyline", {class: "path"}), dots = make("svg:g", {class: "dots"});
  const ball = make("svg:circle", {r: 0.22, class: "ball"});
  view.append(make("svg:path", {d: "M-.4 0H.4M0-.4V.4", class: "goal"}), line, dots,
    make("svg:circle", {cx: data.start[0], cy: -data.start[1], r: 0.22, class: "ring"}), ball);

  // The map: colours on a canvas, and over it the axes, the edge and the places.
  const left = 46, right = 386, high = 8, low = 252;
  const across = x => left + x / limit * (right - left), up = m => low - m * (low - high);
  const canvas = make("canvas", {width: 176, height: 122, "aria-hidden": "true"});
  const map = make("svg:svg", {viewBox: "0 0 400 290", role: "img", onpointerdown: picked,
    onpointermove: event => event.buttons && picked(event)});
  const write = (x, y, text, look = "") => make("svg:text", {x, y, class: look}, text);
  for (let i = 0; i * 0.02 < limit; i++) {
    map.append(write(across(i * 0.02), low + 16, (i * 0.02).toFixed(2), "mid"));
  }
  for (const m of [0, 0.2, 0.4, 0.6, 0.8, 1]) map.append(write(left - 6, up(m) + 4, m, "end"));
  map.append(write((left + right) / 2, 286, "learning rate", "mid"),
    make("svg:text", {transform: `translate(11 ${(low + high) / 2}) rotate(-90)`, class: "mid"},
      "momentum"),
    make("svg:path", {class: "frame", d: `M${left} ${high}V${low}H${right}`}),
    make("svg:path", {class: "edge",
      d: `M${across(2 / steep)} ${up(0)}L${across(4 / steep)} ${up(1)}`}),
    write(across(0.0222), up(0.15), "the flat axis creeps", "on mid"),
    write(across(0.03), up(0.86), "both axes swing", "on mid"),
    write(across(0.0515), up(0.22), "← the steep axis jumps"),
    write(across(0.066), up(0.42), "diverges"));
  const css = r => `rgb(${colour(data.ramp, (r - data.best) / (1 - data.best))})`;
  for (const ring of data.rings) {
    map.append(make("svg:circle", {cx: across(ring.lr), cy: up(ring.momentum), r: 5,
      fill: css(ring.rate), class: "measured"}));
  }
  const here = make("svg:circle", {r: 6.5, class: "here"});
  map.append(here);

  // The loss at each step, on a logarithmic axis; y counts powers of ten.
  const [most, least] = [6, -10], curve = make("svg:polyline", {class: "path"});
  const now = make("svg:circle", {r: 4, class: "ball"}), [w, h] = [right - left, low - high];
  const level = value => high + (most - Math.max(Math.log10(value), -400)) * h / (most - least);
  const after = n => left + n / data.steps * w;
  const losses = make("svg:svg", {viewBox: "0 0 400 290", role: "img"});
  for (let power = most; power >= least; power -= 4) {
    losses.append(write(left - 6, level(10 ** power) + 4, `1e${power}`.replace("-", "−"), "end"),
      make("svg:path", {class: "level", d: `M${left} ${level(10 ** power)}h${w}`}));
  }
  for (let n = 0; n <= data.steps; n += 20) losses.append(write(after(n), low + 16, n, "mid"));
  losses.append(write(left + w / 2, 286, "step", "mid"), make("svg:svg",
    {x: left, y: high, width: w, height: h, viewBox: `${left} ${high} ${w} ${h}`}, curve, now));

  const said = make("p", {class: "said", "aria-live": "polite"});
  const presets = data.presets.map(each =>
    nptorch.button(each.name, () => set(each.lr, each.momentum)));
  const play = nptorch.player(() => {
    if (+nsteps.input.value === data.steps) nsteps.input.value = 0;
  }, () => {
    nsteps.input.value = +nsteps.input.value + 1;
    if (+nsteps.input.value === data.steps) play.stop();
    show();
    return play.timer;
  }, () => nptorch.still() ? 400 : 90);

  function set(rate, share) {
    lr.input.value = rate;
    momentum.input.value = share;
    nsteps.input.value = data.steps;
    play.stop();
    show();
  }

  function picked(event) {
    const box = map.getBoundingClientRect(), scale = 400 / box.width;
    set(((event.clientX - box.left) * scale - left) / (right - left) * limit,
      (low - (event.clientY - box.top) * scale) / (low - high));
  }

  function show() {
    const [x, m, n] = [lr, momentum, nsteps].map(each => +each.input.value), r = rate(x, m);
    path = descentOf(x, m, curvatures, data.start, n);
    const end = path[n], value = loss(end);
    const inside = p => Math.abs(p[0] + 0.5) < 10 && Math.abs(p[1]) < 3.5;
    // A path that leaves the picture for good is drawn until it is a hundred away.
    const away = path.findIndex(p => Math.hypot(...p) > 100);
    const drawn = away < 0 ? path : path.slice(0, away + 1), shown = drawn[drawn.length - 1];
    line.setAttribute("points", drawn.map(([a, b]) => `${a},${-b}`).join(" "));
    dots.replaceChildren(...drawn.filter(inside).map(([a, b]) =>
      make("svg:circle", {cx: a, cy: -b, r: 0.1})));
    ball.setAttribute("cx", shown[0]);
    ball.setAttribute("cy", -shown[1]);
    here.setAttribute("cx", across(x));
    here.setAttribute("cy", up(m));
    curve.setAttribute("points", path.map((p, i) => `${after(i)},${level(loss(p))}`).join(" "));
    now.setAttribute("cx", after(n));
    now.setAttribute("cy", level(value));
    lr.number.textContent = x.toFixed(4);
    momentum.number.textContent = m.toFixed(4);
    nsteps.number.textContent = n;
    const fate = r > 1 ? "It diverges: in the long run each step multiplies the distance by"
      : r === 1 ? "It neither comes nearer nor goes away: each step leaves all of the distance,"
        : "In the long run each step leaves this share of the distance:";
    if (!play.timer) {
      said.textContent = `${fate} ${r.toFixed(3)}. After ${n} steps the loss is ${short(value)}`
        + (inside(end) ? "."
          : `, and the ball is off the picture, ${short(Math.hypot(...end))} from the goal.`);
    }
    view.setAttribute("aria-label", `The path of ${n} steps from the left end of the valley.`);
    map.setAttribute("aria-label", `The place on the map: rate ${r.toFixed(3)}.`);
    losses.setAttribute("aria-label", `The loss, from ${short(loss(path[0]))} to ${short(value)}.`);
  }

  const pen = canvas.getContext("2d"), image = pen.createImageData(canvas.width, canvas.height);
  for (let i = 0; i < canvas.height; i++) {
    for (let j = 0; j < canvas.width; j++) {
      const r = rate((j + 0.5) / canvas.width * limit, 1 - (i + 0.5) / canvas.height);
      const pixel = [...colour(data.ramp, (r - data.best) / (1 - data.best)), r < 1 ? 255 : 0];
      image.data.set(pixel, 4 * (i * canvas.width + j));
    }
  }
  pen.putImageData(image, 0, 0);
  const bar = make("div", {class: "ramp",
    style: `background: linear-gradient(90deg, ${data.ramp.map(each => `rgb(${each})`)})`});
  element.append(
    make("div", {class: "sliders", role: "group", "aria-label": "Learning rate and momentum"},
      lr.row, momentum.row, nsteps.row),
    nptorch.controls("Play, and pairs to try", play, ...presets), said, view,
    make("div", {class: "beside"},
      make("figure", {}, make("figcaption", {}, "The map: darker is faster. Click to try a place."),
        make("div", {class: "map"}, canvas, map),
        make("div", {class: "legend"}, `rate ${data.best}`, bar, "1 (the edge)")),
      make("figure", {}, make("figcaption", {}, "The loss at each step, logarithmic"), losses)));
  show();
};

nptorch.figures.ravine.path = descentOf;
nptorch.figures.ravine.rate = rateOf;
}
