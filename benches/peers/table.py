"""The results as Markdown."""
from statistics import median

HEADINGS = ["size", "best peer", "its ms", "ours ms", "ratio", "peak MiB ours", "peak MiB peer"]
ALL_HEADINGS = ["size", "contestant", "median ms", "min ms", "runs", "peak MiB", "of it import", "loss error",
                "worst gradient error", "others on the CPUs"]  # fmt: skip


def number(x, digits=3):
    """Three significant digits at least, no exponent."""
    if x is None:
        return ""
    return f"{x:.{max(0, digits - len(str(int(x))))}f}"


def rows(headings, body):
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in body])


def summary(results):
    """One row a size: the fastest peer beside ours. `results` is {size: {contestant: Result}}."""
    body = []
    for size, contestants in results.items():
        ours = contestants["ours"]
        peers = {name: r for name, r in contestants.items() if name != "ours" and r.times}
        if not ours.times or not peers:
            continue
        best = min(peers, key=lambda name: median(peers[name].times))
        theirs = median(peers[best].times)
        mine = median(ours.times)
        cells = [size, best, number(theirs), number(mine), f"{theirs / mine:.2f}"]
        body.append(cells + [number(ours.peak), number(peers[best].peak)])
    return rows(HEADINGS, body)


def everything(results):
    """One row a size and contestant."""
    body = []
    for size, contestants in results.items():
        for name, result in contestants.items():
            body.append([size, name] + cells(result))
    return rows(ALL_HEADINGS, body)


def cells(result):
    if not result.times:
        return [result.note] + [""] * 7
    errors = ["", ""]
    if result.agreement:
        loss, worst, gradient = result.agreement
        errors = [f"{loss:.0e}", f"{gradient:.0e} ({worst})"]
    busy = "" if result.others is None else f"{100 * result.others:.0f} %"
    runs = f"{len(result.times)} in {result.processes}"
    figures = [number(median(result.times)), number(min(result.times)), runs]
    return figures + [number(result.peak), number(result.imported)] + errors + [busy]
