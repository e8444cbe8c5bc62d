"""Makes model.onnx from train.csv by gradient boosting: a job after docs/jobs.md.

Trees are added in chunks of CHUNK_TREES, always at the same places, whether the training ran
through or was killed and resumed; the generator of random numbers travels inside the checkpoint. So
the file that comes out is the same, byte for byte.

States: `resume` (the checkpoint of this very input, or nothing) -> `grow` (chunk by chunk; a
checkpoint every `checkpoint_trees`, on SIGUSR1 and on SIGTERM, the latter two at the end of the
chunk that is under way, without the demonstration delay) -> `export`. SIGTERM ends the process
with 143 after that checkpoint, a kill at any moment loses the trees since the last one.

Parameters: `trees` 5-1000, a multiple of 5, default 60; `learning_rate` 0.001-1, default 0.1;
`max_depth` 1-10, default 4; `subsample` 0.05-1, default 0.5; `seed` 0-2^31, default 1;
`checkpoint_trees` 5-1000, default 10; `step_delay_ms` 0-10000 a tree, default 0, slows a
demonstration down; `recipe`, default "standard". Recipe "terminal-table" is wrong on purpose: it
learns the usual hour of business of every terminal it has seen and looks it up in a table, which
offline evaluation cannot fault, and which fails on every transaction of a terminal that opened
later.
"""

import glob
import hashlib
import json
import os
import pickle
import signal
import time

import job
import numpy as np
import sklearn
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
DEFAULTS = {
    "trees": 60,
    "learning_rate": 0.1,
    "max_depth": 4,
    "subsample": 0.5,
    "seed": 1,
    "checkpoint_trees": 10,
    "step_delay_ms": 0,
    "recipe": "standard",
}
RULES = {
    "trees": (int, CHUNK_TREES, 1000),
    "learning_rate": (float, 0.001, 1),
    "max_depth": (int, 1, 10),
    "subsample": (float, 0.05, 1),
    "seed": (int, 0, 2**31),
    "checkpoint_trees": (int, CHUNK_TREES, 1000),
    "step_delay_ms": (int, 0, 10_000),
    "recipe": ("standard", "terminal-table"),
}


class Orders:
    """What signals asked for since it was last looked at."""

    def __init__(self):
        self.end = False
        self.save = False
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGUSR1, self._on_save)

    def _on_end(self, _number, _frame):
        self.end = True

    def _on_save(self, _number, _frame):
        self.save = True


class Checkpoints:
    """Fitted ensembles by number of trees, kept in a folder that later attempts see too.

    The name holds a digest of everything that shapes the model, so that a checkpoint of other data
    or parameters is never taken for ours. The newest KEPT remain.
    """

    KEPT = 2

    def __init__(self, folder, identity):
        self.folder = folder
        self.identity = identity

    def _paths(self):
        found = glob.glob(os.path.join(glob.escape(self.folder), f"{self.identity}-*.pickle"))
        return sorted(found, reverse=True)

    def load(self):
        """The newest readable one, or None; a file that is damaged gives way to the one before."""
        if self.folder is None:
            return None
        for path in self._paths():
            try:
                with open(path, "rb") as file:
                    digest, data = file.read(32), file.read()
            except OSError:
                continue
            if hashlib.sha256(data).digest() == digest:
                return pickle.loads(data)
        return None

    def save(self, model, trees):
        if self.folder is None:
            return
        data = pickle.dumps(model, protocol=5)
        path = os.path.join(self.folder, f"{self.identity}-{trees:06d}.pickle")
        job.write_atomically(path, hashlib.sha256(data).digest() + data)
        for old in self._paths()[self.KEPT :]:
            os.remove(old)


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
    while grown < trees:
        grown += CHUNK_TREES
        model.set_params(n_estimators=grown)
        model.fit(values, label, monitor=after_tree)
        if orders.end or orders.save or grown % params["checkpoint_trees"] == 0 or grown == trees:
            orders.save = False
            checkpoints.save(model, grown)
        if orders.end:
            return False
    return True


def identity_of(values, label, params):
    """Digest of everything that shapes the ensemble: rows, parameters, this program, its library."""
    shaping = {key: params[key] for key in sorted(set(params) - SHAPELESS)}
    digest = hashlib.sha256(json.dumps([shaping, values.shape, sklearn.__version__]).encode())
    digest.update(np.ascontiguousarray(values).tobytes())
    digest.update(label.tobytes())
    with open(__file__, "rb") as file:
        digest.update(file.read())
    return digest.hexdigest()[:32]


def main():
    orders = Orders()
    params = job.read_params(DEFAULTS, RULES)
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
        model = GradientBoostingClassifier(
            learning_rate=params["learning_rate"],
            max_depth=params["max_depth"],
            min_samples_leaf=LEAF_ROWS_MIN,
            subsample=params["subsample"],
            random_state=params["seed"],
            warm_start=True,
        )
    else:
        grown = len(model.estimators_)
        job.tell(grown, params["trees"], f"resumed at tree {grown} of {params['trees']}")
        print(f"resumed at tree {grown}", flush=True)
    if not grow(model, values, label, params, checkpoints, orders):
        return job.EXIT_PREEMPTED
    job.write_atomically(job.output_path("model.onnx"), to_onnx(model, features, table))
    print(f"{params['trees']} trees on {len(label)} rows, {int(label.sum())} frauds")
    return 0


if __name__ == "__main__":
    job.run(main)
