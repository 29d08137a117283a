"""Run by itself: imports what programs of tests begin with, once, and forks a process of its own for each of them.

Importing torch takes two seconds, more than most of these programs. A forked process runs its program as ``__main__``,
on the main thread and before a loader was made, and ends as any interpreter does. Requests are lines of JSON on stdin;
each is answered by two lines, the process's number and how it ended.
"""

import atexit
import json
import os
import sys
from pathlib import Path

# Registered before all others, so run after them: what a program names `at_the_very_end` sees their time too.
atexit.register(lambda: globals().get("at_the_very_end", lambda: None)())

import numpy  # noqa: E402, F401
import torch  # noqa: E402, F401

import penstock.loading.native.loader  # noqa: E402
import penstock.loading.python_loader  # noqa: E402, F401


def next_request():
    """Serves requests; returns, in the process that is to run it, one of them."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            return json.loads(line)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
    os._exit(0)


def become(request):
    """Takes the request's files for the standard ones, and its arguments and its script's folder for one's own."""
    files = [(os.devnull, os.O_RDONLY), (request["stdout"], os.O_WRONLY), (request["stderr"], os.O_WRONLY)]
    for number, (path, flags) in enumerate(files):
        file = os.open(path, flags)
        os.dup2(file, number)
        os.close(file)
    script = Path(request["script"])
    sys.argv = [str(script), *request["arguments"]]
    sys.path[0] = str(script.parent)
    globals()["__file__"] = str(script)
    return compile(script.read_text(), script, "exec")


# At the module's level: this is `__main__`, as it is for a program that is started by itself.
exec(become(next_request()))
