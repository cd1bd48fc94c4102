// The walk back through L = c * d, edge by edge, as notebook 01 shows it in four frames. data:
// values {name: number}, made {name: "c + a"}, given (what L begins with), steps in the order of
// the walk ({from, to, given, slope, arriving}), and grads {leaf: number} as backward left them.
"use strict";
window.nptorch = window.nptorch || {};
nptorch.figures = nptorch.figures || {};
{  // a block, so that the names in it are no names of the page

// What holds after k frames of the walk: which parts of its gradient each node has received, which
// edge was walked last, who waits, and a sentence about it.
function stateOfWalk(data, k) {
  const done = data.steps.slice(0, Math.max(k - 1, 0)), now = k > 1 ? done[k - 2] : null;
  const root = data.steps[0].from, parts = {}, waits = [];
  for (const name of Object.keys(data.values)) parts[name] = k && name === root ? [data.given] : [];
  for (const step of done) parts[step.to].push(step.arriving);
  const next = data.steps[k - 1];
  for (const name of Object.keys(data.made)) {
    const open = !done.some(step => step.from === name);
    if (parts[name].length && open && !(k < 2 && name === root)) waits.push(name);
  }
  return {done, now, parts, waits, next, said: saidOfWalk(data, k, now, parts, waits, next)};
}

function saidOfWalk(data, k, now, parts, waits, next) {
  const sum = name => parts[name].length > 1
    ? `${parts[name].join(" + ")} = ${parts[name].reduce((a, b) => a + b)}` : `${parts[name]}`;
  if (k === 0) return "Forwards: the values. Each node keeps what it was made from, with the slopes.";
  if (!now) return `The walk begins at ${next.from}, the youngest, with ${data.given}: `
    + `the derivative of ${next.from} by itself.`;
  let said = `${now.from} hands ${now.given} · ${now.slope} = ${now.arriving} to ${now.to}.`;
  if (parts[now.to].length > 1) said += ` There it adds up: ${sum(now.to)}.`;
  if (!next) return said + " Done: " + Object.entries(data.grads)
    .map(([name, grad]) => `the derivative by ${name} is ${grad}`).join(", ") + ".";
  if (next.from === now.from) return said;
  const older = waits.filter(name => name !== next.from);
  return said + ` Next is ${next.from}, the youngest that waits`
    + (older.length ? `; ${older.join(", ")} must wait for it.` : ".");
}

nptorch.figures.walk = function (element, data) {
  const make = nptorch.make, last = data.steps.length + 1;
  const place = {L: [214, 34], d: [86, 126], c: [214, 218], a: [72, 320], b: [226, 320]};
  const width = 136, height = 48;
  let frame = 0;

  // The drawing: the edges first, so that boxes cover their ends.
  const drawing = make("svg:svg", {viewBox: "0 0 300 354", role: "img", class: "graph"});
  const edges = new Map(data.steps.map(step => {
    const [x, y] = place[step.from], [u, v] = place[step.to];
    // The arrow's tip touches the box: the way there ends a little before the middle of the box.
    const far = Math.hypot(u - x, v - y), [p, q] = [(u - x) / far, (v - y) / far];
    const inBox = Math.min((width / 2 + 2) / Math.abs(p), (height / 2 + 2) / Math.abs(q));
    const [tx, ty] = [u - p * inBox, v - q * inBox], [bx, by] = [tx - 10 * p, ty - 10 * q];
    const line = make("svg:g", {class: "edge"}, make("svg:path", {d: `M${x} ${y}L${bx} ${by}`}),
      make("svg:path", {d: `M${tx} ${ty}L${bx - 5 * q} ${by + 5 * p}L${bx + 5 * q} ${by - 5 * p}Z`}));
    const label = make("svg:g",
      {class: "flow", transform: `translate(${(x + u) / 2} ${(y + v) / 2})`},
      make("svg:circle", {r: 15}), make("svg:text", {y: 5}, String(step.arriving)));
    drawing.append(line);
    return [step, {line, label, way: [(x - u) / 2, (y - v) / 2]}];
  }));
  const boxes = {};
  for (const [name, [x, y]] of Object.entries(place)) {
    const box = make("svg:rect", {x: x - width / 2, y: y - height / 2, width, height, rx: 5});
    const made = data.made[name] ? ` = ${data.made[name]}` : "";
    const value = make("svg:text", {x, y: y - 5}, `${name}${made} = ${data.values[name]}`);
    const grad = make("svg:text", {x, y: y + 16, class: "grad"});
    const side = x < 150 ? 1 : -1;
    const wait = make("svg:text", {x: x + side * (width / 2 + 24), y: y + 5, class: "wait"}, "waits");
    const group = make("svg:g", {class: "node"}, box, value, grad, wait);
    boxes[name] = {group, grad};
    drawing.append(group);
  }
  for (const {label} of edges.values()) drawing.append(label);

  const said = make("p", {class: "said", "aria-live": "polite"});
  const list = make("ol", {class: "steps"}, ...data.steps.map(step => make("li", {},
    `${step.from} → ${step.to}: ${step.given} · ${step.slope} = ${step.arriving}`)));
  const go = to => {
    play.stop();
    show(Math.min(Math.max(to, 0), last));
  };
  const start = nptorch.button("From the start", () => go(0));
  const back = nptorch.button("Back", () => go(frame - 1));
  const on = nptorch.button("Step", () => go(frame + 1));
  const play = nptorch.player(() => show(frame === last ? 0 : frame + 1), () => {
    if (frame < last) show(frame + 1);
    return frame < last;
  }, () => 1800);

  function show(k) {
    const forwards = k === frame + 1, {done, now, parts, waits, said: text} = stateOfWalk(data, k);
    frame = k;
    for (const [name, {group, grad}] of Object.entries(boxes)) {
      const total = parts[name].reduce((a, b) => a + b, 0);
      const sum = parts[name].join(" + ") + (parts[name].length > 1 ? ` = ${total}` : "");
      grad.textContent = `grad ${sum || "–"}`;
      group.classList.toggle("now", Boolean(now && now.from === name) || (k === 1 && total > 0));
      group.classList.toggle("adds", Boolean(now && now.to === name && parts[name].length > 1));
      group.classList.toggle("waits", waits.includes(name));
    }
    for (const [step, {line, label, way}] of edges) {
      line.classList.toggle("walked", done.includes(step));
      line.classList.toggle("now", step === now);
      label.classList.toggle("gone", step !== now);
      if (step === now && forwards && !nptorch.still()) {
        const [x, y] = label.getAttribute("transform").match(/[\d.]+/g).map(Number);
        label.animate([{transform: `translate(${x + way[0] * 0.9}px, ${y + way[1] * 0.9}px)`},
          {transform: `translate(${x}px, ${y}px)`}], {duration: 500, easing: "ease-out"});
      }
    }
    [...list.children].forEach((item, i) => {
      item.classList.toggle("ahead", i > k - 2);
      item.classList.toggle("now", i === k - 2);
    });
    said.textContent = text;
    drawing.setAttribute("aria-label", `A graph of five nodes. Step ${k} of ${last}. ${text}`);
    // Not disabled: a disabled button would lose the keyboard's focus.
    for (const each of [start, back]) each.setAttribute("aria-disabled", k === 0);
    on.setAttribute("aria-disabled", k === last);
  }

  element.append(
    nptorch.controls("The walk back, edge by edge", start, back, on, play), said,
    make("div", {class: "beside"}, drawing, list));
  show(0);
};

nptorch.figures.walk.state = stateOfWalk;
}
