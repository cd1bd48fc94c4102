"""nptorch.load against files that were damaged, or made to do harm."""

import io
import pickle
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from nptorch import load, save

SIX = np.arange(6, dtype=np.float32)
DEFLATED = {"compression": zipfile.ZIP_DEFLATED}


class Payload:
    """Its pickle writes a file when it is loaded."""

    def __reduce__(self):
        return Path.write_text, (Path("payload"), "a pickle was run")


def npy(values):
    """Return an .npy file of values, pickled where they are objects."""
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def forged(descr="'<f4'", shape="(6,)", content=SIX.tobytes(), version=1, fortran="False"):
    """Return an .npy file whose header says what it is told to."""
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}}}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + content


def archive(*members, **options):
    """Return a zip archive of members, pairs (name, bytes)."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as target:
        for name, content in members:
            info = zipfile.ZipInfo("placeholder")
            info.filename = name  # as it is, with backslashes too
            target.writestr(info, content, options.get("compression"))
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
REAL = "expected real numbers, got dtype "
MEMBERS = {  # the content of weight.npy, and what is said of it
    "pickled object": (npy(np.array([Payload()], object)), REAL + "object"),
    "bare pickle": (pickle.dumps(Payload()), "the magic string is not correct"),
    "pickle for floats": (forged(content=pickle.dumps(Payload())), "shape (6,) of float32 "),
    "text": (npy(np.array(["text"])), REAL + "<U4"),
    "bytes": (npy(np.array([b"text"])), REAL + "|S4"),
    "complex": (npy(np.array([1j])), REAL + "complex128"),
    "dates": (npy(np.array(["2000-01-01"], "M8[s]")), REAL + "datetime64[s]"),
    "structured": (npy(np.zeros(3, [("a", "<f4"), ("b", "<i4")])), REAL + "[('a', "),
    "void": (forged("'|V1000000000000'", "()"), "descr is not a valid dtype"),
    "void of nothing": (forged("'|V0'", "(1000000000000,)", b""), REAL + "|V0"),
    "huge shape": (forged(shape="(1000000000000,)"),
                   "shape (1000000000000,) of float32 makes 4000000000000 bytes, got 24"),
    "shape beyond 64 bits": (forged(shape=f"({2**32}, {2**32})"), "shape (4294967296, 42949"),
    "shape that wraps to 24 bytes": (forged(shape=f"({2**62 + 6},)"), "shape (46116860184273"),
    "shape below 0": (forged(shape="(-2, -3)"), "shape (-2, -3) of float32"),
    "shape of floats": (forged(shape="(6.0,)"), "shape is not valid"),
    "shape of no tuple": (forged(shape="6"), "shape is not valid"),
    "a byte short": (npy(SIX)[:-1], "shape (6,) of float32 makes 24 bytes, got 23"),
    "a byte long": (npy(SIX) + b"\0", "shape (6,) of float32 makes 24 bytes, got 25"),
    "empty": (b"", "EOF: reading magic string"),
    "half a header": (npy(SIX)[:40], "EOF: reading array header"),
    "a call in the header": (forged(descr="open('payload', 'w')"), "malformed node or string"),
    "deep header": (forged(shape="(" * 5000 + ")" * 5000), ""),
    "long header": (forged(shape="(" + "1, " * 5000 + ")"), "Header info length"),
    "unknown dtype": (forged("'<f3'"), ""),
    "version 2": (forged(version=2), "expected version 1.0 of the .npy format"),
    "version 9": (forged(version=9), "expected version 1.0 of the .npy format"),
}
SIZES = "expected members as save writes them: not compressed, and together no longer than the file"
SLASHES = "name: expected text without slashes, got "
ARCHIVES = {  # the whole file, and what is said of it after its name
    "text": (b"no archive", "expected an .npz archive"),
    "nothing": (b"", "expected an .npz archive"),
    "npy": (npy(SIX), "expected an .npz archive"),
    "pickle": (pickle.dumps(Payload()), "expected an .npz archive"),
    "cut off": (GOOD[:-30], "expected an .npz archive"),
    "no beginning": (GOOD[40:], ""),
    "a bomb": (archive(("weight.npy", npy(np.zeros(10**7))), **DEFLATED), SIZES),
    "a bomb that understates": (
        patched(archive(("weight.npy", npy(np.zeros(10**7))), **DEFLATED), 24, 100), SIZES),
    "bzip2": (archive(("weight.npy", npy(SIX)), compression=zipfile.ZIP_BZIP2), SIZES),
    "a size that is not there": (patched(GOOD, 24, 2**31), SIZES),
    "one member ten times": (repeated(GOOD, 10), SIZES),
    "one name twice": (
        archive(("weight.npy", npy(SIX)), ("weighs.npy", npy(SIX))).replace(b"weighs", b"weight"),
        "'weight.npy': expected name.npy, each name once"),
    "PyTorch's": (archive(("net/data.pkl", pickle.dumps(Payload()))), "'net/data.pkl': " + SLASHES),
    "no array": (archive(("readme.txt", b"text")), "'readme.txt': expected name.npy"),
    "out of the folder": (archive(("../weight.npy", npy(SIX))), "'../weight.npy': " + SLASHES),
    "from the root": (archive(("/tmp/weight.npy", npy(SIX))), "'/tmp/weight.npy': " + SLASHES),
    "from Windows's root": (archive(("C:\\weight.npy", npy(SIX))), ""),
    "a folder": (archive(("weight.npy/", b"")), "'weight.npy/': " + SLASHES),
    "encrypted": (patched(GOOD, 8, 1), "'weight.npy': "),
    "other bytes": (GOOD.replace(SIX.tobytes(), SIX[::-1].tobytes()), "'weight.npy': Bad CRC-32"),
}
ALL = {name: (archive(("weight.npy", content)), f"'weight.npy': {message}")
       for name, (content, message) in MEMBERS.items()} | ARCHIVES


@pytest.mark.parametrize("content, message", ALL.values(), ids=ALL)
def test_hostile_file_is_refused_unread(content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "net.npz"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert type(caught.value) is ValueError
    assert str(caught.value).startswith(f"{path}: {message}" if message else f"{path}: ")
    assert peak < 5 * len(content) + 1_000_000
    assert [file.name for file in tmp_path.iterdir()] == ["net.npz"]


def test_payload_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.load(io.BytesIO(MEMBERS["pickled object"][0]), allow_pickle=True)
    assert Path("payload").exists()


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


@pytest.mark.parametrize("name", ["a/b", "../a", "/a", "a\\b", 3, None])
def test_save_refuses_names_that_load_would_refuse(name, tmp_path):
    with pytest.raises(ValueError, match="^name: expected text without slashes, got "):
        save({"good": SIX, name: SIX}, tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []


def test_damaged_archive_never_loads_other_numbers(tmp_path):
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
