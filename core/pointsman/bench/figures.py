"""What measurements find: ratios of one run, and amounts; each with its budget."""

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured thing: its rate, the rate of what it is compared with, and the ratio that the budget is for."""

    name: str
    rate: float
    """Messages, rows or look-ups a second, median of the rounds."""
    baseline: float
    """The same of what it is compared with, median of the rounds."""
    ratio: float
    """Median of the ratios of neighbouring rounds."""
    budget: float
    rounds: tuple[float, ...]
    """The ratio of each round."""

    @property
    def within(self) -> bool:
        """Whether the budget is kept."""
        return self.ratio >= self.budget


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """One measured thing of which less is better, in its own unit."""

    name: str
    value: float
    unit: str
    most: float | None = None
    """The budget; None where there is none."""

    @property
    def within(self) -> bool:
        """Whether the budget is kept."""
        return self.most is None or self.value <= self.most


Found = Figure | Amount
