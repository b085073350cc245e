"""Checkpoints: exact resume through a file, atomic writing, refusal of everything else."""

import errno
import hashlib
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from chainrule.equations import Equations
from chainrule.errors import ModelFileError, OptionError
from chainrule.network import Network
from chainrule.optimize import (
    LBFGS,
    SGD,
    Adam,
    AdamW,
    Averaged,
    Clipped,
    Cosine,
    GradientDescent,
    HeavyBall,
    InverseTime,
    Momentum,
    Nesterov,
    Step,
    WarmRestarts,
)
from chainrule.penalties import Frobenius
from chainrule.training import Checkpoint, EarlyStopping, fit, load_checkpoint
from sample_objectives import Logistic, Quadratic

METHODS = [
    GradientDescent(Step(0.3, 7)),
    HeavyBall(InverseTime(0.5), smoothing=0.2),
    Momentum(0.1, batch_size=5),
    Nesterov(Cosine(0.1, 20), batch_size=4),
    SGD(0.2, batch_size=1),
    SGD(0.2, batch_size=6, momentum=0.9),
    Adam(0.05, batch_size=5),
    AdamW(WarmRestarts(0.05, 4, growth=2), batch_size=5, weight_decay=0.1, beside_penalty=True),
    Clipped(Momentum(0.2, batch_size=5), norm=0.05),
    Averaged(Clipped(SGD(0.2, batch_size=5, momentum=0.5), norm=0.1), decay=0.95, after=12),
]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_ten_epochs_a_file_and_ten_more_are_twenty_bit_for_bit(method, tmp_path):
    objective, path = Logistic(n=23), tmp_path / "run.safetensors"
    whole = fit(objective, method=method, epochs=20, seed=7)
    half = fit(objective, method=method, epochs=10, seed=7, checkpoint=path)
    rest = fit(objective, method=method, epochs=10, resume=str(path))
    assert rest.state == whole.state
    assert rest.history.loss.tolist() == whole.history.loss.tolist()
    assert rest.history.gradient_norm.tolist() == whole.history.gradient_norm.tolist()
    saved = load_checkpoint(path)
    assert saved.state == half.state and saved.history == half.history and saved.method == repr(method)


def test_float32_stays_float32(tmp_path):
    objective, method = Logistic(n=23, dtype=np.float32), Adam(0.05, batch_size=5)
    start = np.ones(4, np.float32)
    whole = fit(objective, method=method, epochs=6, initial=start)
    fit(objective, method=method, epochs=3, initial=start, checkpoint=tmp_path / "run")
    rest = fit(objective, method=method, epochs=3, resume=tmp_path / "run")
    assert rest.state == whole.state and rest.state.theta.dtype == np.float32


def test_early_stopping_goes_on_from_the_file(tmp_path):
    scores = [9.0, 5.0, 3.0, 3.5, 3.4, 3.3, 3.2, 3.1]
    objective, path = Logistic(n=23), tmp_path / "run"

    def scored(epochs, **options):
        return fit(
            objective,
            method=Momentum(0.1, batch_size=5),
            epochs=epochs,
            early_stopping=EarlyStopping(patience=4),
            validation=lambda parameters: numbers.pop(0),
            **options,
        )

    numbers = list(scores)
    whole = scored(7)
    numbers = list(scores)
    scored(4, checkpoint=path)
    rest = scored(3, resume=path, checkpoint=path)
    assert rest.best == whole.best and rest.state == whole.state and rest.stopped == whole.stopped
    assert load_checkpoint(path).best == whole.best


def test_the_file_holds_the_best_state_while_the_run_goes_on(tmp_path):
    scores, path, best = [9.0, 5.0, 3.0, 3.5, 2.5, 3.3], tmp_path / "run", []
    fit(
        Logistic(n=23),
        method=Momentum(0.1),
        epochs=5,
        early_stopping=EarlyStopping(patience=4),
        validation=lambda parameters: scores.pop(0),
        checkpoint=Checkpoint(path, seconds=0),
        callbacks=[lambda state: best.append(load_checkpoint(path).best.epoch)],
    )
    assert best == [1, 2, 2, 4, 4]


def test_the_file_is_written_as_often_as_asked(tmp_path):
    epochs_on_disk = []

    def look(path):
        return lambda state: epochs_on_disk.append(
            load_checkpoint(path).state.epoch if path.exists() else None
        )

    for seconds, expected in ((0, [1, 2, 3]), (1000, [None, None, None])):
        epochs_on_disk.clear()
        path = tmp_path / f"every{seconds}"
        fit(Logistic(), epochs=3, checkpoint=Checkpoint(path, seconds=seconds), callbacks=[look(path)])
        assert epochs_on_disk == expected
        assert load_checkpoint(path).state.epoch == 3
    assert sorted(os.listdir(tmp_path)) == ["every0", "every1000"]


def test_the_time_between_two_writings_counts_from_the_last(tmp_path, monkeypatch):
    """Epochs of 4 seconds: every other one is written where 8 seconds were asked for."""
    path, now, found = tmp_path / "run", [0.0], []
    monkeypatch.setattr("chainrule.training.course.time", SimpleNamespace(monotonic=lambda: now[0]))

    def tick(state):
        found.append(load_checkpoint(path).state.epoch if path.exists() else None)
        now[0] += 4

    fit(Logistic(), epochs=8, checkpoint=Checkpoint(path, seconds=8), callbacks=[tick])
    assert found == [None, None, 3, 3, 5, 5, 7, 7]


def test_a_result_goes_on_and_is_kept_in_a_file(tmp_path):
    path, how = tmp_path / "run", {"method": Momentum(0.1, batch_size=5)}
    half = fit(Logistic(n=23), **how, epochs=3)
    whole = fit(Logistic(n=23), **how, epochs=2, resume=half, checkpoint=path)
    kept = load_checkpoint(path, method=how["method"])
    assert kept.state == whole.state and kept.history == whole.history and len(kept.history) == 5
    assert (
        fit(Logistic(n=23), **how, epochs=1, resume=path).state == fit(Logistic(n=23), **how, epochs=6).state
    )


@pytest.mark.parametrize("seconds", [0, 1000])
def test_a_full_disk_costs_the_checkpoint_and_not_the_run(seconds, tmp_path, monkeypatch):
    path = tmp_path / "run"
    fit(Logistic(), epochs=2, checkpoint=path)
    before = path.read_bytes()

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        result = fit(Logistic(), epochs=4, checkpoint=Checkpoint(path, seconds))
    assert result.state == fit(Logistic(), epochs=4).state and len(result.history) == 4
    assert result.stopped == (
        f"all 4 epochs are done. The checkpoint could not be written to {path}: No space left on device."
    )
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["run"]


def test_a_disk_that_was_full_for_a_while_is_forgotten(tmp_path, monkeypatch):
    whole, count = os.fsync, iter(range(99))

    def full_at_first(handle):
        if next(count) < 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(handle)

    monkeypatch.setattr(os, "fsync", full_at_first)
    result = fit(Logistic(), epochs=4, checkpoint=Checkpoint(tmp_path / "run", 0))
    assert result.stopped == "all 4 epochs are done."
    assert load_checkpoint(tmp_path / "run").state == result.state


def test_an_error_of_a_callback_is_not_hidden_by_a_full_disk(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LookupError, match="mine"):
        fit(Logistic(), callbacks=[lambda state: {}["mine"]], checkpoint=tmp_path / "run")


def test_divergence_keeps_the_last_good_state_on_disk(tmp_path):
    path = tmp_path / "run"
    result = fit(Quadratic(), method=GradientDescent(3.0), initial=np.ones(5), epochs=10_000, checkpoint=path)
    assert "diverged" in result.stopped and load_checkpoint(path).state == result.state


def test_a_run_without_epochs_can_be_kept(tmp_path):
    start = fit(Logistic(), method=Momentum(0.1), epochs=0, checkpoint=tmp_path / "run")
    assert load_checkpoint(tmp_path / "run").state == start.state


def test_the_method_and_the_parameters_must_be_the_same(tmp_path):
    path = tmp_path / "run"
    fit(Logistic(p=4), method=Momentum(0.1), epochs=2, checkpoint=path)
    for other in (Momentum(0.2), Nesterov(0.1), GradientDescent(0.1)):
        with pytest.raises(ModelFileError, match=r"written by Momentum\(learning_rate=0.1.*this run uses"):
            fit(Logistic(p=4), method=other, epochs=2, resume=path)
    with pytest.raises(ModelFileError, match=r"w \(4,\).*w \(3,\)"):
        fit(Logistic(p=3), method=Momentum(0.1), resume=path)
    slower = fit(Logistic(p=4), method=Momentum(0.05), epochs=2, resume=load_checkpoint(path).state)
    assert slower.state.epoch == 4


def test_lbfgs_refuses_a_checkpoint_and_offers_a_warm_start(tmp_path):
    objective, path = Logistic(n=61, p=8), tmp_path / "run"
    fit(objective, method=Momentum(0.1), epochs=2, checkpoint=path)
    for wish in ({"checkpoint": tmp_path / "other"}, {"resume": path}):
        with pytest.raises(OptionError, match="LBFGS keeps its memory inside SciPy.*empty memory"):
            fit(objective, method=LBFGS(), **wish)
    assert os.listdir(tmp_path) == ["run"]
    early = fit(objective, method=LBFGS(), epochs=3)
    late = fit(objective, method=LBFGS(), resume=early)
    assert late.converged and late.history.epoch.tolist() == list(range(1, late.state.epoch + 1))


def test_a_folder_that_does_not_exist_is_named_before_training(tmp_path):
    with pytest.raises(OptionError, match="folder does not exist"):
        fit(Logistic(), checkpoint=tmp_path / "nowhere" / "run", callbacks=[pytest.fail])
    for wrong in (-1.0, np.nan):
        with pytest.raises(OptionError, match="seconds"):
            Checkpoint(tmp_path / "run", seconds=wrong)


@pytest.fixture
def checkpoint(tmp_path):
    path = tmp_path / "run"
    fit(Logistic(), method=Adam(0.1, batch_size=5), epochs=3, checkpoint=path)
    return path


def test_truncated_files_are_refused(checkpoint):
    content = checkpoint.read_bytes()
    for length in [0, 1, 7, 8, 9, 100, len(content) // 2, len(content) - 1]:
        checkpoint.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="not a checkpoint, or is damaged"):
            load_checkpoint(checkpoint)
    checkpoint.write_bytes(content + b"more")
    with pytest.raises(ModelFileError):
        load_checkpoint(checkpoint)


def test_random_damage_never_raises_anything_else(checkpoint):
    content, rng = checkpoint.read_bytes(), np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(content)
        for place in rng.integers(0, 900, rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        checkpoint.write_bytes(damaged)
        try:
            saved = load_checkpoint(checkpoint)
        except ModelFileError:
            continue
        assert np.isfinite(saved.state.theta).all()


def test_missing_and_foreign_files_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="There is no checkpoint"):
        load_checkpoint(tmp_path / "nothing")
    with pytest.raises(ModelFileError):
        load_checkpoint(tmp_path)
    (tmp_path / "text").write_text("hello, this is not a checkpoint at all")
    with pytest.raises(ModelFileError, match="not a checkpoint"):
        load_checkpoint(tmp_path / "text")
    (tmp_path / "huge").write_bytes((2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(ModelFileError, match="damaged"):
        load_checkpoint(tmp_path / "huge")
    save_file({"weight": np.ones(3)}, tmp_path / "other")
    with pytest.raises(ModelFileError, match="not a checkpoint of chainrule"):
        load_checkpoint(tmp_path / "other")


def test_a_flipped_bit_is_refused(checkpoint):
    """One bit, anywhere in the file; in the lengths and offsets of the header, too."""
    content, rng = checkpoint.read_bytes(), np.random.default_rng(4)
    for place in rng.permutation(len(content))[:400]:
        damaged = bytearray(content)
        damaged[place] ^= 1 << rng.integers(8)
        checkpoint.write_bytes(damaged)
        with pytest.raises(ModelFileError, match=str(checkpoint)):
            load_checkpoint(checkpoint)


def digest(content, tensors):
    """The checksum by its definition."""
    parts = [content.encode()]
    for name, array in sorted(tensors.items()):
        parts += [f"{name} {array.dtype.str} {array.shape} ".encode(), array.tobytes()]
    return hashlib.sha256(b"".join(parts)).hexdigest()


ABSENT = object()


def rewrite(path, tensors=None, **changes):
    """The same file with some facts or tensors changed and a checksum that fits; None removes one."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    outer = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["chainrule"])
    header = json.loads(outer["content"])
    arrays = {**load_file(path), **(tensors or {})}
    for place, value in changes.items():
        *outer, last = place.split("__")
        inside = header
        for name in outer:
            inside = inside[name]
        inside[last] = value
        if value is ABSENT:
            del inside[last]
    arrays = {name: array for name, array in arrays.items() if array is not None}
    text = json.dumps(header)
    outer = {"sha256": digest(text, arrays), "content": text}
    save_file(arrays, path, {"chainrule": json.dumps(outer)})


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "chainrule model"},
        {"version": 1},
        {"version": "1"},
        {"parameters": [["w", [5]]]},
        {"parameters": [["w", [-4]]]},
        {"parameters": "w"},
        {"state": {}},
        {"state__epoch": -1},
        {"state__epoch": "3"},
        {"state__step": True},
        {"state__generator": "{}"},
        {"state__generator": "not json"},
        {"state__generator": 5},
        {"state__loss": "low"},
        {"state__aside": 3},
        {"state__aside": [3, 1.5]},
        {"state__aside": [-3, 0.5]},
        {"best__aside": ["3", 0.5]},
        {"best": None},
        {"tensors": {"state.theta": None}},
        {"tensors": {"state.theta": np.ones(3)}},
        {"tensors": {"state.theta": np.array([1.0, np.nan, 1, 1])}},
        {"tensors": {"state.theta": np.arange(4)}},
        {"tensors": {"state.slot.first_moment": np.ones(3)}},
        {"tensors": {"history.loss": None}},
        {"tensors": {"history.loss": np.ones(2)}},
    ],
    ids=str,
)
def test_a_file_that_contradicts_itself_is_refused(checkpoint, damage):
    rewrite(checkpoint)
    load_checkpoint(checkpoint)
    rewrite(checkpoint, **damage)
    with pytest.raises(ModelFileError, match=str(checkpoint)):
        load_checkpoint(checkpoint)


def test_a_file_that_does_not_know_of_rows_set_aside_is_read(checkpoint):
    saved = load_checkpoint(checkpoint)
    assert saved.state.aside is None
    rewrite(checkpoint, state__aside=ABSENT, best__aside=ABSENT)
    assert b"aside" not in checkpoint.read_bytes()
    assert load_checkpoint(checkpoint).state == saved.state


def test_a_file_without_a_slot_does_not_resume(checkpoint):
    rewrite(checkpoint, tensors={"state.slot.second_moment": None})
    with pytest.raises(OptionError, match="second_moment"):
        fit(Logistic(), method=Adam(0.1, batch_size=5), resume=checkpoint)


NETWORK = Network([4, 5, 3], "tanh", "softmax", "cross_entropy", Frobenius(0.01))
SHEET = """
    data        x: R[p];  y: Class[K]
    parameters  W: R[K, p];  b: R[K]
    f = b + W @ x
    L = logsumexp(f) - f[y] + 0.01 * sum(W**2)
"""


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize("weighted", [False, True])
def test_networks_and_sheets_go_on_bit_for_bit(method, weighted, tmp_path):
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(23, 4)), np.arange(23) % 3
    weight = rng.integers(0, 3, 23) if weighted else None
    for how in (
        {"model": NETWORK, "data": (X, y)},
        {"model": NETWORK, "data": (X.astype(np.float32), y)},
        {"model": Equations(SHEET), "of": "L", "data": {"x": X, "y": y}},
    ):
        how |= {"method": method, "sample_weight": weight, "seed": 3}
        path = tmp_path / "run"
        whole = fit(**how, epochs=20)
        fit(**how, epochs=10, checkpoint=path)
        rest = fit(**how, epochs=10, resume=path)
        assert rest.state == whole.state and rest.history.loss.tolist() == whole.history.loss.tolist()


def test_a_callback_that_fails_leaves_the_run_on_disk(tmp_path):
    def fail(state):
        if state.epoch == 4:
            raise RuntimeError("a callback of the user's")

    objective, method, path = Logistic(n=23), Momentum(0.1, batch_size=5), tmp_path / "run"
    with pytest.raises(RuntimeError, match="of the user's"):
        fit(objective, method=method, epochs=9, callbacks=[fail], checkpoint=path)
    rest = fit(objective, method=method, epochs=5, resume=path)
    assert len(rest.history) == 9 and rest.state == fit(objective, method=method, epochs=9).state


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(OptionError, match="that is a folder; name a file"):
        fit(Quadratic(), epochs=2, checkpoint=tmp_path)
