"""Medians, quartiles and the verdict of a paired comparison."""

from random import Random
from statistics import median, quantiles

ENOUGH = 7  # with fewer rounds the quartiles say little about the next one


class Spread:
    """A sample by its median and quartiles, which a few disturbed rounds cannot move."""

    def __init__(self, sample):
        self.sample = sample
        self.count = len(sample)
        self.median = median(sample)
        if len(sample) > 1:
            self.low, _, self.high = quantiles(sample, n=4, method="inclusive")
        else:
            self.low = self.high = self.median

    def __str__(self):
        return f"{self.median:.2f} [{self.low:.2f}..{self.high:.2f}]"

    def interval(self, resamples=2000):
        """The 95 % bootstrap interval of the median; the same numbers give the same interval."""
        chance = Random(1)
        medians = sorted(median(chance.choices(self.sample, k=self.count)) for _ in range(resamples))
        return medians[int(resamples * 0.025)], medians[int(resamples * 0.975)]

    def as_dict(self):
        return {"median": self.median, "low": self.low, "high": self.high, "interval": self.interval()}


def verdict(ratio, enough=ENOUGH, alike=0):
    """What a ratio says, above 1 being good: a difference counts when both quartiles agree on its sign, and are further from 1
    than what is still alike."""
    if ratio.count < enough:
        return "few rounds"
    percent = (ratio.median - 1) * 100
    if ratio.low > 1 + alike:
        return f"win {percent:+.0f} %"
    if ratio.high < 1 - alike:
        return f"LOSS {percent:+.0f} %"
    return "even"
