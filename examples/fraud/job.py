"""The side of the job contract (docs/jobs.md) that both programs of this example share.

A job finds its folders and files through ORRERY_* variables, tells its progress in a file that is
replaced as a whole, and ends with 0, with 64 when its input will never do, or with 143 when it was
asked to end and has saved what it had.
"""

import json
import os
import signal
import sys

EXIT_REJECTED = 64
EXIT_PREEMPTED = 143


class Rejected(Exception):
    """The input is wrong and will be wrong again: one line for the operator, exit 64."""


def run(main):
    """Runs main() and ends the process with the exit code of the contract."""
    try:
        sys.exit(main())
    except Rejected as error:
        print(error, file=sys.stderr)
        sys.exit(EXIT_REJECTED)


class Orders:
    """What signals asked for since it was last looked at.

    Made before anything slow is imported: until then SIGUSR1 would end the process.
    """

    def __init__(self):
        self.end = False
        self.save = False
        signal.signal(signal.SIGTERM, self._on_end)
        signal.signal(signal.SIGUSR1, self._on_save)

    def _on_end(self, _number, _frame):
        self.end = True

    def _on_save(self, _number, _frame):
        self.save = True


def variable(name):
    value = os.environ.get(name, "")
    if value == "":
        raise Rejected(f"Cannot start the job: {name} is not set, wanted a path (docs/jobs.md)")
    return value


def input_path(name):
    path = os.path.join(variable("ORRERY_INPUT_DIR"), name)
    if not os.path.isfile(path):
        raise Rejected(f"Cannot read {name}: it is not in the input folder")
    return path


def output_path(name):
    return os.path.join(variable("ORRERY_OUTPUT_DIR"), name)


def write_atomically(path, data):
    """Writes bytes beside the path, forces them to disk and renames, so that a kill leaves old or new."""
    partial = f"{path}.partial"
    with open(partial, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def tell(step, steps, message):
    """Replaces the progress file; it is news, not truth, so it is not forced to disk."""
    path = variable("ORRERY_PROGRESS_FILE")
    partial = f"{path}.partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"step": step, "steps": steps, "message": message}, file)
    os.replace(partial, path)


def read_params(defaults, rules):
    """The parameters over their defaults, each checked.

    A rule is (type, low, high) for numbers with inclusive bounds, or a tuple of the words allowed.
    A parameter without a rule is an error, so that a misspelt one is not ignored.
    """
    try:
        with open(variable("ORRERY_PARAMS_FILE"), encoding="utf-8") as file:
            given = json.load(file)
    except (OSError, ValueError) as error:
        raise Rejected(f"Cannot read the parameters: {error}") from error
    if not isinstance(given, dict):
        raise Rejected("Cannot read the parameters: they are no JSON object")
    unknown = sorted(set(given) - set(rules))
    if unknown:
        raise Rejected(f'Cannot use parameter "{unknown[0]}": wanted one of {", ".join(rules)}')
    params = {**defaults, **given}
    for name, value in params.items():
        _check(name, value, rules[name])
    return params


def _check(name, value, rule):
    if isinstance(rule[0], str):
        if value not in rule:
            raise Rejected(f"Cannot use {name} {value!r}: wanted one of {', '.join(rule)}")
        return
    kind, low, high = rule
    # A JSON true is an int to Python, and a JSON 1 is a fine learning rate.
    fits = not isinstance(value, bool) and isinstance(value, (int, float) if kind is float else int)
    if not fits or not low <= value <= high:
        raise Rejected(f"Cannot use {name} {value!r}: wanted {kind.__name__} from {low} to {high}")


def read_header(path, wanted):
    """The column names of a CSV file; every wanted one must be among them."""
    with open(path, encoding="utf-8") as file:
        names = file.readline().rstrip("\r\n").split(",")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise Rejected(f"Cannot read {os.path.basename(path)}: column {missing[0]} is missing")
    return names


def write_csv(path, columns):
    """Columns as name -> list of Python numbers, all of one length."""
    lines = [",".join(columns)]
    lines.extend(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))
    write_atomically(path, ("\n".join(lines) + "\n").encode("ascii"))
