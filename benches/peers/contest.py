"""What every peer script does: make a step for one workload, warm up, time it, report.

A contestant is a function from a workload to a pair: `step()`, which returns when the meta-gradient is there, and `read(result)`,
which turns what `step` returned into the loss and the gradients by our names in our layouts. It raises `NotApplicable` for
workloads it has no way to do.
"""
import argparse
import json
import time

import numpy as np

from workloads import WORKLOADS

WARM_UPS = 2  # the first compiles, where there is a compiler
PATIENCE = 6  # seconds of timed calls after which a slow contestant may stop early
FEWEST = 3


class NotApplicable(Exception):
    pass


def memory_mib(field):
    """A figure of this process in MiB (Linux), or None: VmRSS is memory in RAM now, VmHWM its peak."""
    try:
        with open("/proc/self/status") as status:
            line = next(line for line in status if line.startswith(field + ":"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1]) / 1024


def timed(step, repetitions):
    """Times in milliseconds, and what the last call returned."""
    times, begin = [], time.perf_counter()
    while len(times) < repetitions:
        start = time.perf_counter()
        result = step()
        times.append((time.perf_counter() - start) * 1e3)
        spent = time.perf_counter() - begin
        if spent > PATIENCE and (len(times) >= FEWEST or spent > FEWEST * PATIENCE):
            break
    return times, result


def main(contestants):
    """Runs one contestant on one workload; the last line printed is a JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("contestant", choices=contestants)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--gradients", metavar="FILE.npz")
    args = parser.parse_args()
    imported = memory_mib("VmRSS")
    workload = WORKLOADS[args.workload]
    try:
        step, read = contestants[args.contestant](workload)
    except (NotApplicable, ImportError) as reason:
        print(json.dumps({"skipped": str(reason)}))
        return
    start = time.perf_counter()
    for _ in range(WARM_UPS):
        if time.perf_counter() - start < PATIENCE:
            step()
    warm_up = time.perf_counter() - start
    times, result = timed(step, args.repetitions or workload.repetitions)
    report = {"times_ms": times, "warm_up_s": warm_up}
    report |= {"peak_mib": memory_mib("VmHWM"), "import_mib": imported}
    if args.gradients:
        loss, gradients = read(result)
        np.savez(args.gradients, loss=loss, **gradients)
    print(json.dumps(report))
