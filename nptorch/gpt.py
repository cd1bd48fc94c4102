"""Train a GPT on a text, save its weights, and let it write. Ctrl-C ends the training early, and
what has been learned until then is saved."""

import sys

import numpy as np

from nptorch import manual_seed, save
from nptorch.__main__ import checked, until_interrupted
from nptorch.models import GPT, bits, generate, hold_back, prose, train
from nptorch.series import NOTEBOOKS
from nptorch.training import tqdm


def main():
    """Run the command line: train as notebooks/13_gpt.ipynb does, save, then measure and write."""
    parser, options = checked(
        "nptorch.gpt", __doc__, "gpt.npz", steps=(3000, "steps to train", 1),
        text=(NOTEBOOKS, "file to learn from, or a folder of notebooks", None),
        length=(500, "characters to write", 0), temperature=(0.7, "how daring it writes", 0.01))
    try:
        text = prose(options.text) if options.text.is_dir() else options.text.read_text("utf-8")
    except (OSError, ValueError) as error:
        parser.error(f"--text: can't read {options.text}, by default a clone's notebooks: {error}")
    if len(text) < 11_000:
        parser.error(f"--text: expected 11,000 characters in {options.text}, got {len(text):,}")
    alphabet = np.array(sorted(set(text)))
    learn, held = (np.searchsorted(alphabet, list(part)) for part in hold_back(text))
    manual_seed(options.seed)
    model = GPT(len(alphabet))

    def learning():
        losses = train(model, learn, options.steps, rng=options.seed)
        if tqdm and sys.stderr and sys.stderr.isatty():
            losses = tqdm(losses, total=options.steps)
        for step, loss in enumerate(losses, start=1):
            if step % 500 == 0:
                print(f"step {step}: {loss / np.log(2):.2f} bits per character", flush=True)

    until_interrupted(learning, lambda: save(
        model.state_dict() | {"characters": np.array([*map(ord, alphabet)])}, options.out))
    print(f"weights and alphabet saved to {options.out}", flush=True)
    print(f"held-back text: {bits(model, held):.2f} bits per character\n")
    ids = generate(model, learn[:1], options.length, options.temperature, options.seed)
    sys.stdout.reconfigure(errors="replace")  # a terminal may lack some characters of the text
    print("".join(alphabet[ids]))


if __name__ == "__main__":
    main()
