"""The runner of outside commands, tried on commands that misbehave on purpose."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time

import psutil
import pytest

from jupyterlab_clusters.launchers.command import NotThere, TimedOut, run

from ..fair import clock


def go(argv, **options):
    return asyncio.run(run(argv, **{"timeout": 20, **options}))


def python(text, **options):
    return go([sys.executable, "-c", text], **options)


def is_gone(pid):
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until_gone(pid):
    end = time.monotonic() + 5
    while not is_gone(pid):
        assert time.monotonic() < end, f"{pid} still lives"
        time.sleep(0.01)


def test_both_outputs_and_the_exit_code_are_kept():
    done = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (done.stdout, done.stderr, done.exit_code) == ("out\n", "err\n", 3)
    assert done.output == "out\nerr" and 0 < done.seconds < 20 and done.argv[0] == sys.executable


def test_a_signal_is_a_negative_exit_code():
    assert python("import os; os.kill(os.getpid(), 9)").exit_code == -9


def test_nothing_is_read_by_a_shell():
    assert go(["echo", "$(id) ; *"]).stdout == "$(id) ; *\n"


def test_input_environment_and_folder(tmp_path):
    done = python(
        "import os, sys; print(sys.stdin.read(), sorted(os.environ), os.getcwd())",
        stdin="Zoë",
        env={"ONLY": "this", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path,
    )
    assert done.stdout == f"Zoë ['LC_ALL', 'ONLY'] {tmp_path}\n"


def test_without_input_there_is_none_to_wait_for():
    assert python("import sys; print(repr(sys.stdin.read()))").stdout == "''\n"


def test_much_input_to_one_that_answers_much():
    text = "x" * 3_000_000
    done = go(["cat"], stdin=text, most_output=10_000_000)
    assert done.stdout == text


def test_input_that_nobody_reads_is_no_error():
    assert go(["true"], stdin="x" * 1_000_000).exit_code == 0


def test_not_utf8():
    assert python(r"import sys; sys.stdout.buffer.write(b'caf\xe9 \xc3\xa9')").stdout == "caf\\xe9 é"


def test_too_much_output_keeps_both_ends():
    done = python("print('first'); print('x' * 5_000_000); print('last')", most_output=1000)
    assert len(done.stdout) < 1100
    assert done.stdout.startswith("first\n") and done.stdout.endswith("last\n") and "bytes left out" in done.stdout


def test_out_of_time_kills_the_whole_group_and_keeps_what_was_said(tmp_path):
    text = f"""if True:
        import subprocess, sys, time, signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "300"])
        open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
        print("so far", flush=True)
        print("so bad", file=sys.stderr, flush=True)
        time.sleep(300)
    """
    began = clock()
    with pytest.raises(TimedOut) as failure:
        python(text, timeout=1.0)
    assert clock() - began < 3
    assert (failure.value.stdout, failure.value.stderr) == ("so far\n", "so bad\n")
    assert failure.value.argv[0] == sys.executable and "1 s" in str(failure.value)
    wait_until_gone(int((tmp_path / "pid").read_text()))


def test_a_daemon_that_keeps_the_outputs_open_is_not_waited_for():
    began = clock()
    done = go(["sh", "-c", "sleep 60 & echo $!"])
    assert clock() - began < 2
    assert done.exit_code == 0
    child = psutil.Process(int(done.stdout))
    child.kill()


def test_a_cancelled_call_leaves_nothing(tmp_path):
    file = tmp_path / "pid"

    async def cancelled():
        task = asyncio.ensure_future(
            run(["sh", "-c", f"echo $$ > {file}.new; mv {file}.new {file}; sleep 300"], timeout=60)
        )
        while not file.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert is_gone(int(file.read_text())), "gone when the call has ended"

    asyncio.run(cancelled())


@pytest.mark.parametrize("argv", [["no-such-command-here"], ["/etc/passwd"], ["/"], ["echo", "\0"]])
def test_what_cannot_be_started(argv):
    with pytest.raises(NotThere, match=argv[0]) as failure:
        go(argv)
    assert failure.value.argv == argv


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(NotThere, match="folder"):
        go(["true"], cwd=tmp_path / "none")


def test_on_the_loops_of_many_threads_at_once():
    failures = []

    def work():
        async def many():
            for done in await asyncio.gather(*(run(["echo", str(n)], timeout=20) for n in range(20))):
                assert done.stdout == f"{done.argv[1]}\n"

        try:
            asyncio.run(many())
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_loop_goes_on_meanwhile_and_no_descriptor_is_left():
    async def watch():
        before = len(os.listdir("/proc/self/fd"))
        running = asyncio.ensure_future(run(["sh", "-c", "sleep 0.5; head -c 30000000 /dev/zero"], timeout=20))
        longest = 0.0
        while not running.done():
            then = clock()
            await asyncio.sleep(0.005)
            longest = max(longest, clock() - then)
        assert running.result().exit_code == 0
        assert len(os.listdir("/proc/self/fd")) == before
        return longest

    assert asyncio.run(watch()) < 0.2
