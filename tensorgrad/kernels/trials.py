"""Whether helpers make a short job faster, learned from doing it with and without them.

To wake a thread, and to wait for Python's lock where two threads want it, takes 5 microseconds on one machine and 20 to
80 on another, such as a virtual one whose idle cores sleep. No size of a job is right for both: on the second one, a
step of LeNet-5 took two threads 1.2 times as long as one. So jobs that last about as long are done both ways in turn at
first, and then in the way that was faster. Results are the same bits either way.
"""

from collections.abc import Hashable

# 1 with helpers, 0 without: how a job is done at first; the shortest times count. Not in turn, or of two jobs that are
# taken for one kind, and come one after the other, each would be done in one way only.
FIRST = (1, 0, 0, 1, 1, 0)
AGAIN = 31  # every so many times the slower way is tried again, for the machine's load changes
WEIGHT = 0.25  # of a new time in the mean that is kept then
PAYS = 0.9  # of the time without helpers, or less: what they write lies in another core's cache than its reader's
MOST = 1024  # kinds of jobs that are remembered


class Trial:
    """The times of one kind of job, in seconds."""

    __slots__ = ("count", "times")

    def __init__(self) -> None:
        self.count = 0
        self.times = [0.0, 0.0]  # without helpers, with them

    def way(self) -> int:
        """1 if helpers are to take part this time, else 0."""
        count, self.count = self.count, self.count + 1
        if count < len(FIRST):
            return FIRST[count]
        alone, helped = self.times
        ratio = max(alone, helped) / max(min(alone, helped), 1e-9)
        every = round(AGAIN * ratio) | 1  # the longer it takes the less often, and always odd, as FIRST says
        return int((helped < PAYS * alone) != (count % every == 0))

    def note(self, way: int, seconds: float) -> None:
        """Remember how long it took."""
        mean = self.times[way] or seconds
        if self.count <= len(FIRST):
            self.times[way] = min(mean, seconds)
        else:  # one long interruption counts as twice the time
            self.times[way] = mean + WEIGHT * (min(seconds, 2 * mean) - mean)


_trials: dict[Hashable, Trial] = {}


def trial(kind: Hashable) -> Trial:
    """The trial of a kind of job, which is to be the same work each time."""
    found = _trials.get(kind)
    if found is None:
        if len(_trials) >= MOST:  # sizes that change with every batch
            _trials.clear()
        found = _trials.setdefault(kind, Trial())
    return found
