"""What the comparison runs on, and who else is running on it."""
import importlib.metadata
import os
import platform
import subprocess
import time

LIBRARIES = ["numpy", "torch", "higher", "learn2learn", "jax"]


def _first_line(path, start=""):
    try:
        with open(path) as file:
            return next(line for line in file if line.startswith(start)).strip()
    except (OSError, StopIteration):
        return ""


def cpu_model():
    return _first_line("/proc/cpuinfo", "model name").partition(": ")[2] or platform.processor() or platform.machine()


def versions():
    """One line of everything that takes part."""
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()
    found = [f"rustc {rustc[1]}" if rustc else "rustc unknown", f"python {platform.python_version()}"]
    for library in LIBRARIES:
        try:
            found.append(f"{library} {importlib.metadata.version(library)}")
        except importlib.metadata.PackageNotFoundError:
            found.append(f"{library} not installed")
    return ", ".join(found)


def choose_cpus(count):
    """So many of the CPUs we may use, of different cores as long as there are any; None where processes cannot be bound."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed, chosen, cores = sorted(os.sched_getaffinity(0)), [], set()
    for cpu in allowed:
        core = _first_line(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") or str(cpu)
        if core not in cores:
            cores.add(core)
            chosen.append(cpu)
    chosen += [cpu for cpu in allowed if cpu not in chosen]
    if len(chosen) < count:
        raise SystemExit(f"{count} threads asked for, but there are {len(chosen)} CPUs")
    return set(chosen[:count])


class Watch:
    """How much of the CPUs other processes use (Linux; elsewhere nothing is known).

    Child processes that have ended count as ours.
    """

    def __init__(self, cpus):
        self.cpus = cpus
        self.start()

    def start(self):
        self.began, self.busy, self.own = time.monotonic(), self._busy(), self._own()

    def others(self):
        """Their share of the time since `start`, or None."""
        if self.busy is None:
            return None
        seconds = (time.monotonic() - self.began) * len(self.cpus)
        theirs = self._busy() - self.busy - (self._own() - self.own)
        return max(0.0, theirs / seconds)

    def wait_for_quiet(self, share, limit):
        """Waits until others use less than `share`, `limit` seconds at most."""
        end = time.monotonic() + limit
        while self.busy is not None and time.monotonic() < end:
            self.start()
            time.sleep(1)
            if self.others() < share:
                return

    def _busy(self):
        if not self.cpus:
            return None
        wanted = {f"cpu{cpu}" for cpu in self.cpus}
        try:
            with open("/proc/stat") as file:
                rows = [line.split() for line in file]
        except OSError:
            return None
        # user, nice, system; interrupts and stolen time are nobody's
        ticks = sum(int(x) for row in rows if row[0] in wanted for x in row[1:4])
        return ticks / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own():
        return sum(os.times()[:4])
