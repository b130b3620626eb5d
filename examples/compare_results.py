"""Compare two learners: does pre-training help each of them, and which one earns more?

    python examples/compare_results.py ppo uniform

Each argument is the name of a published baseline, or a results folder of your own.
"""

import sys

import amtlb


def in_words(figure: amtlb.Figure) -> str:
    """A figure with its 95 % interval, and with its null: its range where there is no effect."""
    if figure.value is None or figure.interval is None or figure.null is None:
        return "undefined"
    interval = f"[{figure.interval.low:+.3f}, {figure.interval.high:+.3f}]"
    null = f"{figure.null.low:+.3f} to {figure.null.high:+.3f}"
    return f"{figure.value:+.3f} {interval}, null {null}, p = {figure.null.p_value:.3f}"


if __name__ == "__main__":
    comparison = amtlb.compare(sys.argv[1:])
    for one in comparison.contenders:
        print(f"{one.label}: transfer contrast {in_words(one.scores.transfer.contrast)}")
        print(f"    {one.claim.sentence}")
    for duel in comparison.duels:
        print(f"a fresh run of {duel.ours} earns more than one of {duel.theirs}: {in_words(duel.fresh)}")
