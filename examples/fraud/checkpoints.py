"""Checkpoints of a fitted ensemble in a folder that the attempts of a training share."""

import glob
import hashlib
import os
import pickle

import job

DIGEST_BYTES = 32


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
                    digest, data = file.read(DIGEST_BYTES), file.read()
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
