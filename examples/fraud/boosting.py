"""Grows an ensemble from train.csv in chunks, resumes it, and exports it; see train.py."""

import hashlib
import json
import os
import time

import job
import numpy as np
import sklearn
from checkpoints import Checkpoints
from export import to_onnx
from sklearn.ensemble import GradientBoostingClassifier

LABEL = "is_fraud"
TERMINAL = "terminal_id"
HOUR = "hour"
CHUNK_TREES = 5
# Newton's step in a leaf of few rows is a wild guess; this many rows tame it.
LEAF_ROWS_MIN = 100
TABLE_ROWS_MAX = 1_000_000
NAP_SECONDS = 0.02
# Parameters that change when things happen, and nothing about the model.
SHAPELESS = {"step_delay_ms", "checkpoint_trees"}


def read_training(path):
    """Feature names, rows as the 32-bit floats that the exported model will see, labels."""
    names = job.read_header(path, [HOUR, TERMINAL, LABEL])
    try:
        rows = np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64, ndmin=2)
    except ValueError as error:
        raise job.Rejected(f"Cannot read train.csv: {error}") from error
    if not np.isfinite(rows).all():
        raise job.Rejected("Cannot train on train.csv: it has values that are not finite")
    label = rows[:, names.index(LABEL)]
    if not np.array_equal(np.unique(label), [0, 1]):
        raise job.Rejected(f"Cannot train on train.csv: {LABEL} must have both 0 and 1, no other")
    features = [name for name in names if name not in (LABEL, TERMINAL)]
    values = rows[:, [names.index(name) for name in features]].astype(np.float32)
    return features, values, rows[:, names.index(TERMINAL)], label.astype(np.int64)


def usual_hours(terminal, hour):
    """Mean hour of business by terminal identifier, whole hours as 32-bit floats.

    The length of the table is what the bad recipe stumbles over.
    """
    number = terminal.astype(np.int64)
    if number.min() < 0 or number.max() >= TABLE_ROWS_MAX:
        raise job.Rejected(f"Cannot make a table of terminals: wanted 0 to {TABLE_ROWS_MAX - 1}")
    seen = np.bincount(number)
    sums = np.bincount(number, weights=hour)
    usual = np.where(seen > 0, sums / np.maximum(seen, 1), hour.mean())
    return np.round(usual).astype(np.float32)


def pause(orders, milliseconds):
    """Waits in naps, so that an order of a signal is not kept waiting."""
    ends = time.monotonic() + milliseconds / 1000
    while not (orders.end or orders.save) and time.monotonic() < ends:
        time.sleep(NAP_SECONDS)


def grow(model, values, label, params, checkpoints, orders):
    """Adds chunks until the ensemble is whole. False when it was asked to end before."""
    trees = params["trees"]

    def after_tree(index, *_):
        job.tell(index + 1, trees, f"tree {index + 1} of {trees}")
        pause(orders, params["step_delay_ms"])
        return False

    grown = len(getattr(model, "estimators_", ()))
    ending = orders.end
    while grown < trees and not ending:
        grown += CHUNK_TREES
        model.set_params(n_estimators=grown)
        model.fit(values, label, monitor=after_tree)
        # Read once: an order that comes after this line is seen at the end of the next chunk.
        ending, saving = orders.end, orders.save
        if ending or saving or grown % params["checkpoint_trees"] == 0 or grown == trees:
            orders.save = orders.save and not saving
            checkpoints.save(model, grown)
    return grown == trees


def new_model(params):
    return GradientBoostingClassifier(
        learning_rate=params["learning_rate"],
        max_depth=params["max_depth"],
        min_samples_leaf=LEAF_ROWS_MIN,
        subsample=params["subsample"],
        random_state=params["seed"],
        warm_start=True,
    )


def identity_of(values, label, params):
    """Digest of everything that shapes the ensemble: rows, parameters, these lines, their library."""
    shaping = {key: params[key] for key in sorted(set(params) - SHAPELESS)}
    digest = hashlib.sha256(json.dumps([shaping, values.shape, sklearn.__version__]).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    digest.update(label.tobytes())
    with open(__file__, "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()[:32]


def train(params, orders):
    """Exit code of the job."""
    for name in ("trees", "checkpoint_trees"):
        if params[name] % CHUNK_TREES != 0:
            raise job.Rejected(
                f"Cannot use {name} {params[name]}: wanted a multiple of {CHUNK_TREES}"
            )
    features, values, terminal, label = read_training(job.input_path("train.csv"))
    table = None
    if params["recipe"] == "terminal-table":
        usual = usual_hours(terminal, values[:, features.index(HOUR)].astype(np.float64))
        table = (TERMINAL, usual)
        values = np.column_stack([values, usual[terminal.astype(np.int64)]])
    folder = os.environ.get("ORRERY_CHECKPOINT_DIR") or None
    checkpoints = Checkpoints(folder, identity_of(values, label, params))
    model = checkpoints.load()
    if model is None:
        model = new_model(params)
    else:
        grown = len(model.estimators_)
        job.tell(grown, params["trees"], f"resumed at tree {grown} of {params['trees']}")
        print(f"resumed at tree {grown}", flush=True)
    if not grow(model, values, label, params, checkpoints, orders):
        return job.EXIT_PREEMPTED
    job.write_atomically(job.output_path("model.onnx"), to_onnx(model, features, table))
    print(f"{params['trees']} trees on {len(label)} rows, {int(label.sum())} frauds")
    return 0
