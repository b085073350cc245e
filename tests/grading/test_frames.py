"""What another process says is read without trust."""

import io
import json
import struct

import numpy as np
import pytest

from chainrule.errors import UncheckableError
from chainrule.grading.frames import MOST_BYTES, MOST_WORDS, Frame, FrameError, read_frame, write_frame
from chainrule.grading.judgement import Remote


def raw(words, data=b"", sizes=None):
    text = words if isinstance(words, bytes) else json.dumps(words).encode()
    return io.BytesIO(struct.pack("<IQ", *(sizes or (len(text), len(data)))) + text + data)


def arrays(*listed):
    return {"words": {}, "arrays": list(listed)}


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8", "?"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 5), (4, 3)])
def test_what_is_written_is_read(dtype, shape):
    array = np.asfortranarray(np.ones(shape, dtype))
    stream = io.BytesIO()
    write_frame(stream, Frame({"a": [1, "x"]}, {"W": array, "b": array[..., None].T}))
    stream.seek(0)
    found = read_frame(stream)
    assert found.words == {"a": [1, "x"]}
    np.testing.assert_array_equal(found.arrays["W"], array)
    assert found.arrays["W"].dtype == array.dtype and found.arrays["b"].shape == array[..., None].T.shape
    assert read_frame(stream) is None


@pytest.mark.parametrize(
    "stream",
    [
        io.BytesIO(b"x"),
        raw(b"", sizes=(MOST_WORDS + 1, 0)),
        raw(b"", sizes=(2, MOST_BYTES + 1)),
        raw({"words": {}, "arrays": []}, sizes=(500, 0)),
        raw(b"no JSON"),
        raw(b"[" * 100_000),
        raw(b'{"words": {"a": NaN}, "arrays": []}'),
        raw({"words": 3, "arrays": []}),
        raw({"words": {}}),
        raw(arrays(["W", "|O", [1]]), b"12345678"),
        raw(arrays(["W", "<f8", [2]]), b"12345678"),
        raw(arrays(["W", "<f8", [-1, -1]]), b"12345678"),
        raw(arrays(["W", "<f8", [2**40, 2**40]]), b"12345678"),
        raw(arrays(["W", "<f8", [2**32, 2**32, 0.0]]), b""),
        raw(arrays(["W", "<f8", [0, 10**200]]), b""),
        raw(arrays(["W", "<f8", [0, 2**61, 2**61]]), b""),
        raw(arrays(["W", "<f8", [0]]), b"12345678"),
        raw(arrays(["W", "<f8", [1] * 33]), b"12345678"),
        raw(arrays(["W", "<f8"]), b"12345678"),
        raw(arrays(["W", ["<f8"], [1]]), b"12345678"),
    ],
)
def test_what_is_no_frame_is_refused_before_memory_is_taken(stream):
    with pytest.raises(FrameError):
        read_frame(stream)


def test_what_a_terminal_would_obey_is_taken_out():
    found = read_frame(raw({"words": {"fault\x1b": ["\x1b[2J\ud800", 3]}, "arrays": [["\x07", "<f8", [0]]]}))
    assert found.words == {"fault\ufffd": ["\ufffd[2J\ufffd", 3]}
    assert list(found.arrays) == ["\ufffd"]


def test_what_is_no_number_is_not_written():
    with pytest.raises(FrameError):
        write_frame(io.BytesIO(), Frame({}, {"W": np.array(["a"])}))
    with pytest.raises(FrameError):
        write_frame(io.BytesIO(), Frame({}, {"W": np.zeros(MOST_BYTES // 8 + 1)}))


def test_names_that_are_no_list_are_refused():
    class Told:
        def ask(self, words, arrays):
            return Frame({"form": "names", "changed": 7})

    with pytest.raises(UncheckableError, match="Something else than names"):
        Remote(Told(), "gradient", False)({"W": np.ones(2)})
