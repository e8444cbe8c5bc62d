"""Makes a table of card transactions with known frauds, the same bytes for the same seed.

Recipe: the transaction simulator of Y.-A. Le Borgne, W. Siblini, B. Lebichot and G. Bontempi,
"Reproducible Machine Learning for Credit Card Fraud Detection - Practical Handbook" (Université
Libre de Bruxelles, 2022), chapter 3.2, written anew with vectorised numpy. Every number of the
recipe is a constant below, under the name that the text of the chapter suggests.

* Customers and terminals live at uniform places of a 100 x 100 grid. A customer uses the terminals
  within a radius of 5, each as often as any other; one without any makes no transactions.
* A customer has a mean amount U(5, 100), a standard deviation of half of it, and a mean number of
  transactions a day U(0, 4). The number of a day is Poisson. The time of day is N(12 h, 20 000 s);
  a draw outside the day makes no transaction. The amount is normal; a negative one is drawn again
  as U(0, 2 x mean).
* Scenario 1: every amount above 220 is a fraud.
* Scenario 2: every day two terminals are compromised; all their transactions of the next 28 days
  are frauds.
* Scenario 3: every day three customers leak their card; of their transactions of the next 14 days
  a third has its amount multiplied by 5 and is a fraud.

Differences from the chapter, all stated: by default 1600 customers, 3200 terminals and 75 days
instead of 5000, 10 000 and 183, with the counts of scenarios 2 and 3 left as published, so that
frauds are about 2.5 % of the rows and a table of 200 000 rows has enough of them; and two columns
are ours: `label_at`, when the bank learns whether the transaction was a fraud (between 1 and 7 days
later, uniform), and the ISO times.

`--drift` changes the world from the day `--drift-day` on, and leaves all earlier rows alone: amounts
grow by half, a tenth of the number of terminals opens with identifiers beyond the old range and
takes 15 % of the transactions, and scenario 4 begins: every day six customers leak their card to
someone who tests it, and of their transactions of the next 14 days half has its amount divided by
10 and is a fraud.

The random numbers are numpy's PCG64, whose streams are stable within a pinned version of numpy.
"""

import argparse
import os
import sys

import numpy as np

GRID = 100.0
RADIUS = 5.0
MEAN_AMOUNT_MIN, MEAN_AMOUNT_MAX = 5.0, 100.0
MEAN_PER_DAY_MAX = 4.0
DAY_SECONDS = 86_400
TIME_SD_SECONDS = 20_000
LARGE_AMOUNT = 220.0
TERMINALS_A_DAY, TERMINAL_DAYS = 2, 28
CUSTOMERS_A_DAY, CUSTOMER_DAYS, CUSTOMER_SHARE, CUSTOMER_FACTOR = 3, 14, 1 / 3, 5.0
LABEL_DELAY_DAYS_MIN, LABEL_DELAY_DAYS_MAX = 1.0, 7.0

DRIFT_INFLATION = 1.5
DRIFT_TERMINALS_SHARE = 0.1
DRIFT_TERMINALS_USE = 0.15
TESTERS_A_DAY, TESTER_DAYS, TESTER_SHARE, TESTER_FACTOR = 6, 14, 1 / 2, 0.1

FIRST_DAY = np.datetime64("2026-01-05T00:00:00", "s")
HEADER = "transaction_id,tx_time,customer_id,terminal_id,amount,is_fraud,label_at"
EXIT_REJECTED = 64


def transactions(rng, customers, terminals, days):
    """Genuine transactions in order of time: (seconds, customer, terminal, amount)."""
    places = rng.uniform(0, GRID, (customers, 2))
    mean_amount = rng.uniform(MEAN_AMOUNT_MIN, MEAN_AMOUNT_MAX, customers)
    per_day = rng.uniform(0, MEAN_PER_DAY_MAX, customers)
    shops = rng.uniform(0, GRID, (terminals, 2))
    near = (
        (places[:, None, 0] - shops[None, :, 0]) ** 2 + (places[:, None, 1] - shops[None, :, 1]) ** 2
    ) < RADIUS**2
    in_reach = near.sum(axis=1)
    first_in_reach = np.concatenate([[0], np.cumsum(in_reach)[:-1]])
    terminal_list = np.nonzero(near)[1]

    per_day[in_reach == 0] = 0
    counts = rng.poisson(per_day[:, None], (customers, days)).ravel()
    cell = np.repeat(np.arange(customers * days), counts)
    customer, day = cell // days, cell % days
    second = rng.normal(DAY_SECONDS / 2, TIME_SD_SECONDS, len(cell)).astype(np.int64)
    amount = rng.normal(mean_amount[customer], mean_amount[customer] / 2)
    redrawn = rng.uniform(0, 2 * mean_amount[customer])
    amount = np.where(amount < 0, redrawn, amount)
    pick = (rng.random(len(cell)) * in_reach[customer]).astype(np.int64)
    terminal = terminal_list[first_in_reach[customer] + pick]

    kept = (second > 0) & (second < DAY_SECONDS)
    seconds = (day * DAY_SECONDS + second)[kept]
    order = np.argsort(seconds, kind="stable")
    return seconds[order], customer[kept][order], terminal[kept][order], amount[kept][order]


def struck(rng, first_day, days, a_day, lasts_days, population):
    """Whether a member of the population is under attack on a day: bool [population, days].

    An attack that is drawn for a day begins on the day after, as in the chapter.
    """
    table = np.zeros((population, days), dtype=bool)
    for day in range(first_day, days):
        for member in rng.choice(population, a_day, replace=False):
            table[member, day + 1 : day + 1 + lasts_days] = True
    return table


def leaked(rng, first_day, days, customer, day, population, attack):
    """Indices of the transactions that a thief changed: a share of each leaked card's."""
    a_day, lasts_days, share = attack
    table = struck(rng, first_day, days, a_day, lasts_days, population)
    chosen = rng.random(len(customer)) < share
    return np.nonzero(table[customer, day] & chosen)[0]


def generate(seed, customers, terminals, days, drift_day=None):
    """Columns of the table in order of time, as a dict of arrays."""
    rng = np.random.default_rng([seed, 1])
    seconds, customer, terminal, amount = transactions(rng, customers, terminals, days)
    day = seconds // DAY_SECONDS
    fraud = np.zeros(len(seconds), dtype=np.int64)

    if drift_day is not None:
        drift = np.random.default_rng([seed, 2])
        late = day >= drift_day
        opened = max(1, round(terminals * DRIFT_TERMINALS_SHARE))
        moved = late & (drift.random(len(seconds)) < DRIFT_TERMINALS_USE)
        amount = np.where(late, amount * DRIFT_INFLATION, amount)

    fraud[amount > LARGE_AMOUNT] = 1
    compromised = struck(rng, 0, days, TERMINALS_A_DAY, TERMINAL_DAYS, terminals)
    hit = compromised[terminal, day]
    fraud[hit if drift_day is None else hit & ~moved] = 1
    attack = (CUSTOMERS_A_DAY, CUSTOMER_DAYS, CUSTOMER_SHARE)
    stolen = leaked(rng, 0, days, customer, day, customers, attack)
    amount[stolen] *= CUSTOMER_FACTOR
    fraud[stolen] = 1
    delay = rng.uniform(LABEL_DELAY_DAYS_MIN, LABEL_DELAY_DAYS_MAX, len(seconds)) * DAY_SECONDS

    if drift_day is not None:
        attack = (TESTERS_A_DAY, TESTER_DAYS, TESTER_SHARE)
        tested = leaked(drift, drift_day, days, customer, day, customers, attack)
        amount[tested] *= TESTER_FACTOR
        fraud[tested] = 1
        terminal = np.where(moved, terminals + drift.integers(0, opened, len(seconds)), terminal)

    return {
        "seconds": seconds,
        "customer": customer,
        "terminal": terminal,
        "amount": np.round(amount, 2),
        "fraud": fraud,
        "label_seconds": seconds + delay.astype(np.int64),
    }


def write_csv(path, table):
    """Writes beside the path and renames, so that a reader never sees half a table."""
    times = np.datetime_as_string(FIRST_DAY + table["seconds"]).tolist()
    labels = np.datetime_as_string(FIRST_DAY + table["label_seconds"]).tolist()
    columns = zip(
        times,
        table["customer"].tolist(),
        table["terminal"].tolist(),
        table["amount"].tolist(),
        table["fraud"].tolist(),
        labels,
    )
    lines = [
        f"{number},{time}Z,{customer},{terminal},{amount:.2f},{fraud},{label}Z\n"
        for number, (time, customer, terminal, amount, fraud, label) in enumerate(columns)
    ]
    partial = f"{path}.partial"
    with open(partial, "w", encoding="ascii", newline="") as file:
        file.write(HEADER + "\n")
        file.writelines(lines)
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description="Makes a table of card transactions with frauds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=75, help="at least 2")
    parser.add_argument("--customers", type=int, default=1600, help="at least 10")
    parser.add_argument("--terminals", type=int, default=3200, help="at least 10")
    parser.add_argument("--drift", action="store_true", help="change the world from --drift-day on")
    parser.add_argument("--drift-day", type=int, default=None, help="default: two thirds of --days")
    parser.add_argument("--out", required=True)
    given = parser.parse_args()
    if given.seed < 0 or given.days < 2 or given.customers < 10 or given.terminals < 10:
        print(
            f"Cannot generate --seed {given.seed} --days {given.days} --customers {given.customers} "
            f"--terminals {given.terminals}: wanted at least 0, 2, 10 and 10",
            file=sys.stderr,
        )
        return EXIT_REJECTED
    drift_day = None
    if given.drift:
        drift_day = given.days * 2 // 3 if given.drift_day is None else given.drift_day
        if not 0 <= drift_day < given.days:
            print(
                f"Cannot drift from day {drift_day}: wanted 0 to {given.days - 1}", file=sys.stderr
            )
            return EXIT_REJECTED
    table = generate(given.seed, given.customers, given.terminals, given.days, drift_day)
    write_csv(given.out, table)
    frauds = int(table["fraud"].sum())
    print(f"{given.out}: {len(table['fraud'])} transactions, {frauds} frauds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
