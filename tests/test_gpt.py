"""nptorch.models.gpt and `python -m nptorch.gpt`: a net that writes, against PyTorch and closed
forms, and what the command saves, refuses and survives. The text is a small one of its own."""

import inspect
import json
import math
import os
import re
import runpy
import signal
import subprocess
import sys

import numpy as np
import pytest
from golden import make_gpt

import nptorch
from nptorch import Tensor, manual_seed, models, nn, training
from nptorch.models import GPT, bits, generate, hold_back, prose, train
from nptorch.models.gpt import surprise

GOLDEN = json.loads(make_gpt.FILE.read_text(encoding="utf-8"))
IDS, KINDS = make_gpt.IDS, len(make_gpt.ALPHABET)


# The text


def test_prose_is_the_markdown_of_01_to_12_in_order(tmp_path):
    def write(name, *cells):
        notebook = {"cells": [{"cell_type": kind, "source": lines} for kind, lines in cells]}
        (tmp_path / name).write_text(json.dumps(notebook), encoding="utf-8")

    write("12_last.ipynb", ("markdown", ["four"]))
    write("01_first.ipynb", ("markdown", ["# one\n", "√2"]), ("code", ["x = 1"]), ("raw", ["r"]),
          ("markdown", ["two"]))
    write("09_middle.ipynb", ("markdown", ["three"]))
    for name in "13_gpt.ipynb", "00_none.txt", "1_none.ipynb", "14_x.ipynb":
        write(name, ("markdown", ["left out"]))
    assert prose(tmp_path) == "# one\n√2\n\ntwo\n\nthree\n\nfour"
    assert prose(str(tmp_path)) == prose(tmp_path)


def test_every_tenth_stretch_is_held_back():
    text = "".join(f"{i:03}" for i in range(250))
    learn, held = hold_back(text, length=30)
    assert held == text[270:300] + text[570:600]
    assert learn == text[:270] + text[300:570] + text[600:]
    assert hold_back("short") == ("short", "")


# The net


def test_gpt_has_the_parameters_of_its_sizes():
    model = GPT(50, context=20, width=12, heads=3, blocks=4)
    shapes = {name: p.shape for name, p in model.named_parameters()}
    assert shapes["token.weight"] == (50, 12) and shapes["position.weight"] == (20, 12)
    assert shapes["blocks.3.mlp.2.weight"] == (12, 48) and shapes["head.weight"] == (50, 12)
    block = 12 * 12**2 + 13 * 12  # weights: 3 + 1 + 4 + 4 squares; biases and norms: 9 + 4 rows
    total = (50 + 20) * 12 + 4 * block + 2 * 12 + 50 * 12 + 50
    assert sum(p.numel() for p in model.parameters()) == total
    assert 200_000 < sum(p.numel() for p in GPT(110).parameters()) < 300_000
    for table in model.token, model.position:
        assert abs(table.weight.data.std() - 0.02) < 0.003


def test_a_later_character_changes_no_earlier_logit():
    manual_seed(0)
    model = GPT(7, context=9, width=8, heads=2, blocks=2)
    for p in model.parameters():  # far from the even guesses of birth
        p.data = p.data + np.random.default_rng(0).standard_normal(p.shape).astype(np.float32) / 4
    x = np.random.default_rng(1).integers(0, 7, (2, 9))
    before = model(Tensor(x)).data
    for place in range(9):
        y = x.copy()
        y[0, place] = (y[0, place] + 3) % 7
        after = model(Tensor(y)).data
        assert np.array_equal(after[0, :place], before[0, :place])
        assert np.array_equal(after[1], before[1])
        assert (after[0, place:] != before[0, place:]).any(axis=1).all()
    np.testing.assert_allclose(model(Tensor(x[:, :4])).data, before[:, :4], rtol=1e-5, atol=1e-6)


def test_one_row_is_read_as_in_a_batch():
    model = GPT(7, context=6, width=8, heads=2)
    rows = nptorch.tensor(np.arange(12).reshape(2, 6) % 7)
    for row, logits in zip(rows, model(rows)):
        np.testing.assert_allclose(model(row).data, logits.data, atol=1e-6)


def test_gpt_is_refused_what_it_cannot_read():
    model = GPT(7, context=4, width=8, heads=2, blocks=1)
    for wrong in [[0, 1, 2, 3, 4]], [[7]], [[-1]]:  # too long; no such kinds
        with pytest.raises(IndexError, match="embedding"):
            model(nptorch.tensor(wrong))


# The script under both libraries


@pytest.mark.parametrize("dtype, gap", [("float32", 1e-5), ("float64", 1e-10)])
def test_100_steps_give_pytorchs_losses(dtype, gap):
    ours = make_gpt.losses(nptorch, dtype, GOLDEN["start"])
    assert len(ours) == 100 and ours[-1] < 0.8 * ours[0]
    assert np.abs(np.array(ours) - GOLDEN[dtype]).max() < gap


@pytest.mark.parametrize("dtype, gap", [("float32", 1e-5), ("float64", 1e-10)])
def test_100_steps_from_pytorchs_weights_under_both_imports(dtype, gap):
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more of them wait for each other: twenty times as long
    torch.manual_seed(1)
    twin = make_gpt.script("torch").GPT(KINDS, context=8, width=8, heads=2, blocks=2)
    start = {name: p.detach().numpy() for name, p in twin.named_parameters()}
    ours, theirs = (make_gpt.losses(library, dtype, start) for library in (nptorch, torch))
    torch.set_num_threads(threads)
    assert np.abs(np.subtract(ours, theirs)).max() < gap


def test_only_the_name_of_the_library_differs():
    text = inspect.getsource(models.gpt)
    lines = [line for line in text.splitlines() if "nptorch" in line]
    assert lines == ["import nptorch as torch", "from nptorch import nn"]


def test_weights_and_logits_travel_to_pytorch():
    torch = pytest.importorskip("torch")
    manual_seed(0)
    model, twin = GPT(KINDS), make_gpt.script("torch").GPT(KINDS)
    twin.load_state_dict({name: torch.tensor(p.data) for name, p in model.state_dict().items()})
    x = IDS[:128].reshape(2, 64)
    here, there = model(Tensor(x)), twin(torch.tensor(x))
    np.testing.assert_allclose(here.data, there.detach().numpy(), rtol=1e-4, atol=1e-5)
    model.load_state_dict(twin.state_dict())


# Training, measuring, writing


class Table(nn.Module):
    """A net that knows a row of logits for each character, and nothing else."""

    def __init__(self, logits, context=3):
        super().__init__()
        self.context, self.logits = context, nn.Parameter(np.array(logits, np.float32))

    def forward(self, x):
        assert x.shape[1] <= self.context
        return self.logits[x]


def test_surprise_is_the_mean_of_minus_log_p_after_the_known():
    logits, windows = np.random.default_rng(0).standard_normal((4, 4)), [[0, 1, 2, 3], [3, 3, 0, 2]]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for known in 0, 1, 2:
        expected = [-math.log(p[w[i], w[i + 1]]) for w in windows for i in range(known, 3)]
        found = surprise(Table(logits), nptorch.tensor(windows), known).item()
        assert found == pytest.approx(np.mean(expected), rel=1e-6)


@pytest.mark.parametrize("context", [1, 2, 3, 8])
def test_bits_of_a_table_are_its_mean_surprise(context):
    rng = np.random.default_rng(0)
    logits, ids = rng.standard_normal((5, 5)), rng.integers(0, 5, 400)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    step, half = context - context // 2, context // 2
    last = half + (len(ids) - context - 1) // step * step + step
    expected = [-math.log2(p[ids[i], ids[i + 1]]) for i in range(half, last)]
    assert bits(Table(logits, context), ids) == pytest.approx(np.mean(expected), rel=1e-5)
    for n in len(ids), context + 1:
        assert bits(Table(np.zeros((5, 5)), context), ids[:n]) == pytest.approx(math.log2(5))


def test_training_learns_a_text_and_tells_each_loss():
    manual_seed(0)
    model = GPT(KINDS, context=16, width=32, heads=2, blocks=1)
    losses = list(train(model, IDS, 120, lr=1e-2, batch=8))
    assert len(losses) == 120 and abs(losses[0] - math.log(KINDS)) < 0.5
    assert np.mean(losses[-10:]) < 0.5 and bits(model, IDS) < 0.8
    text = "".join(make_gpt.ALPHABET[i] for i in generate(model, IDS[:8], 200, 0.1))
    words = set(make_gpt.TEXT.split())
    assert np.mean([word in words for word in text.split()[:-1]]) > 0.6


def test_training_is_the_same_from_the_same_seeds():
    def run(seed, rng):
        manual_seed(seed)
        model = GPT(KINDS, context=8, width=8, heads=2, blocks=1)
        return list(train(model, IDS, 3, rng=rng))

    assert run(0, 0) == run(0, 0) and run(0, 0)[0] != run(0, 1)[0] != run(1, 1)[0]


def test_the_rate_warms_up_and_falls_along_a_cosine(monkeypatch):
    made = []

    class Noted(nptorch.optim.AdamW):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            made.append(self)

    monkeypatch.setattr(nptorch.optim, "AdamW", Noted)
    steps = train(Table(np.zeros((KINDS, KINDS))), IDS, 200, lr=0.01)
    rates = [made[0].lr for _ in steps]  # rates[n - 1] is that of the step after n
    assert max(rates) <= 0.01 and 40 < np.argmax(rates) < 50
    np.testing.assert_allclose([rates[0], rates[23], rates[99], rates[149], rates[199]],
                               [0.0004, 0.005, 0.005, 0.005 * (1 - math.sqrt(0.5)), 0], atol=1e-12)


def test_gradients_are_shortened_to_1(monkeypatch):
    lengths, clip = [], nn.utils.clip_grad_norm_

    def watch(parameters, max_norm):
        lengths.append((clip(parameters, max_norm).item(), max_norm))
        return None

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", watch)
    list(train(Table(np.zeros((KINDS, KINDS)), 8), IDS, 3))
    assert len(lengths) == 3 and all(most == 1.0 for _, most in lengths)


def test_writing_follows_the_logits():
    forward = np.full((4, 4), -50.0)
    forward[[0, 1, 2, 3], [1, 2, 3, 0]] = 50  # after 0 comes 1, and so on
    assert generate(Table(forward), [2], 6) == [2, 3, 0, 1, 2, 3, 0]
    assert generate(Table(forward), np.array([0, 1, 2, 3, 0]), 0) == [0, 1, 2, 3, 0]
    assert generate(Table(np.zeros((4, 4))), [0], 50, rng=1) != generate(
        Table(np.zeros((4, 4))), [0], 50, rng=2)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature_divides_the_logits(temperature):
    ids = generate(Table([[0.0, 1.0], [0.0, 1.0]]), [0], 4000, temperature)
    assert abs(np.mean(ids) - 1 / (1 + math.exp(-1 / temperature))) < 0.025


# The command


@pytest.fixture
def text(tmp_path):
    """Return a file with 13,000 characters of seven words in a random order."""
    words = "the net reads and writes again ≈".split()
    chosen = np.random.default_rng(0).choice(words, 2600)
    (tmp_path / "text.txt").write_text(" ".join(chosen)[:13_000], encoding="utf-8")
    return tmp_path / "text.txt"


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Return a function that runs the command in this process, where its lines are counted, with a
    smaller net."""
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nptorch.gpt", *map(str, arguments)])
        runpy.run_module("nptorch.gpt", run_name="__main__")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(models, "GPT", lambda kinds: GPT(kinds, 16, 16, 2, 1))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield run
    signal.signal(signal.SIGINT, before)


def restored(path):
    """Return the smaller net that the command has saved, and its alphabet."""
    saved = nptorch.load(path)
    alphabet = [chr(i) for i in saved.pop("characters").tolist()]
    model = GPT(len(alphabet), 16, 16, 2, 1)
    model.load_state_dict(saved)
    return model, alphabet


def test_command_trains_saves_measures_and_writes(here, text, capsys):
    here("--text", text, "--steps", 500, "--seed", 3, "--length", 40, "--temperature", "0.5",
         "--out", "small.npz")
    progress, saved, measured, empty, *wrote = capsys.readouterr().out.split("\n")
    assert re.fullmatch(r"step 500: \d\.\d\d bits per character", progress)
    assert saved == "weights and alphabet saved to small.npz" and empty == ""
    model, alphabet = restored("small.npz")
    full = text.read_text(encoding="utf-8")
    assert "".join(alphabet) == "".join(sorted(set(full)))
    learn, held = (np.array([alphabet.index(c) for c in part]) for part in hold_back(full))
    found = bits(model, held)
    assert measured == f"held-back text: {found:.2f} bits per character" and found < 2
    ids = generate(model, learn[:1], 40, 0.5, 3)
    assert "\n".join(wrote) == "".join(alphabet[i] for i in ids) + "\n"


def test_command_draws_the_weights_and_the_windows_from_its_seed(here, text):
    here("--text", text, "--steps", 2, "--seed", 3, "--length", 0)
    found, alphabet = restored("gpt.npz")
    learn, _ = hold_back(text.read_text(encoding="utf-8"))
    manual_seed(3)
    twin = GPT(len(alphabet), 16, 16, 2, 1)
    assert len(list(train(twin, np.array([alphabet.index(c) for c in learn]), 2, rng=3))) == 2
    for p, q in zip(found.parameters(), twin.parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_command_wants_a_text_that_is_long_enough(here, text, capsys):
    text.write_text("a b " * 2749 + "a b", encoding="utf-8")
    with pytest.raises(SystemExit):
        here("--text", text)
    last = capsys.readouterr().err.splitlines()[-1]
    assert f"--text: expected 11,000 characters in {text}, got 10,999" in last
    text.write_text("a b " * 2750, encoding="utf-8")
    here("--text", text, "--steps", 1, "--length", 0)
    assert "held-back text: " in capsys.readouterr().out


def test_command_tells_the_bits_of_every_500th_step(here, text, monkeypatch, capsys):
    losses = [math.log(2) * (n % 500) for n in range(1000)]
    monkeypatch.setattr(models, "train", lambda *args, **options: iter(losses))
    here("--text", text, "--length", 0)
    assert capsys.readouterr().out.splitlines()[:2] == [
        f"step {n}: 499.00 bits per character" for n in (500, 1000)]


@pytest.mark.parametrize("terminal", [True, False])
def test_command_shows_a_bar_on_a_terminal_alone(here, text, monkeypatch, terminal):
    totals = []

    def bar(losses, total):
        totals.append(total)
        return losses

    monkeypatch.setattr(training, "tqdm", bar)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
    here("--text", text, "--steps", 2, "--length", 0)
    assert totals == [2] * terminal


def test_command_runs_from_a_terminal(text):
    call = [sys.executable, "-m", "nptorch.gpt", "--text", text, "--steps", "1", "--length", "90"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    environment["PYTHONIOENCODING"] = "ascii"  # which has no ≈
    result = subprocess.run(call, check=False, cwd=text.parent, env=environment,
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("weights and alphabet saved to gpt.npz\nheld-back text: ")


@pytest.mark.parametrize("arguments", [
    ["--out", "no/such/folder.npz"], ["--out", "."], ["--steps", "0"], ["--steps", "x"],
    ["--seed", "-1"], ["--length", "-1"], ["--temperature", "0"], ["--temperature", "nan"],
    ["--temperature", "inf"], ["--text", "no_such.txt"], ["--text", "."],
])
def test_command_refuses_before_it_trains(here, tmp_path, monkeypatch, capsys, arguments):
    monkeypatch.setattr(models, "train", None)
    with pytest.raises(SystemExit) as caught:
        here(*arguments)
    out, err = capsys.readouterr()
    assert caught.value.code == 2 and out == ""
    assert arguments[0] in err.splitlines()[-1] and not list(tmp_path.iterdir())


def test_command_says_where_it_looked_for_the_notebooks(here, monkeypatch, capsys):
    monkeypatch.setattr(models, "prose", lambda folder: open(folder / "none"))
    with pytest.raises(SystemExit):
        here()
    last = capsys.readouterr().err.splitlines()[-1]
    assert "--text: can't read" in last and "notebooks, by default a clone's notebooks" in last


def test_command_reads_the_notebooks_by_default(here, monkeypatch):
    read = []

    def trained(model, ids, steps, rng):
        read.append(len(ids))
        return iter([1.0])

    monkeypatch.setattr(models, "train", trained)
    here("--length", 0)
    assert read[0] > 100_000


def interrupted(at):
    """Return a train that Ctrl-C stops after so many steps."""
    def run(*args, **options):
        for step, loss in enumerate(train(*args, **options)):
            if step == at:
                signal.raise_signal(signal.SIGINT)
            yield loss

    return run


def test_command_saves_what_was_learned_until_it_was_interrupted(here, text, monkeypatch, capsys):
    monkeypatch.setattr(models, "train", interrupted(2))
    here("--text", text, "--length", 3)
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["interrupted", "weights and alphabet saved to gpt.npz"]
    model, _ = restored("gpt.npz")
    assert model.norm.weight.data.std() > 0  # it has moved
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_command_saves_before_it_measures(here, text, monkeypatch):
    def fail(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(models, "bits", fail)
    with pytest.raises(KeyboardInterrupt):
        here("--text", text, "--steps", 1)
    assert restored("gpt.npz")


def test_command_ignores_a_second_interruption_until_the_weights_are_saved(here, text, monkeypatch):
    save = nptorch.save

    def slow(*args):
        signal.raise_signal(signal.SIGINT)
        save(*args)

    monkeypatch.setattr(nptorch, "save", slow)
    monkeypatch.setattr(models, "train", interrupted(1))
    here("--text", text, "--length", 0)
    assert restored("gpt.npz")


def test_command_leaves_an_ignored_interruption_ignored(here, text, monkeypatch):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    monkeypatch.setattr(models, "train", interrupted(1))
    here("--text", text, "--steps", 3, "--length", 0)
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
