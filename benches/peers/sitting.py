"""Measuring: every contestant at one size in turn, each time in a fresh process bound to the same CPUs."""
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from agreement import compare, read_ours, read_theirs
from machine import Watch, choose_cpus
from workloads import WORKLOADS

HERE = Path(__file__).resolve().parent
OURS = "ours"
# name: script, contestant within it, modules it needs
PEERS = {
    "torch loop": ("with_torch.py", "loop", ["torch"]),
    "torch vmap": ("with_torch.py", "vmap", ["torch"]),
    "higher": ("with_torch.py", "higher", ["torch", "higher"]),
    "learn2learn": ("with_torch.py", "learn2learn", ["torch", "learn2learn"]),
    "jax vmap": ("with_jax.py", "vmap", ["jax"]),
    "jax vmap, matmul": ("with_jax.py", "vmap-matmul", ["jax"]),
    "jax map, matmul": ("with_jax.py", "map-matmul", ["jax"]),
}
DISTURBED = 0.1  # others' share of the CPUs from which a process is run again
HOPELESS = 8  # so many times slower than the fastest peer: the first round is enough


@dataclass
class Result:
    """What is known of a contestant at one size."""

    times: list = field(default_factory=list)
    processes: int = 0
    peak: float | None = None
    imported: float | None = None
    agreement: tuple | None = None
    others: float | None = None
    note: str = ""

    def enter(self, report, others):
        """Adds what one process reports, and what share of the CPUs others had meanwhile."""
        if "times_ms" not in report:
            self.note = report["skipped"]
            return
        self.processes += 1
        self.times += report["times_ms"]
        self.imported = report["import_mib"]
        self.peak = max(filter(None, [self.peak, report["peak_mib"]]), default=None)
        self.others = max(filter(None, [self.others, others]), default=others)


class Sitting:
    """Runs processes one after another; `args` are those of the command line."""

    def __init__(self, args, folder):
        self.args, self.folder = args, folder
        self.cpus = choose_cpus(args.threads)
        self.watch = Watch(self.cpus)
        self.speed = build_speed()
        # NPROC is what XLA asks beside the CPUs a process is bound to
        names = ["RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC", "THREADS"]
        self.environment = os.environ | dict.fromkeys(names, str(args.threads))
        self.environment |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": "ignore"}

    def size(self, size, peers):
        """The results at one size by contestant: rounds of peers with ours in their middle."""
        results = {name: Result() for name in [OURS, *peers]}
        middle = len(peers) // 2
        for round in range(self.args.rounds):
            for name in peers[:middle] + [OURS] + peers[middle:]:
                if round == 0 or worthwhile(name, results):
                    start = time.monotonic()
                    results[name].enter(*self.measure(size, name))
                    progress(f"{size}, round {round + 1}: {name}, {time.monotonic() - start:.0f} s")
            if round == 0:
                self.check(size, results)
        return results

    def measure(self, size, name):
        """The least disturbed of some tries: a report and others' share of the CPUs."""
        tries = []
        while len(tries) < self.args.tries:
            self.watch.wait_for_quiet(DISTURBED, self.args.wait)
            self.watch.start()
            tries.append((self.report(size, name), self.watch.others()))
            if (tries[-1][1] or 0) < DISTURBED:
                break
        return min(tries, key=lambda one: ("skipped" in one[0], one[1] or 0))

    def report(self, size, name):
        """What one process of a contestant reports, or why there is nothing."""
        file = self.gradients(size, name)
        repetitions = str(self.args.repetitions or WORKLOADS[size].repetitions)
        if name == OURS:
            command = [self.speed, size, repetitions]
        else:
            script, contestant, _ = PEERS[name]
            command = [sys.executable, str(HERE / script), contestant, size, "--repetitions", repetitions]
        try:
            done = self.run([*command, "--gradients", str(file)])
        except subprocess.TimeoutExpired:
            return {"skipped": f"not done after {self.args.limit} s"}
        if done.returncode:
            return {"skipped": (done.stderr.strip().splitlines() or ["failed"])[-1]}
        return our_report(file, done.stdout) if name == OURS else json.loads(done.stdout.splitlines()[-1])

    def run(self, command):
        bind = (lambda: os.sched_setaffinity(0, self.cpus)) if self.cpus else None
        options = {"preexec_fn": bind, "capture_output": True, "text": True, "timeout": self.args.limit}
        return subprocess.run(command, env=self.environment, **options)

    def gradients(self, size, name):
        """The file a contestant writes."""
        return self.folder / f"{size}.{name}.{'safetensors' if name == OURS else 'npz'}"

    def check(self, size, results):
        """Compares the results of all peers with ours."""
        if not results[OURS].times:
            raise SystemExit(f"ours at {size}: {results[OURS].note}")
        ours = read_ours(self.gradients(size, OURS))[:2]
        for name, result in results.items():
            if name != OURS and result.times:
                loss, worst, gradient = compare(ours, read_theirs(self.gradients(size, name)))
                result.agreement = loss, worst, gradient
                progress(f"{size}: {name} is off ours by {loss:.1e} in the loss, {gradient:.1e} in {worst}")


def progress(text):
    print(text, file=sys.stderr, flush=True)


def our_report(file, output):
    """What `speed` wrote and printed, as the peers report it."""
    peak = output.split("peak ")[1].split()[0]
    peak = None if peak == "unknown" else float(peak)
    return {"times_ms": read_ours(file)[2], "peak_mib": peak, "import_mib": 0.0}


def worthwhile(name, results):
    """Whether another round can change anything."""
    if name == OURS:
        return True
    peers = [median(r.times) for n, r in results.items() if n != OURS and r.times]
    return bool(results[name].times) and median(results[name].times) <= HOPELESS * min(peers)


def build_speed():
    """Builds the example `speed` and says where it is."""
    command = ["cargo", "build", "--release", "--example", "speed", "--message-format=json"]
    built = subprocess.run(command, cwd=HERE.parents[1], check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "speed")
