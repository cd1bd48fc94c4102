"""The figures that move compute what nptorch computes: their scripts run under node, and in
Chromium where Playwright is installed."""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import nptorch
from nptorch import Tensor, nn, optim
from nptorch.models import LeNet
from nptorch.utils.data import TensorDataset

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs/site/moving"
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")
sys.path.insert(0, str(FOLDER))
make = pytest.importorskip("make", reason="needs the site's sources")
needs_node = pytest.mark.skipif(NODE is None, reason="needs node, to run the scripts")


def run(figure, program, data):
    """What a program of JavaScript returns, with the script of figure loaded; data is its `data`,
    and f the figure."""
    loaded = f"""
        globalThis.window = globalThis;
        for (const name of ["start", "{figure}"]) require("{FOLDER.as_posix()}/" + name + ".js");
        const data = JSON.parse(require("fs").readFileSync(0)), f = nptorch.figures.{figure};
        console.log(JSON.stringify((() => {{ {program} }})()));"""
    done = subprocess.run([NODE, "-e", loaded], input=json.dumps(data), capture_output=True,
                          text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_place_holds_a_picture():
    places = json.loads((FOLDER / "places.json").read_text(encoding="utf-8"))
    for notebook, cells in places.items():
        content = json.loads((ROOT / "notebooks" / notebook).read_text(encoding="utf-8"))
        outputs = {cell["id"]: cell.get("outputs", []) for cell in content["cells"]}
        for cell in cells:
            assert any("image/png" in output.get("data", {}) for output in outputs[cell])
    figures = [figure for cells in places.values() for figure in cells.values()]
    assert sorted(figures) == sorted(make.FIGURES)


# The walk back


@pytest.fixture(scope="module")
def walk():
    return make.walk()


def test_walk_goes_as_the_walk_of_the_notebook(walk):
    of = make.defined("01_tensor.ipynb", "t01-c01", "t01-c02", "t01-c03", "t01-c06", "t01-c07",
                      "t01-c08", print=make.Silent().show, go_back=make.Silent().show)
    a, b = of["Num"](3), of["Num"](2)
    c = a * b
    d = c + a
    L = c * d
    names = {node: name for name, node in dict(a=a, b=b, c=c, d=d, L=L).items()}
    visits = of["walk_back"](L, of["youngest"])
    found = [(step["from"], step["to"], step["arriving"]) for step in walk["steps"]]
    assert found == [(names[node], names[x], part) for node, parts in visits for x, part in parts]
    assert walk["grads"] == {"a": a.grad, "b": b.grad}
    assert walk["values"] == {name: node.value for node, name in names.items()}


@needs_node
def test_walk_adds_up_at_each_node(walk):
    states = run("walk", "return Array.from({length: data.steps.length + 2}, "
                         "(_, k) => f.state(data, k))", walk)
    for state, step in zip(states[1:], walk["steps"]):
        assert sum(state["parts"][step["from"]]) == step["given"]
        assert step["given"] * step["slope"] == step["arriving"]
    assert {leaf: sum(states[-1]["parts"][leaf]) for leaf in walk["grads"]} == walk["grads"]
    assert states[4]["waits"] == ["c"] and "9 + 6 = 15" in states[4]["said"]
    assert [sorted(state["waits"]) for state in states] == [
        [], [], ["c"], ["c", "d"], ["c"], ["c"], [], []]
    for leaf, grad in walk["grads"].items():
        assert f"by {leaf} is {grad:g}" in states[-1]["said"]


# Momentum on the ravine


@pytest.fixture(scope="module")
def ravine():
    return make.ravine()


def descent(data, lr, momentum, steps=100):
    """The points that nptorch's SGD visits in the ravine of data."""
    curvatures, p = np.array(data["curvatures"]), Tensor(np.array(data["start"], float), True)
    optimizer, path = optim.SGD([p], lr, momentum), [p.data.copy()]
    for _ in range(steps):
        optimizer.zero_grad()
        (0.5 * (curvatures * p * p).sum()).backward()
        optimizer.step()
        path.append(p.data.copy())
    return np.array(path)


@needs_node
def test_ravine_takes_the_path_of_sgd(ravine):
    rng = np.random.default_rng(0)
    pairs = [(each["lr"], each["momentum"]) for each in ravine["presets"]]
    pairs += zip(rng.uniform(0, ravine["limit"], 30), rng.uniform(0, 0.999, 30))
    paths = run("ravine", "return data.pairs.map(([lr, momentum]) => "
                          "f.path(lr, momentum, data.curvatures, data.start, 100))",
                ravine | {"pairs": pairs})
    for pair, path in zip(pairs, paths):
        expected = descent(ravine, *pair)
        scale = np.maximum(1, np.abs(expected).max())  # some of them go as far as 1e30
        assert np.abs(np.array(path) - expected).max() < 1e-9 * scale


@needs_node
def test_ravine_has_the_rates_of_the_notebook(ravine):
    lr, momentum = np.meshgrid(np.linspace(0, ravine["limit"], 42), np.linspace(0, 0.999, 40))
    rates = run("ravine", "return data.pairs.map(([lr, momentum]) => "
                          "f.rate(lr, momentum, data.curvatures))",
                ravine | {"pairs": np.stack([lr.ravel(), momentum.ravel()], 1).tolist()})
    expected = make.defined("05_optimizer.ipynb", "t05-43", np=np)["rate"](lr, momentum)
    assert np.abs(np.reshape(rates, lr.shape) - expected).max() < 1e-9
    edge = 2 * (1 + momentum) / max(ravine["curvatures"])  # on the right of it all diverges
    clear = (abs(lr - edge) > 1e-6) & (lr > 0)
    assert np.array_equal((np.reshape(rates, lr.shape) < 1)[clear], (lr < edge)[clear])


# LeNet


@pytest.fixture(scope="module")
def digits():
    """A thousand images and more of MNIST's test or, without it, of enlarged small digits."""
    with contextlib.redirect_stdout(None):
        train, test = make.mnist_or_digits()
    images, labels = (np.concatenate([part.tensors[i].data[:2000] for part in (test, train)])
                      for i in (0, 1))
    return TensorDataset(Tensor(images[:2000]), Tensor(labels[:2000]))


@pytest.fixture(scope="module")
def model(digits):
    """LeNet with the weights of notebook 09, or after a short training where it has not run."""
    if make.WEIGHTS.exists():
        return make.trained()
    nptorch.manual_seed(0)
    model, loss = LeNet(), nn.CrossEntropyLoss()
    optimizer, (x, y) = optim.SGD(model.parameters(), 0.03, 0.9), digits.tensors
    for i in range(0, 6000, 100):
        optimizer.zero_grad()
        loss(model(x[i % 2000:i % 2000 + 100]), y[i % 2000:i % 2000 + 100]).backward()
        optimizer.step()
    return model


def test_weights_of_other_digits_are_trained_anew(model, digits, monkeypatch):
    """A `make` without MNIST leaves such weights for the next that has it."""
    asked = []

    def trained(anew):
        asked.append(anew)
        return model if anew else LeNet()

    monkeypatch.setattr(make, "trained", trained)
    assert make.lenet(test=digits) == make.lenet(model, digits) and asked == [False, True]


@pytest.fixture(scope="module")
def lenet(model, digits):
    return make.lenet(model, digits)


def stages(lenet, pictures, program):
    """What a program of JavaScript returns; it has net, and pictures as arrays of float32."""
    return run("lenet", f"""
        const net = f.weights(data), given = nptorch.decoded(data.given, Float32Array);
        const pictures = Array.from({{length: given.length / data.size}},
          (_, i) => given.subarray(i * data.size, (i + 1) * data.size));
        {program}""", lenet | {"given": make.text(pictures), "size": pictures[0].size})


@needs_node
def test_lenet_answers_as_nptorch_does(lenet, model, digits):
    images = digits.tensors[0].data[:1000]
    logits = stages(lenet, images, "return pictures.map(picture => "
                                   "Array.from(f.stages(net, data, picture).logits))")
    expected = make.logits_of(model, images)
    assert np.abs(np.array(logits) - expected).max() < 1e-4
    assert np.array_equal(np.argmax(logits, axis=1), expected.argmax(axis=1))
    assert len(np.unique(expected.argmax(axis=1))) == 10  # it says something of each digit


@needs_node
def test_lenet_shows_the_layers_of_nptorch(lenet, model, digits):
    image = digits.tensors[0].data[:1]
    found = stages(lenet, image, """const {logits, ...all} = f.stages(net, data, pictures[0]);
        return Object.values(all).slice(1).map(each => Array.from(each))""")
    h, expected = model.normalized(Tensor(image)), []
    for layer in model.layers:
        h = layer(h)
        expected.append(h.data.ravel())
    expected = [expected[i] for i in (1, 2, 4, 5, 8, 10)] + [h.softmax(dim=1).data.ravel()]
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected):
        assert np.abs(ours - theirs).max() < 1e-4


@needs_node
def test_drawing_becomes_a_picture_like_those_of_mnist(lenet, digits):
    images, places = digits.tensors[0].data[:20, 0], np.random.default_rng(0)
    drawn = np.zeros((20, 280, 280), np.float32)
    for large, image in zip(drawn, images):  # seven times as large, anywhere
        y, x = places.integers(0, 84, 2)
        large[y:y + 196, x:x + 196] = np.kron(image, np.ones((7, 7)))
    found = stages(lenet, drawn, "return pictures.map(each => Array.from(f.centred(each, 280)))")
    found = np.reshape(found, images.shape)
    grid = np.arange(28)
    for picture in found:
        rows, columns = np.nonzero(picture > 0.01)
        assert max(np.ptp(rows), np.ptp(columns)) == 19  # from the first to the 20th
        mass = picture.sum()
        assert abs(picture.sum(1) @ grid / mass - 14) < 0.51
        assert abs(picture.sum(0) @ grid / mass - 14) < 0.51
    if lenet["source"] == "MNIST":  # these were made so, and come back
        assert np.abs(found - images).max() < 1e-5
    [empty] = stages(lenet, drawn[:1] * 0, "return [Array.from(f.centred(pictures[0], 280))]")
    assert not np.any(empty)


# On a page


@pytest.fixture(scope="module")
def site(tmp_path_factory, walk, ravine, lenet):
    """A folder with the scripts, their numbers and a page for each figure."""
    folder = tmp_path_factory.mktemp("moving")
    for file in (*FOLDER.glob("*.js"), FOLDER / "moving.css"):
        shutil.copy(file, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, data in dict(walk=walk, ravine=ravine, lenet=lenet).items():
            patch.setitem(make.FIGURES, name, lambda data=data: data)
        make.write(folder)
    picture = '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=" alt="still">'
    for name in make.FIGURES:
        scripts = [f'<script src="{each}.js"></script>' for each in ("start", name, f"{name}.data")]
        page = ('<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>A figure</title>'
                '<link rel="stylesheet" href="moving.css"><main>'
                f'<div class="moving" data-figure="{name}">{picture}</div></main>')
        (folder / f"{name}.html").write_text(page + "".join(scripts), encoding="utf-8")
        (folder / f"{name}_without.html").write_text(page + "".join(scripts[:2]), encoding="utf-8")
    return folder


def test_data_are_small(site):
    for name in make.FIGURES:
        assert (site / f"{name}.data.js").stat().st_size < (500_000 if name == "lenet" else 5_000)


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs Playwright")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as p:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = p.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, site):
    """opened(name): the page of that figure, narrow; at the end no error has been reported."""
    context = browser.new_context(viewport={"width": 360, "height": 800}, reduced_motion="reduce")
    faults = []

    def opened(name):
        page = context.new_page()
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(f"file://{site}/{name}.html")
        return page

    yield opened
    context.close()
    assert not faults


@pytest.mark.parametrize("name", make.FIGURES)
def test_picture_stays_where_there_are_no_numbers(opened, name):
    assert opened(f"{name}_without").locator("img").is_visible()
    page = opened(name)
    assert page.locator(".stage").is_visible() and not page.locator("img").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    assert page.locator("img").is_visible() and not page.locator(".stage").is_visible()


def test_walk_by_keyboard(opened, walk):
    page = opened("walk")
    page.get_by_role("button", name="Step").focus()
    for _ in range(len(walk["steps"]) + 3):
        page.keyboard.press("Enter")
    assert page.locator(".said").inner_text().endswith("by a is 36, the derivative by b is 45.")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert "Next is" not in page.locator(".said").inner_text()
    assert page.locator(".steps .now").inner_text() == "c → a: 15 · 2 = 30"


def test_ravine_by_keyboard(opened):
    page = opened("ravine")
    for name in "momentum", "learning rate":
        page.get_by_role("slider", name=name, exact=True).focus()
        page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert "leaves this share of the distance: 1.000" in page.locator(".said").inner_text()
    page.keyboard.press("End")
    assert page.locator(".said").inner_text().startswith("It diverges")


def test_lenet_by_keyboard(opened, lenet):
    page = opened("lenet")
    page.get_by_role("button", name="Clear").press("Enter")
    assert page.locator(".said").inner_text().startswith("An empty page")
    page.get_by_role("application").focus()
    page.keyboard.press("Space")
    assert page.locator(".said").inner_text().startswith("LeNet reads a")  # a dot
    for _ in range(10):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert page.locator("[aria-live]").inner_text().startswith("The pen is up. LeNet reads a")
    shares = page.locator(".digits .share").all_inner_texts()
    assert len(shares) == 10
    page.get_by_role("button", name="test digit 3").press("Enter")
    assert f"The label says {lenet['digits'][2]['label']}." in page.locator(".said").inner_text()
