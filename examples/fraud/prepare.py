"""Makes train.csv and heldout.csv from data.csv: a job after docs/jobs.md.

Every feature is known at the moment of the transaction. A customer's windows end with the
transaction itself. A terminal's windows end `delay_days` earlier, because only by then are all
labels of the window known (chapter 3.3 of the handbook that generate.py names); a label that takes
longer makes the input unusable. In the same way the last `delay_days` before the held-out days are
left out of the training rows: their labels are not known on the day the training would run.

Parameters: `heldout_days` 1-60, default 12; `delay_days` 1-30, default 7; `warmup_days` 0-60,
default 10, the first days, whose windows are too short to learn from; `negatives_per_positive`
1-1000, default 16, genuine training rows kept for each fraud; `heldout_rows_max` 1000-1000000,
default 50000, the latest held-out rows are kept; `seed` 0-2^31, default 1.
"""

import warnings

import job
import numpy as np

COLUMNS = {
    "transaction_id": "i8",
    "tx_time": "U19",
    "customer_id": "i8",
    "terminal_id": "i8",
    "amount": "f8",
    "is_fraud": "i8",
    "label_at": "U19",
}
DAY = 86_400
WINDOWS_DAYS = (1, 7, 30)
# More than the longest delay and the longest window together.
REACH = 100 * DAY
NIGHT_ENDS_HOUR = 6
SATURDAY = 5
LABEL = "is_fraud"
STEPS = 4
DEFAULTS = {
    "heldout_days": 12,
    "delay_days": 7,
    "warmup_days": 10,
    "negatives_per_positive": 16,
    "heldout_rows_max": 50_000,
    "seed": 1,
}
RULES = {
    "heldout_days": (int, 1, 60),
    "delay_days": (int, 1, 30),
    "warmup_days": (int, 0, 60),
    "negatives_per_positive": (int, 1, 1000),
    "heldout_rows_max": (int, 1000, 1_000_000),
    "seed": (int, 0, 2**31),
}


def read_table(path):
    """Columns of data.csv in order of time, as arrays; times are seconds since 1970."""
    names = job.read_header(path, COLUMNS)
    dtype = [(name, COLUMNS[name]) for name in COLUMNS]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            rows = np.loadtxt(
                path,
                delimiter=",",
                skiprows=1,
                dtype=dtype,
                usecols=[names.index(name) for name in COLUMNS],
                ndmin=1,
            )
        table = {name: rows[name] for name in COLUMNS}
        for name in ("tx_time", "label_at"):
            table[name] = table[name].astype("datetime64[s]").astype(np.int64)
    except ValueError as error:
        raise job.Rejected(f"Cannot read data.csv: {error}") from error
    if len(rows) == 0:
        raise job.Rejected("Cannot prepare data.csv: it has no rows")
    order = np.lexsort((table["transaction_id"], table["tx_time"]))
    return {name: column[order] for name, column in table.items()}


class History:
    """For every row, sums over the earlier rows of the same customer or terminal.

    Rows are sorted by owner, then time, so that a window is a run of neighbours: its ends are found
    by bisection in one combined key, its sum is a difference of cumulative sums.
    """

    def __init__(self, owner, time, values):
        self.order = np.argsort(owner, kind="stable")
        self.time = time[self.order]
        # Owners lie so far apart in the key that no window reaches into the owner before.
        self.base = owner[self.order].astype(np.int64) * (time.max() - time.min() + 2 * REACH)
        self.start = time.min() - REACH
        self.key = self.base + self.time - self.start
        self.sums = {
            name: np.concatenate([[0.0], np.cumsum(column[self.order], dtype=np.float64)])
            for name, column in values.items()
        }

    def up_to_self(self):
        """End of a window that closes with the row itself."""
        return np.arange(1, len(self.order) + 1)

    def up_to(self, seconds_ago):
        """End of a window that closes so many seconds before the row, that moment included."""
        return np.searchsorted(self.key, self.base + self.time - self.start - seconds_ago, "right")

    def total(self, name, begin, end):
        """Sum over (begin, end] in the order of the rows as given."""
        sums = np.empty(len(self.order))
        sums[self.order] = self.sums[name][end] - self.sums[name][begin]
        return sums


def make_features(table, delay_days):
    """Feature name -> one value a row. The order is the order of the columns in both outputs."""
    time, amount, fraud = table["tx_time"], table["amount"], table[LABEL]
    ones = np.ones(len(time))
    hour = (time % DAY) // 3600
    # 1 January 1970 was a Thursday, which is 3 when Monday is 0.
    weekday = (time // DAY + 3) % 7
    features = {
        "amount": amount,
        "hour": hour,
        "is_night": (hour < NIGHT_ENDS_HOUR).astype(np.int64),
        "is_weekend": (weekday >= SATURDAY).astype(np.int64),
    }
    customers = History(table["customer_id"], time, {"count": ones, "amount": amount})
    for days in WINDOWS_DAYS:
        begin, end = customers.up_to(days * DAY), customers.up_to_self()
        count = customers.total("count", begin, end)
        features[f"customer_count_{days}d"] = count.astype(np.int64)
        features[f"customer_mean_amount_{days}d"] = np.round(
            customers.total("amount", begin, end) / count, 4
        )
    terminals = History(table["terminal_id"], time, {"count": ones, "fraud": fraud})
    end = terminals.up_to(delay_days * DAY)
    for days in WINDOWS_DAYS:
        begin = terminals.up_to((delay_days + days) * DAY)
        count = terminals.total("count", begin, end)
        frauds = terminals.total("fraud", begin, end)
        features[f"terminal_count_{days}d"] = count.astype(np.int64)
        features[f"terminal_risk_{days}d"] = np.round(frauds / np.maximum(count, 1), 6)
    features["terminal_id"] = table["terminal_id"]
    return features


def split(table, params):
    """Row numbers of the training and of the held-out part."""
    day = table["tx_time"] // DAY
    first_held_out = day.max() - params["heldout_days"] + 1
    held_out = np.nonzero(day >= first_held_out)[0][-params["heldout_rows_max"] :]
    known = day < first_held_out - params["delay_days"]
    train = np.nonzero(known & (day >= day.min() + params["warmup_days"]))[0]
    fraud = table[LABEL]
    positives, negatives = train[fraud[train] == 1], train[fraud[train] == 0]
    if len(positives) == 0 or len(negatives) == 0 or fraud[held_out].min() == fraud[held_out].max():
        raise job.Rejected(
            f"Cannot split data.csv: {len(positives)} frauds and {len(negatives)} genuine rows to "
            "train on, wanted both there and among the held-out rows"
        )
    wanted = min(len(negatives), len(positives) * params["negatives_per_positive"])
    kept = np.random.default_rng(params["seed"]).choice(negatives, wanted, replace=False)
    return np.sort(np.concatenate([positives, kept])), held_out


def main():
    params = job.read_params(DEFAULTS, RULES)
    job.tell(0, STEPS, "reading data.csv")
    table = read_table(job.input_path("data.csv"))
    if not np.isin(table[LABEL], (0, 1)).all():
        raise job.Rejected(f"Cannot prepare data.csv: {LABEL} has other values than 0 and 1")
    late = (table["label_at"] - table["tx_time"]).max() / DAY
    if late > params["delay_days"]:
        raise job.Rejected(
            f"Cannot prepare data.csv: a label arrives {late:.2f} days late, wanted at most "
            f"delay_days {params['delay_days']}"
        )
    job.tell(1, STEPS, f"{len(table[LABEL])} rows read")
    features = make_features(table, params["delay_days"])
    job.tell(2, STEPS, f"{len(features)} features made")
    parts = split(table, params)
    for step, (name, rows) in enumerate(zip(("train.csv", "heldout.csv"), parts), start=3):
        columns = {key: values[rows].tolist() for key, values in features.items()}
        columns[LABEL] = table[LABEL][rows].tolist()
        job.write_csv(job.output_path(name), columns)
        job.tell(step, STEPS, f"{name}: {len(rows)} rows, {sum(columns[LABEL])} frauds")
    return 0


if __name__ == "__main__":
    job.run(main)
