"""Programs that let go of a loader in every way there is; each runs by itself, with a timeout."""

from __future__ import annotations

import textwrap
from pathlib import Path

__all__ = ["BY_ITSELF", "CASES", "COUNT_THREADS", "program"]

#: For preludes that import os.
COUNT_THREADS = """
def native_threads():
    names = []
    for task in os.listdir("/proc/self/task"):
        try:
            names.append(open(f"/proc/self/task/{task}/comm").read())
        except OSError:
            pass  # it has ended meanwhile
    return sum(name.startswith("penstock") for name in names)
"""

PRELUDE = """
import faulthandler, gc, os, signal, sys, threading, time
# Not dump_traceback_later(): its timer thread would be missing in a forked child, and waited for there.
faulthandler.register(signal.SIGALRM, all_threads=True)
signal.alarm(40)
# What a shell starts in the background ignores it, and so would this.
signal.signal(signal.SIGINT, signal.default_int_handler)
import penstock, torch

path, loader_type = sys.argv[1:]

def make(**arguments):
    settings = dict(batch_size=2, shuffle=True, seed=0, loader_type=loader_type, tensors=["jpegs"])
    return penstock.DataLoader(path, **(settings | arguments))
"""
PRELUDE += COUNT_THREADS

CASES = {
    "early_break": """
        loader = make()
        for _ in range(200):
            for batch in loader:
                break
        assert len(list(loader)) == 6
    """,
    "dropped_iterator_and_loader": """
        for _ in range(30):
            iterator = iter(make())
            next(iterator)
            del iterator
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "let_go_without_the_collector": """
        gc.disable()
        for _ in range(3):
            loader = make()
            next(iter(loader))
            rebuilt = torch.utils.data.DataLoader(
                loader.dataset, batch_sampler=loader.batch_sampler, collate_fn=loader.collate_fn
            )
            next(iter(rebuilt))
            del loader, rebuilt
        assert native_threads() == 0, native_threads()
    """,
    "goes_on_in_a_forked_child": """
        loader = make()
        iterator = iter(loader)
        first = next(iterator)
        rest = [batch["jpegs"] for batch in make()][1:]
        child = os.fork()
        if child == 0:
            code = 1
            try:
                got = [batch["jpegs"] for batch in iterator]
                same = [all(map(torch.equal, a, b)) for a, b in zip(got, rest, strict=True)]
                code = 0 if all(same) and len(list(loader)) == 6 else 2
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        assert len(list(iterator)) == 5
    """,
    "iterator_outlives_loader": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
        del loader
        gc.collect()
        assert len(list(iterator)) == 5
        del iterator
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "batches_outlive_loader": """
        loader = make()
        kept = [batch["jpegs"] for batch in loader]
        sums = [int(images.sum()) for images in kept]
        loader.close()
        del loader
        gc.collect()
        assert [int(images.sum()) for images in kept] == sums
    """,
    "interpreter_exit_while_iterating": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
    """,
    "exit_from_within_the_loop": """
        for batch in make():
            sys.exit(0)
    """,
    "interpreter_exit_with_workers_kept_by_a_module": """
        import types
        # What a module holds is let go of later than what the program itself does.
        kept = sys.modules["kept"] = types.ModuleType("kept")
        kept.loader = make(num_workers=2, transform=dict)
        kept.iterator = iter(kept.loader)
        next(kept.iterator)
    """,
    "exception_in_the_loop": """
        for _ in range(50):
            try:
                for batch in make(num_threads=1):
                    raise ValueError("mine")
            except ValueError as error:
                assert str(error) == "mine"
        gc.collect()
        assert native_threads() == 0, native_threads()
    """,
    "closing_is_idempotent_and_final": """
        loader = make()
        iterator = iter(loader)
        next(iterator)
        loader.close()
        loader.close()
        for attempt in (lambda: list(iterator), lambda: list(loader)):
            try:
                attempt()
            except penstock.errors.LoaderClosedError as error:
                assert "closed" in str(error)
            else:
                raise AssertionError("a closed loader went on")
        assert native_threads() == 0
    """,
    "closing_ends_persistent_workers": """
        import multiprocessing
        loader = make(num_workers=2, persistent_workers=True, transform=lambda sample: sample)
        list(loader)
        assert len(multiprocessing.active_children()) == 2
        loader.close()
        assert not multiprocessing.active_children()
        try:
            list(loader)
        except penstock.errors.LoaderClosedError:
            pass
        else:
            raise AssertionError("a closed loader went on")
    """,
    "first_iterations_at_once_make_one_core": """
        for _ in range(20):
            loader = make(num_threads=1)
            gate = threading.Barrier(6)
            counts = []
            def consume():
                gate.wait()
                counts.append(len(list(loader)))
            threads = [threading.Thread(target=consume) for _ in range(6)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert counts == [6] * 6
            loader.close()
            assert native_threads() == 0, native_threads()
    """,
    "thousands_of_iterations_leave_nothing": """
        loader = make()
        list(loader)
        before = native_threads(), len(os.listdir("/proc/self/fd")), threading.active_count()
        for _ in range(300):
            iterator = iter(loader)
            next(iterator)
            del iterator
        assert (native_threads(), len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    """,
    "fork_before_and_after_the_first_batch": """
        for started in (False, True):
            loader = make()
            iterator = iter(loader)
            if started:
                next(iterator)
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                code = 0 if len(list(loader)) == 6 else 3
                del loader, iterator
                gc.collect()
                sys.exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert len(list(iterator)) == (5 if started else 6)
    """,
    "spawned_process_gets_the_loader": """
        import multiprocessing
        if __name__ == "__main__":
            loader = make()
            list(loader)
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                assert pool.apply(len, (loader,)) == 6
    """,
    "many_loaders_at_once": """
        loaders = [make(seed=seed, num_threads=2) for seed in range(8)]
        for batches in zip(*loaders, strict=True):
            assert len(batches) == 8
    """,
    "used_from_several_threads": """
        loader = make()
        counts = []
        def consume():
            counts.append(sum(len(batch["jpegs"]) for batch in loader))
        threads = [threading.Thread(target=consume) for _ in range(6)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert counts == [12] * 6, counts
    """,
}

#: These are about how an interpreter starts and ends. The others begin where torch and penstock are imported already.
BY_ITSELF = {
    "interpreter_exit_while_iterating",
    "interpreter_exit_with_workers_kept_by_a_module",
    "exit_from_within_the_loop",
    "fork_before_and_after_the_first_batch",
    "spawned_process_gets_the_loader",
}


def program(tmp_path: Path, body: str) -> Path:
    """A script of the case ``body``: takes the path of a dataset with twelve equal "jpegs", and a loader type."""
    script = tmp_path / "case.py"
    script.write_text(PRELUDE + textwrap.dedent(body))
    return script
