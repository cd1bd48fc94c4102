// LeNet, with the weights that notebook 09 trained, reads what is drawn, layer by layer. data:
// weights (base64, float32, one array behind the other), shapes [[name, shape], ...], paper and ink
// (what normalized makes of pixels 0 and 1), ramp (colours), first (the picture to begin with),
// digits [{label, misread}, ...] with their pixels in pictures (base64, a byte each), source (of the
// test's digits), misread, of.
"use strict";
window.nptorch = window.nptorch || {};
nptorch.figures = nptorch.figures || {};
{  // a block, so that the names in it are no names of the page

// The net. Maps (n, h, w) lie in one array, row after row.

// The named weights out of one long array.
function weightsOf(data) {
  const all = nptorch.decoded(data.weights, Float32Array), found = {};
  let from = 0;
  for (const [name, shape] of data.shapes) {
    const size = shape.reduce((a, b) => a * b);
    found[name] = all.subarray(from, from += size);
  }
  return found;
}

// A convolution of n maps of side by side, in a margin of zeros, with kernels (m, n, 5, 5); ReLU.
function convolved(maps, n, side, weight, bias, margin) {
  const wide = side + 2 * margin, padded = new Float32Array(n * wide * wide);
  const places = wide - 4, out = new Float32Array(bias.length * places ** 2);
  for (let row = 0; row < n * side; row++) {
    const map = Math.floor(row / side), y = row % side + margin;
    padded.set(maps.subarray(row * side, (row + 1) * side), (map * wide + y) * wide + margin);
  }
  for (let m = 0, at = 0; m < bias.length; m++) {
    for (let y = 0; y < places; y++) {
      for (let x = 0; x < places; x++) {
        let sum = bias[m], w = m * n * 25;
        for (let map = 0; map < n; map++) {
          for (let i = 0; i < 5; i++) {
            const from = (map * wide + y + i) * wide + x;
            for (let j = 0; j < 5; j++) sum += weight[w++] * padded[from + j];
          }
        }
        out[at++] = Math.max(sum, 0);
      }
    }
  }
  return out;
}

// The largest of each two by two numbers, of maps of side by side.
function pooled(maps, side) {
  const half = side / 2, out = new Float32Array(maps.length / 4);
  for (let i = 0; i < out.length; i++) {
    const from = 2 * Math.floor(i / half) * side + 2 * (i % half);
    out[i] = Math.max(maps[from], maps[from + 1], maps[from + side], maps[from + side + 1]);
  }
  return out;
}

function linear(x, weight, bias) {
  return bias.map((start, i) =>
    x.reduce((sum, value, j) => sum + weight[i * x.length + j] * value, start));
}

// What each layer makes of a picture of 28 by 28 numbers, 0 for paper and 1 for ink.
function stagesOf(net, data, picture) {
  const relu = x => x.map(value => Math.max(value, 0));
  const at = i => [net[`layers.${i}.weight`], net[`layers.${i}.bias`]];
  const seen = Float32Array.from(picture, ink => data.paper + ink * (data.ink - data.paper));
  const maps6 = convolved(seen, 1, 28, ...at(0), 2), halved6 = pooled(maps6, 28);
  const maps16 = convolved(halved6, 6, 14, ...at(3), 0), halved16 = pooled(maps16, 10);
  const units120 = relu(linear(halved16, ...at(7))), units84 = relu(linear(units120, ...at(9)));
  const logits = linear(units84, ...at(11)), top = Math.max(...logits);
  const powers = Array.from(logits, logit => Math.exp(logit - top));
  const total = powers.reduce((a, b) => a + b);
  return {picture, maps6, halved6, maps16, halved16, units120, units84, logits,
    probabilities: powers.map(power => power / total)};
}

// A drawing of side by side numbers, made a picture as MNIST's were: its ink is shrunk to fit into
// 20 by 20, each pixel the mean of what lies in it. This box is moved by whole pixels, so that the
// centre of mass comes into pixel 14 of 28, across and down.
function centred(drawing, side) {
  let [x0, y0, x1, y1] = [side, side, -1, -1];
  drawing.forEach((ink, i) => {
    if (ink < 0.05) return;
    const x = i % side, y = Math.floor(i / side);
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  });
  const picture = new Float32Array(784);
  if (x1 < 0) return picture;
  const scale = 20 / Math.max(x1 - x0 + 1, y1 - y0 + 1);
  let [mass, mx, my] = [0, 0, 0];
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const ink = drawing[y * side + x];
      [mass, mx, my] = [mass + ink, mx + ink * (x + 0.5), my + ink * (y + 0.5)];
    }
  }
  const left = Math.round(14.5 - (mx / mass - x0) * scale);
  const top = Math.round(14.5 - (my / mass - y0) * scale);
  const share = (from, cell) => Math.min(from + scale, cell + 1) - Math.max(from, cell);
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const ink = drawing[y * side + x];
      if (!ink) continue;
      const u = left + (x - x0) * scale, v = top + (y - y0) * scale;
      for (let row = Math.floor(v); row < v + scale; row++) {
        for (let column = Math.floor(u); column < u + scale; column++) {
          if (row < 0 || row > 27 || column < 0 || column > 27) continue;
          picture[28 * row + column] += ink * share(u, column) * share(v, row);
        }
      }
    }
  }
  return picture.map(ink => Math.min(ink, 1));
}

// The figure.

nptorch.figures.lenet = function (element, data) {
  const {make, colour} = nptorch, net = weightsOf(data), side = 280;
  const bytes = Float32Array.from(nptorch.decoded(data.pictures, Uint8Array), value => value / 255);
  const percent = share => share > 0.999 ? "> 99.9 %" : `${(100 * share).toFixed(1)} %`;
  let told = null, picture = null;

  // Maps (n, h, w) as squares in rows, each map in its own scale, or all in one.
  function paint(canvas, values, n, columns, grey = false) {
    const w = Math.sqrt(values.length / n), gap = n > 1 && w > 1 ? Math.ceil(w / 10) : 0;
    canvas.width = columns * (w + gap) - gap;
    canvas.height = Math.ceil(n / columns) * (w + gap) - gap;
    const pen = canvas.getContext("2d"), image = pen.createImageData(w, w);
    for (let map = 0; map < n; map++) {
      const part = values.subarray(map * w * w, (map + 1) * w * w);
      const most = grey ? 1 : Math.max(...(w > 1 ? part : values), 1e-9);
      part.forEach((value, i) => image.data.set(grey ? [0, 0, 0, 255 * value]
        : [...colour(data.ramp, value / most), 255], 4 * i));
      pen.putImageData(image, map % columns * (w + gap), Math.floor(map / columns) * (w + gap));
    }
  }

  // The pad. Ink is what is not transparent; the pen can be moved by pointer or by keys.
  const pad = make("canvas", {width: side, height: side, class: "paper"});
  const pen = pad.getContext("2d", {willReadFrequently: true}), tip = make("span", {class: "tip"});
  const help = make("p", {class: "help", id: "pen-and-keys"},
    "Draw with the mouse or a finger. By keyboard: arrow keys move the pen (with Shift, in small "
    + "steps), space puts it down and lifts it.");
  const at = {x: side / 2, y: side / 4, down: false};
  const board = make("div", {class: "board", tabindex: 0, role: "application",
    "aria-label": "Paper to draw a digit on", "aria-describedby": help.id,
    onpointerdown: pressed, onpointermove: moved, onpointerup: lifted, onpointercancel: lifted,
    onblur: () => at.down && lifted(), onkeydown: typed}, pad, tip);

  function stroke(x, y) {
    pen.lineWidth = 22;
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(at.x, at.y);
    pen.lineTo(x + 0.01, y);  // a line of no length would leave no dot
    pen.stroke();
    told = null;
  }

  function moveTo(x, y) {
    x = Math.min(Math.max(x, 0), side);
    y = Math.min(Math.max(y, 0), side);
    if (at.down) stroke(x, y);
    [at.x, at.y] = [x, y];
    tip.style.left = `${100 * x / side}%`;
    tip.style.top = `${100 * y / side}%`;
    tip.classList.toggle("down", at.down);
    if (at.down) look();
  }

  const place = event => {
    const box = pad.getBoundingClientRect(), scale = side / box.width;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  };

  function pressed(event) {
    board.setPointerCapture(event.pointerId);
    at.down = false;
    moveTo(...place(event));
    at.down = true;
    moveTo(at.x, at.y);
  }

  function moved(event) {
    if (event.buttons && at.down) moveTo(...place(event));
  }

  function lifted() {
    at.down = false;
    moveTo(at.x, at.y);
    say();
  }

  function typed(event) {
    const ways = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
    const [dx, dy] = ways[event.key] || [0, 0];
    if (event.key === " ") {
      at.down = !at.down;
      moveTo(at.x, at.y);
      say(at.down ? "The pen is down. " : "The pen is up. ");
    } else if (dx || dy) {
      const far = event.shiftKey ? 4 : 14;
      moveTo(at.x + far * dx, at.y + far * dy);
    } else return;
    event.preventDefault();
  }

  // A picture of 28 by 28 on the pad, as large as the pad.
  function put(pixels) {
    const small = make("canvas");
    paint(small, pixels, 1, 1, true);
    pen.clearRect(0, 0, side, side);
    pen.drawImage(small, 0, 0, side, side);
    at.down = false;
    tip.classList.remove("down");
  }

  // The layers, each a caption and a canvas.
  const rows = [["picture", "What the net is given: 28 × 28 numbers", 1, 1],
    ["maps6", "Convolution, ReLU: 6 maps, 28 × 28. Where each of six kernels finds its strokes", 6, 6],
    ["halved6", "Max pooling: 6 × 14 × 14. The largest of each four", 6, 6],
    ["maps16", "Convolution, ReLU: 16 maps, 10 × 10. Where combinations of strokes are", 16, 8],
    ["halved16", "Max pooling: 16 × 5 × 5, in all 400 numbers", 16, 8],
    ["units120", "Linear, ReLU: 120 units, from all 400", 120, 40],
    ["units84", "Linear, ReLU: 84 units", 84, 42]].map(([name, text, n, columns], i) => {
    const canvas = make("canvas", {class: name === "picture" ? "paper" : "maps", role: "img",
      "aria-label": text});
    return {draw: stages => paint(canvas, stages[name], n, columns, name === "picture"),
      row: make("figure", {class: name, style: `--i: ${i}`}, make("figcaption", {}, text), canvas)};
  });
  const bars = Array.from({length: 10}, (_, digit) => make("li", {}, make("b", {}, String(digit)),
    make("span", {class: "bar"}), make("span", {class: "share"})));
  const answer = make("figure", {style: `--i: ${rows.length}`},
    make("figcaption", {}, "At the end, linear and softmax: ten probabilities"),
    make("ol", {class: "digits"}, ...bars));
  const layers = make("div", {class: "layers"}, ...rows.map(each => each.row));
  // The answer, seen at each move of the pen, and read out at the end of a stroke.
  const said = make("p", {class: "said", style: `--i: ${rows.length}`});
  const readOut = make("p", {class: "unseen", "aria-live": "polite"});
  let stages = null;

  // Read what is on the pad, or the pixels of a given digit just as they are.
  function look(pixels) {
    const ink = pen.getImageData(0, 0, side, side).data.filter((_, i) => i % 4 === 3);
    picture = pixels || centred(Float32Array.from(ink, alpha => alpha / 255), side);
    stages = stagesOf(net, data, picture);
    for (const each of rows) each.draw(stages);
    const best = stages.probabilities.indexOf(Math.max(...stages.probabilities));
    bars.forEach((bar, digit) => {
      const share = stages.probabilities[digit];
      bar.style.setProperty("--share", share);
      bar.lastChild.textContent = percent(share);
      bar.classList.toggle("best", digit === best);
    });
    const share = percent(stages.probabilities[best]);
    said.textContent = (picture.some(ink => ink)
      ? `LeNet reads ${best === 8 ? "an" : "a"} ${best} (${share}).`
      : `An empty page: the net says ${best}, but gives it ${share} only.`)
      + (told === null ? "" : ` The label says ${told}.`);
  }

  function say(before = "") {
    readOut.textContent = before + said.textContent;
  }

  function show(pixels, label) {
    put(pixels);
    told = label;
    look(pixels);
    say();
  }

  function clear() {
    show(new Float32Array(784), null);
    moveTo(side / 2, side / 4);
  }

  function slowly(pace) {
    element.classList.remove("reading");
    void element.offsetWidth;  // or the browser would not begin anew
    element.style.setProperty("--pace", `${pace}s`);
    element.classList.add("reading");
  }

  const samples = data.digits.map(({label, misread}, i) => {
    const canvas = make("canvas", {class: "paper"});
    const pixels = bytes.subarray(784 * i, 784 * (i + 1));
    paint(canvas, pixels, 1, 1, true);
    return make("button", {type: "button", class: misread ? "misread" : "",
      "aria-label": `test digit ${i + 1}, a ${label}${misread ? ", which the net misreads" : ""}`,
      onclick: () => { show(pixels, label); slowly(0.15); }}, canvas);
  });
  const dashes = data.digits.some(each => each.misread) ? ", such as those in dashes" : "";
  element.append(
    make("div", {class: "beside"},
      make("div", {}, board, nptorch.controls("The drawing",
        nptorch.button("Clear", clear),
        nptorch.button("Read it slowly", () => slowly(1)))),
      make("div", {class: "asked"}, said, readOut, answer)),
    help,
    make("p", {class: "help"}, `Or take one of the ${data.of.toLocaleString("en")} test digits of `
      + `${data.source}. This net misreads ${data.misread.toLocaleString("en")} of them${dashes}.`),
    make("div", {class: "samples", role: "group", "aria-label": "Digits of the test"}, ...samples),
    layers);
  show(Float32Array.from(nptorch.decoded(data.first, Uint8Array), value => value / 255), null);
};

Object.assign(nptorch.figures.lenet, {weights: weightsOf, stages: stagesOf, centred});
}
