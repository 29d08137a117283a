"""However a program lets go of a loader of Deep Lake 4 data, threads end, nothing hangs and nothing crashes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.leaving import BY_ITSELF, CASES, program
from support.programs import run_by_itself, run_forked

OWN = {
    # deeplake 4 crashes where a thread reads while os.fork() is called: its own hook comes first. Here none does.
    "fork_before_and_after_an_epoch": """
        for started in (False, True):
            loader = make()
            if started:
                assert len(list(loader)) == 6
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                code = 0 if len(list(loader)) == 6 else 3
                del loader
                gc.collect()
                os._exit(code)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert len(list(loader)) == 6
    """,
    # What deeplake 4 does not survive where it happens after its own hook, which comes first.
    "starting_processes_while_changed_datasets_wait_to_be_collected": """
        import deeplake
        gc.disable()
        os.register_at_fork(before=gc.collect)
        for loader_type in ("python", "c++"):
            lake = deeplake.create(f"{os.path.dirname(__file__)}/{loader_type}")
            lake.add_column("n", deeplake.types.Int64())
            lake.commit()
            lake.append({"n": [1]})
            assert len(penstock.open(lake)["n"].numpy_all()) == 1
            del lake
            loader = make(loader_type=loader_type, transform=lambda sample: sample, num_workers=1)
            assert len(list(loader)) == 6
    """,
    "an_error_in_a_reading_thread_keeps_its_type": """
        from penstock.dataset.lake4 import Lake4Tensor
        class Mine(Exception): pass
        def broken(self, indices, decoded):
            raise Mine("in a thread of the core")
        Lake4Tensor.read_many = broken
        for _ in range(20):
            try:
                list(make(loader_type="c++"))
            except Mine as error:
                assert str(error) == "in a thread of the core"
            else:
                raise AssertionError("no error")
    """,
    "closing_while_a_read_is_under_way": """
        from penstock.dataset.lake4 import Lake4Tensor
        read, begun = Lake4Tensor.read_many, threading.Event()
        def slow(self, indices, decoded):
            begun.set()
            time.sleep(0.5)
            return read(self, indices, decoded)
        Lake4Tensor.read_many = slow
        loader = make(loader_type="c++")
        iterator = iter(loader)
        waiting = []
        def wait():
            try:
                next(iterator)
            except penstock.errors.LoaderClosedError:
                waiting.append("closed")
        thread = threading.Thread(target=wait)
        thread.start()
        begun.wait()
        loader.close()
        thread.join()
        assert waiting == ["closed"] and native_threads() == 0
    """,
    "exit_while_a_read_is_under_way": """
        from penstock.dataset.lake4 import Lake4Tensor
        read = Lake4Tensor.read_many
        def slow(self, indices, decoded):
            time.sleep(0.3)
            return read(self, indices, decoded)
        Lake4Tensor.read_many = slow
        iterator = iter(make(loader_type="c++"))
    """,
    "a_reader_that_answers_wrongly": """
        from penstock.dataset.lake4 import Lake4Tensor
        import numpy
        answers = [
            lambda indices: [b""] * (len(indices) + 1),
            lambda indices: None,
            lambda indices: [object()] * len(indices),
            lambda indices: [numpy.zeros((4, 4, 3), numpy.float64)] * len(indices),
            lambda indices: [numpy.zeros((4, 4, 6), numpy.uint8)[:, :, ::2]] * len(indices),
        ]
        for answer in answers:
            Lake4Tensor.read_many = lambda self, indices, decoded: answer(indices)
            try:
                list(make(loader_type="c++"))
            except Exception as error:
                assert str(error)
            else:
                raise AssertionError("it passed")
    """,
}
ALL = {name: body for name, body in CASES.items() if not name.startswith("fork")} | OWN


@pytest.mark.parametrize("case", list(ALL))
def test_leaving(case: str, lake4: Callable[[str], Path], native: Any, tmp_path: Path) -> None:
    run = run_forked if case in CASES.keys() - BY_ITSELF else run_by_itself
    result = run(program(tmp_path, ALL[case]), str(lake4("equal_images")), "c++")
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr, result.stderr
