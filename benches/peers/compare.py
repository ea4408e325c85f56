"""Ours and theirs in turn, on the same numbers: `python3 benches/peers/compare.py [NAMES...] [--rounds N] [--threads T]`.

Prints Markdown; ends non-zero when results disagree. README.md says what is compared.
"""
import argparse
import importlib.util
import sys
import tempfile
from pathlib import Path

if importlib.util.find_spec("numpy") is None:
    sys.exit("numpy is not installed: pip install -r benches/peers/requirements.txt")

import table
from agreement import GRADIENT_TOLERANCE, LOOSER, LOSS_TOLERANCE, agrees
from machine import cpu_model, versions
from sitting import PEERS, Sitting
from workloads import WORKLOADS


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    option = parser.add_argument
    option("names", nargs="*", metavar="NAMES", help=f"of {', '.join(WORKLOADS)}; all by default")
    option("--rounds", type=int, default=3, help="processes of each contestant and size (default 3)")
    option("--threads", type=int, default=2, help="threads and CPUs of each (default 2)")
    option("--peer", action="append", choices=PEERS, help="only this one; may be given more than once")
    option("--repetitions", type=int, help="timed calls in a process (by default what suits the size)")
    option("--tries", type=int, default=2, help="times to run a process that others disturbed (default 2)")
    option("--wait", type=int, default=30, metavar="S", help="seconds at most to wait for others (default 30)")
    option("--limit", type=int, default=300, metavar="S", help="seconds a process may take (default 300)")
    args = parser.parse_args()
    unknown = set(args.names) - set(WORKLOADS)
    if unknown:
        parser.error(f"there is no size {', '.join(sorted(unknown))}")
    if min(args.rounds, args.threads, args.tries, args.repetitions or 1) < 1:
        parser.error("rounds, threads, tries and repetitions are at least 1")
    return args


def disagreements(results):
    return [
        f"- {size}, {name}: loss {r.agreement[0]:.1e}, gradient of {r.agreement[1]} {r.agreement[2]:.1e}"
        for size, contestants in results.items()
        for name, r in contestants.items()
        if r.agreement and not agrees(size, r.agreement)
    ]


def main():
    args = arguments()
    chosen = args.peer or list(PEERS)
    missing = {name: [m for m in PEERS[name][2] if not importlib.util.find_spec(m)] for name in chosen}
    peers = [name for name in chosen if not missing[name]]
    results = {}
    try:
        with tempfile.TemporaryDirectory() as folder:
            sitting = Sitting(args, Path(folder))
            for size in args.names or WORKLOADS:
                results[size] = sitting.size(size, peers)
    except KeyboardInterrupt:
        print("interrupted: what was measured so far follows", file=sys.stderr)
    print(f"{cpu_model()}, {args.threads} threads; {versions()}\n")
    for name in chosen:
        if missing[name]:
            print(f"Left out: {name} ({', '.join(missing[name])} not installed)\n")
    print(table.summary(results), table.everything(results), sep="\n\n")
    wrong = disagreements(results)
    looser = ", ".join(f"{size} {tolerance:.0e}" for size, tolerance in LOOSER.items())
    print(f"\nTolerated: loss {LOSS_TOLERANCE:.0e}, gradients {GRADIENT_TOLERANCE:.0e} ({looser}), relative l2 error of each tensor.")
    print("\n".join(["Disagreements with ours:\n", *wrong]) if wrong else "All agree with ours.")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
