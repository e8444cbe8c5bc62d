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

import job

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
    "trees": (int, 5, 1000),
    "learning_rate": (float, 0.001, 1),
    "max_depth": (int, 1, 10),
    "subsample": (float, 0.05, 1),
    "seed": (int, 0, 2**31),
    "checkpoint_trees": (int, 5, 1000),
    "step_delay_ms": (int, 0, 10_000),
    "recipe": ("standard", "terminal-table"),
}


def main():
    orders = job.Orders()
    params = job.read_params(DEFAULTS, RULES)
    job.tell(0, params["trees"], "starting")
    # Loading scikit-learn takes a second or more, in which a signal may come already.
    from boosting import train

    return train(params, orders)


if __name__ == "__main__":
    job.run(main)
