"""nptorch.save and nptorch.load: what comes back, who writes at the same time, and files that were
damaged or made to do harm."""

import contextlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nptorch import load, nn, ones, randn, save, zeros
from nptorch.autograd import Tensor

SIX = np.arange(6, dtype=np.float32)
BYTES = SIX.tobytes()

# What comes back


def test_files_keep_names_shapes_and_dtypes(tmp_path):
    state = {"a.0.weight": randn(3, 2), "b": Tensor(np.float64(0.1)), "c d": Tensor(np.arange(3)),
             "größe": zeros(0, 4), "mask": Tensor(np.array([True, False])), "a/b": ones(2)}
    save(state, tmp_path / "state.npz")
    found = load(str(tmp_path / "state.npz"))
    assert list(found) == list(state)
    for name, value in state.items():
        assert isinstance(found[name], Tensor) and found[name].dtype == value.dtype
        assert np.array_equal(found[name].data, value.data) and found[name].shape == value.shape
    with np.load(tmp_path / "state.npz", allow_pickle=False) as archive:  # plain NumPy reads it
        assert np.array_equal(archive["a.0.weight"], state["a.0.weight"].data)


def test_a_name_may_be_anothers_with_npy_behind_it(tmp_path):
    save({"w": zeros(2), "w.npy": ones(3), "w.npy.npy": 7}, tmp_path / "state.npz")
    found = load(tmp_path / "state.npz")
    assert found["w"].tolist() == [0, 0] and found["w.npy"].tolist() == [1, 1, 1]
    assert found["w.npy.npy"] == 7


@pytest.mark.parametrize("number", [3, -7, 0.5, 1e300, float("inf"), True, False, np.int64(3),
                                    np.float64(0.1), np.float32(0.5), np.bool_(True)])
def test_numbers_come_back_as_numbers(number, tmp_path):
    save({"epoch": number, "weight": SIX}, tmp_path / "state.npz")
    found = load(tmp_path / "state.npz")
    assert found["epoch"] == number and type(found["epoch"]) is type(np.asarray(number).item())
    assert isinstance(found["weight"], Tensor)


def test_a_checkpoint_goes_on_where_it_was(tmp_path):
    net = nn.Linear(3, 2)
    save(net.state_dict() | {"epoch": 3, "loss": 0.5}, tmp_path / "state.npz")
    state = load(tmp_path / "state.npz")
    assert list(range(state.pop("epoch"))) == [0, 1, 2] and state.pop("loss") == 0.5
    assert nn.Linear(3, 2).load_state_dict(state) == ([], [])


@pytest.mark.parametrize("values", [
    SIX.reshape(2, 3).T, SIX.astype(">f4"), SIX.astype(">i8"), SIX > 2, SIX.astype("f2"),
    np.array(1.5), np.zeros((0, 10**9)), np.zeros((3, 0), order="F"),
], ids=lambda a: f"{a.dtype.str}{a.shape}")
def test_what_is_only_unusual_is_loaded(values, tmp_path):
    save({"a": values}, tmp_path / "ours.npz")
    np.savez(tmp_path / "numpys.npz", a=values)
    for path in tmp_path.iterdir():
        [(name, found)] = load(path).items()
        assert name == "a" and np.array_equal(found.data, values) and found.shape == values.shape
        assert found.dtype == values.dtype.newbyteorder("=") and found.dtype.isnative
        assert found.data.flags.writeable


# Where it is written


def test_the_name_is_taken_as_it_is(tmp_path):
    save({"a": SIX}, tmp_path / "block.state")
    assert [path.name for path in tmp_path.iterdir()] == ["block.state"]


@pytest.mark.parametrize("bad", [np.array([{}], object), np.array(["text"]), 1j, {1}, print])
@pytest.mark.parametrize("before", [None, b"an older file"])
def test_a_failed_save_leaves_what_stood_there(tmp_path, before, bad):
    path = tmp_path / "state.npz"
    if before:
        path.write_bytes(before)
    with pytest.raises(TypeError, match="'bad': expected .* an array of real numbers, got "):
        save({"good": zeros(3), "bad": bad}, path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == (
        {"state.npz": before} if before else {}
    )


def test_a_save_that_breaks_off_leaves_what_stood_there(tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    save({"a": SIX}, tmp_path / "state.npz")
    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="no space"):
        save({"a": SIX + 1}, tmp_path / "state.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]
    assert np.array_equal(load(tmp_path / "state.npz")["a"].data, SIX)


def test_a_nested_save_that_breaks_off_leaves_what_stood_there_too(tmp_path, monkeypatch):
    def full(partial, path):
        raise OSError("no space left on device")

    save({"net": {"a": SIX}}, tmp_path / "state.npz")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        save({"net": {"a": SIX + 1}}, tmp_path / "state.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]
    assert np.array_equal(load(tmp_path / "state.npz")["net"]["a"].data, SIX)


def test_a_view_of_another_weight_is_loaded_into():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))
    state = {name: np.full(p.shape, i) for i, (name, p) in enumerate(net.named_parameters())}
    net.requires_grad_(False)
    net.requires_grad_(True)
    net[1].weight.data = net[0].weight.detach().T
    net.load_state_dict(state)
    assert net[1].bias.tolist() == [3, 3] and net[0].weight.tolist() == [[2, 2]] * 3


@pytest.mark.parametrize("name", [3, None, "file", "allow_pickle"])
def test_names_that_savez_would_lose_come_back(name, tmp_path):
    save({"good": SIX, name: SIX}, tmp_path / "net.npz")
    found = load(tmp_path / "net.npz")
    assert list(found) == ["good", name] and found[name].tolist() == SIX.tolist()


@pytest.mark.skipif(os.name == "nt", reason="permissions and links as on Unix")
def test_permissions_and_links_are_those_of_an_ordinary_file(tmp_path):
    old = os.umask(0o027)
    try:
        save({"a": SIX}, tmp_path / "state.npz")
        (tmp_path / "ordinary").write_bytes(b"")
    finally:
        os.umask(old)
    assert (tmp_path / "state.npz").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    (tmp_path / "link.npz").symlink_to(tmp_path / "state.npz")
    save({"a": SIX + 1}, tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    assert np.array_equal(load(tmp_path / "state.npz")["a"].data, SIX + 1)


SAVER = """
import sys, time
import numpy as np
from nptorch import load, save
path, number = sys.argv[1], int(sys.argv[2])
for _ in range(100):
    save({"a": np.full(20_000, number), "b": number}, path)
    found = load(path)
    assert (found["a"].data == found["b"]).all()
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows replaces no file that is being read")
def test_two_processes_may_save_to_one_path(tmp_path):
    path = tmp_path / "state.npz"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    both = [subprocess.Popen([sys.executable, "-c", SAVER, path, str(n)], env=environment,
                             stderr=subprocess.PIPE, text=True) for n in (1, 2)]
    errors = [process.communicate()[1] for process in both]
    assert errors == ["", ""] and [process.returncode for process in both] == [0, 0]
    assert [p.name for p in tmp_path.iterdir()] == ["state.npz"] and load(path)["b"] in (1, 2)


# Files that were damaged, or made to do harm


class Payload:
    """Its pickle writes a file when it is loaded."""

    def __reduce__(self):
        return Path.write_text, (Path("payload"), "a pickle was run")


def npy(values):
    """Return an .npy file of values, pickled where they are objects."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def forged(descr="'<f4'", shape="(6,)", content=BYTES, version=1):
    """Return an .npy file whose header says what it is told to."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def archive(*members, compression=zipfile.ZIP_STORED):
    """Return a zip archive of members, pairs (name, bytes)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as target:
        for name, content in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is, with backslashes too
            target.writestr(info, content, compression)
    return file.getvalue()


def patched(whole, offset, value):
    """Return an archive with one field changed in the first entry of its central directory."""
    start = whole.index(b"PK\1\2") + offset
    field = struct.pack("<I", value)
    return whole[:start] + field + whole[start + 4:]


def repeated(whole, times):
    """Return an archive whose only member is listed several times: the same bytes over and over."""
    start, end = whole.index(b"PK\1\2"), whole.index(b"PK\5\6")
    entries = whole[start:end] * times
    last = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, times, times, len(entries), start, 0)
    return whole[:start] + entries + last


GOOD = archive(("weight.npy", npy(SIX)))
BOMB = archive(("weight.npy", npy(np.zeros(10**7))), compression=zipfile.ZIP_DEFLATED)
SIZES = "compressed, or larger than the file that holds it"
REAL = "data: expected real numbers, got dtype "
MEMBERS = {  # the content of weight.npy, and what is said of it where we say it
    "pickled object": (npy(np.array([Payload()], object)), ""),
    "bare pickle": (pickle.dumps(Payload()), ""),
    "text": (npy(np.array(["text"])), REAL),
    "bytes": (npy(np.array([b"text"])), REAL),
    "complex": (npy(np.array([1j])), REAL),
    "dates": (npy(np.array(["2000-01-01"], "M8[s]")), REAL),
    "structured": (npy(np.zeros(3, [("a", "<f4"), ("b", "<i4")])), REAL),
    "number of text": (npy(np.array(("3",), [("number", "U1")])), REAL),
    "several numbers": (npy(np.zeros(3, [("number", "<f4")])), "expected exactly one element"),
    "void": (forged("'|V1000000000000'", "()"), ""),
    "void of nothing": (forged("'|V0'", "(1000000000000,)", b""), ""),
    "huge shape": (forged(shape="(1000000000000,)"), ""),
    "shape beyond 64 bits": (forged(shape=f"({2**32}, {2**32})"), ""),
    "shape that wraps to 24 bytes": (forged(shape=f"({2**62 + 6},)"), ""),
    "shape below 0": (forged(shape="(-2, -3)"), ""),
    "shape of floats": (forged(shape="(6.0,)"), ""),
    "shape of no tuple": (forged(shape="6"), ""),
    "a byte short": (npy(SIX)[:-1], ""),
    "empty": (b"", ""),
    "half a header": (npy(SIX)[:40], ""),
    "a call in the header": (forged(descr="open('payload', 'w')"), ""),
    "deep header": (forged(shape="(" * 5000 + ")" * 5000), ""),
    "long header": (forged(shape="(" + "1, " * 5000 + ")"), ""),
    "unknown dtype": (forged("'<f3'"), ""),
    "version 9": (forged(version=9), ""),
}
ARCHIVES = {
    "text": (b"no archive", ""),
    "nothing": (b"", ""),
    "npy": (npy(SIX), ""),
    "pickle": (pickle.dumps(Payload()), ""),
    "cut off": (GOOD[:-30], ""),
    "no beginning": (GOOD[40:], ""),
    "a bomb": (BOMB, SIZES),
    "a bomb that understates": (patched(BOMB, 24, 100), ""),
    "a size that is not there": (patched(GOOD, 24, 2**31), SIZES),
    "one member ten times": (repeated(GOOD, 10), SIZES),
    "PyTorch's": (archive(("net/data.pkl", pickle.dumps(Payload()))), ""),
    "no array": (archive(("readme.txt", b"text")), ""),
    "encrypted": (patched(GOOD, 8, 1), ""),
    "other bytes": (GOOD.replace(BYTES, SIX[::-1].tobytes()), ""),
}
HOSTILE = {name: (archive(("weight.npy", content)), message)
           for name, (content, message) in MEMBERS.items()} | ARCHIVES


@pytest.mark.parametrize("content, message", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.npz").write_bytes(content)
    with pytest.raises(ValueError) as caught:
        load(tmp_path / "net.npz")
    start = f"{tmp_path / 'net.npz'}: not a file of save's, or damaged: {message}"
    assert str(caught.value).startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]  # no payload


@pytest.mark.parametrize("content", [
    archive(("weight.npy", forged(content=pickle.dumps(Payload())))),  # floats to NumPy
    archive(("weight.npy", npy(SIX) + pickle.dumps(Payload()))),
    archive(("weight.npy", npy(SIX)), ("weighs.npy", npy(SIX))).replace(b"weighs", b"weight"),
    *[archive((f"{name}.npy", npy(SIX))) for name in ("../weight", "/tmp/weight", "C:\\weight")],
])
def test_odd_files_do_no_harm(content, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.npz").write_bytes(content)
    with contextlib.suppress(ValueError):
        assert all(value.shape == (6,) for value in load(tmp_path / "net.npz").values())
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]


def test_payload_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.load(io.BytesIO(MEMBERS["pickled object"][0]), allow_pickle=True)
    assert Path("payload").exists()


def test_a_damaged_archive_never_loads_other_numbers(tmp_path):
    path, refused, state = tmp_path / "net.npz", 0, {"weight": SIX, "bias": SIX[:2]}
    save(state, path)
    whole = path.read_bytes()
    for i in range(len(whole)):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 0x21]) + whole[i + 1:])
        try:
            for name, value in load(path).items():
                assert np.array_equal(value.data, state[name])
        except ValueError as error:
            assert str(error).startswith(str(path))
            refused += 1
    assert refused > len(whole) // 2
