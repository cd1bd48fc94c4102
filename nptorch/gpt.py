"""Train a GPT on a text, save its weights, and let it write. Ctrl-C ends the training early, and
what has been learned until then is saved."""

import argparse
import os
import signal
import sys
from pathlib import Path

import numpy as np

from nptorch import manual_seed, save
from nptorch.__main__ import interrupt_once
from nptorch.models import GPT, bits, generate, hold_back, prose, train
from nptorch.training import tqdm

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def checked():
    """The options of the command line; exits with a sentence for one that makes no sense."""
    parser = argparse.ArgumentParser("python -m nptorch.gpt", description=__doc__,
                                     formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--text", type=Path, default=NOTEBOOKS,
                        help="file to learn from, or folder with the series' notebooks")
    parser.add_argument("--steps", type=int, default=3000, help="steps to train")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and all else")
    parser.add_argument("--out", type=Path, default="gpt.npz", help="file for the weights")
    parser.add_argument("--length", type=int, default=500, help="characters to write")
    parser.add_argument("--temperature", type=float, default=0.7, help="how daring it writes")
    options = parser.parse_args()
    for name, least in ("steps", 1), ("seed", 0), ("length", 0):
        if (value := getattr(options, name)) < least:
            parser.error(f"--{name}: expected at least {least}, got {value}")
    if not 0 < options.temperature < float("inf"):
        parser.error(f"--temperature: expected a number above 0, got {options.temperature}")
    if options.out.is_dir() or not os.access(options.out.absolute().parent, os.W_OK):
        parser.error(f"--out: can't write a file {options.out}")
    try:
        folder = options.text.is_dir()
        text = prose(options.text) if folder else options.text.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if options.text == NOTEBOOKS:
            parser.error(f"--text: expected a file to learn from, as {NOTEBOOKS}, where a clone of "
                         "the repository has its notebooks, can't be read")
        parser.error(f"--text: can't read {options.text}: {error}")
    if len(text) < 11_000:
        parser.error(f"--text: expected at least 11,000 characters in {options.text}, "
                     f"got {len(text):,}")
    return options, text


def main():
    """Run the command line: train as notebooks/13_gpt.ipynb does, save, then measure and write."""
    options, text = checked()
    alphabet = np.array(sorted(set(text)))
    learn, held = (np.searchsorted(alphabet, list(part)) for part in hold_back(text))
    manual_seed(options.seed)
    model = GPT(len(alphabet))
    losses = train(model, learn, options.steps, rng=options.seed)

    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else someone has decided otherwise, as nohup does
        signal.signal(signal.SIGINT, interrupt_once)
    bar = tqdm and sys.stderr and sys.stderr.isatty()
    try:
        for step, loss in enumerate(tqdm(losses, total=options.steps) if bar else losses, start=1):
            if step % 500 == 0:
                print(f"step {step}: {loss / np.log(2):.2f} bits per character", flush=True)
    except KeyboardInterrupt:
        print("interrupted")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    characters = np.array([ord(character) for character in alphabet])
    save(model.state_dict() | {"characters": characters}, options.out)
    signal.signal(signal.SIGINT, usual)
    print(f"weights and alphabet saved to {options.out}", flush=True)
    print(f"held-back text: {bits(model, held):.2f} bits per character\n")
    ids = generate(model, learn[:1], options.length, options.temperature, options.seed)
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack some characters of the text
    print("".join(alphabet[ids]))


if __name__ == "__main__":
    main()
