"""Numbers in Prometheus's text format, version 0.0.4."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Literal, TypeAlias

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"

Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """How many observations lie up to each bound and above the one before; the last: above all."""

    bounds: Sequence[float]
    counts: Sequence[int]
    total: float  # of all that was observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric: a number, or with a histogram a distribution, for each set of labels."""

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    samples: Sequence[tuple[Labels, float]] = ()
    distributions: Sequence[tuple[Labels, Distribution]] = ()


def render(families: Iterable[Family]) -> str:
    """Write them, sorted by name; a metric without a number is left out."""
    lines = []
    for family in sorted(families, key=lambda each: each.name):
        if not family.samples and not family.distributions:
            continue
        lines.append(f"# HELP {family.name} {_escaped(family.help)}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        lines += [
            f"{family.name}{_labelled(labels)} {_number(value)}"
            for labels, value in sorted(family.samples)
        ]
        for labels, distribution in sorted(family.distributions, key=lambda each: each[0]):
            lines += _distributed(family.name, labels, distribution)
    return "".join(f"{line}\n" for line in lines)


def _distributed(name: str, labels: Labels, distribution: Distribution) -> Iterator[str]:
    """Write a histogram: of each bound how many are not above it."""
    up_to = list(accumulate(distribution.counts))
    for bound, count in zip((*map(_number, distribution.bounds), "+Inf"), up_to, strict=True):
        yield f"{name}_bucket{_labelled((*labels, ('le', bound)))} {count}"
    yield f"{name}_sum{_labelled(labels)} {_number(distribution.total)}"
    yield f"{name}_count{_labelled(labels)} {up_to[-1]}"


def _labelled(labels: Labels) -> str:
    if not labels:
        return ""
    pairs = ",".join(f'{name}="{_quoted(value)}"' for name, value in labels)
    return f"{{{pairs}}}"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', '\\"')
