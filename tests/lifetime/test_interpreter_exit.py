"""The interpreter may end while the core's threads are within Python: nothing crashes, nothing is printed."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from support.native_core import PRELUDE
from support.programs import run_by_itself, run_forked

#: What is alive at the end. Each is run several times: what goes wrong does so by chance.
CASES = {
    "loader": "ld = loader(Store()); ep = start(ld); ep.next()",
    "verifier": "v = verifier(Store()); v.next()",
    "loader_kept_for_ever": "ld = loader(Store()); ep = start(ld); ep.next(); sys.keep = (ld, ep)",
    "verifier_kept_for_ever": "v = verifier(Store()); v.next(); sys.keep = v",
    "allocator": """
        ld = loader(Store(), allocate=allocate)
        ep = start(ld)
        sys.keep = [ld, ep, ep.next()]
    """,
    "reader": """
        def read(indices, decoded):
            time.sleep(0.001)
            return [np.full(4, index % 7, np.uint8) for index in indices]
        ld = loader(Store(), [read_source(read)])
        ep = start(ld)
        sys.keep = [ld, ep, ep.next()]
    """,
    "reader_that_fails": """
        def read(indices, decoded):
            time.sleep(0.001)
            return [ValueError(index) for index in indices]
        ld = loader(Store(), [read_source(read)])
        ep = start(ld)
        time.sleep(0.05)
        sys.keep = [ld, ep]
    """,
    "generator_held_by_a_failed_frame": """
        def check():
            v = verifier(Store())
            try:
                while (found := v.next()) is not None:
                    yield found
            finally:
                v.stop()
        def work():
            checked = check()
            next(checked)
            raise ValueError("while a local holds it")
        try:
            work()
        except ValueError as error:
            sys.keep = error
    """,
    "daemon_thread_that_waits": """
        def never():
            time.sleep(3)
        ld = loader(Store(never))
        ep = start(ld)
        def wait():
            try:
                ep.next()
            except errors.LoaderClosedError:
                pass
        threading.Thread(target=wait, daemon=True).start()
        time.sleep(0.1)
    """,
    "daemon_threads_that_iterate": """
        def run():
            while True:
                try:
                    ld = loader(Store(), io_threads=2)
                    ep = start(ld)
                    while ep.next() is not None: pass
                except errors.LoaderClosedError:
                    return
        for _ in range(3):
            threading.Thread(target=run, daemon=True).start()
        time.sleep(0.1)
    """,
    "made_at_exit": """
        import atexit
        def late():
            ld = loader(Store())
            sys.keep = [ld, start(ld)]
        atexit.register(late)
    """,
    "used_by_a_finalizer": """
        class Last:
            def __init__(self):
                self.loader = loader(Store())
                self.epoch = start(self.loader)
            def __del__(self, errors=errors, wanted=errors.LoaderClosedError):
                try:
                    while self.epoch.next() is not None: pass
                except wanted:
                    pass
        sys.keep = Last()
    """,
    "forked_child_exits": """
        ld = loader(Store()); ep = start(ld); ep.next(); v = verifier(Store())
        child = os.fork()
        if child == 0:
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    """,
    "exit_in_a_thread": """
        ld = loader(Store()); ep = start(ld); ep.next()
        thread = threading.Thread(target=sys.exit)
        thread.start()
        thread.join()
    """,
    "slow_reads": """
        ld = loader(Store(lambda: time.sleep(0.75)))
        ep = start(ld)
        v = verifier(Store(lambda: time.sleep(0.72)))
        time.sleep(0.1)
    """,
}


@pytest.mark.parametrize("case", list(CASES))
def test_exit(case: str, native: Any, tmp_path: Path) -> None:
    script = tmp_path / "case.py"
    script.write_text(PRELUDE + textwrap.dedent(CASES[case]))
    # The latter begin where torch and penstock are imported already: they end as others do, and sooner.
    for run in (run_by_itself, run_forked, run_forked):
        result = run(script)
        assert (result.returncode, result.stderr) == (0, "")


COLLECTED = """
def make(store):
    handle = {make}
    cycle = {{}}
    cycle["handle"], cycle["itself"] = handle, cycle
# Not before nobody else has the handle: reads that were over by then would collect nothing.
let_go = threading.Event()
make(Store(lambda: let_go.wait() and gc.collect()))
let_go.set()
end = time.monotonic() + 20
while native_threads() and time.monotonic() < end:
    time.sleep(0.05)
print(native_threads())
"""


@pytest.mark.parametrize("make", ["verifier(store)", "start(loader(store))"])
def test_a_handle_may_be_collected_on_its_own_thread(make: str, native: Any, tmp_path: Path) -> None:
    script = tmp_path / "case.py"
    script.write_text(PRELUDE + "gc.disable()\n" + COLLECTED.format(make=make))
    result = run_by_itself(script)
    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")


def test_a_crash_in_a_thread_of_the_core_is_told(native: Any, tmp_path: Path) -> None:
    script = tmp_path / "case.py"
    script.write_text(
        PRELUDE + "faulthandler.enable()\nep = start(loader(Store(lambda: ctypes.string_at(0))))\nep.next()\n"
    )
    result = run_by_itself(script)
    assert result.returncode == -11
    assert "Segmentation fault" in result.stderr
    assert "in read" in result.stderr


def test_a_forked_child_is_told_that_a_loader_is_not_its_own(native: Any, tmp_path: Path) -> None:
    script = tmp_path / "case.py"
    script.write_text(
        PRELUDE
        + textwrap.dedent("""
        ld = loader(Store()); ep = start(ld); batch = ep.next(); v = verifier(Store())
        child = os.fork()
        if child == 0:
            del batch
            gc.collect()
            for use in (ep.next, ld.stats, lambda: start(ld), v.next):
                try:
                    use()
                except errors.LoaderClosedError as error:
                    assert "process" in str(error)
                else:
                    os._exit(3)
            ep.close(); ld.stop(); v.stop()
            del ep, ld, v
            sys.exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert len(batch[0]) == 8
        """)
    )
    result = run_by_itself(script)
    assert (result.returncode, result.stderr) == (0, "")
