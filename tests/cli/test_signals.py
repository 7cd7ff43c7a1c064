"""What Ctrl-C and SIGTERM do to a training."""

import signal
from contextlib import suppress

import pytest

from nmt.cli.signals import ended_by_ctrl_c, stop_on_signal


def lost():
    with suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def taken_for_an_error():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise RuntimeError("INTERNAL") from error


@pytest.mark.parametrize("library", [lost, taken_for_an_error])
def test_ctrl_c_ends_the_block_whatever_a_library_makes_of_it(library):
    with pytest.raises(KeyboardInterrupt), ended_by_ctrl_c():
        library()


def test_a_second_ctrl_c_is_left_to_the_system():
    left = []
    with suppress(KeyboardInterrupt), ended_by_ctrl_c():
        lost()
        left.append(signal.getsignal(signal.SIGINT))
    assert left == [signal.SIG_DFL]


def test_without_ctrl_c_an_error_stays_what_it_is():
    with pytest.raises(ValueError, match="other"), ended_by_ctrl_c():
        raise ValueError("other")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_asks_to_stop_and_leaves_a_second_one_to_the_system(
    capsys: pytest.CaptureFixture[str], number: signal.Signals, code: int
) -> None:
    with stop_on_signal() as stop:
        assert (stop(), stop.exit_code) == (False, 0)
        signal.raise_signal(number)
        assert (stop(), stop.exit_code) == (True, code)
        assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == [signal.SIG_DFL] * 2
    assert capsys.readouterr().err.startswith("stopping, and saving first")


@pytest.mark.parametrize("heeding", [ended_by_ctrl_c, stop_on_signal])
def test_what_a_process_in_the_background_ignores_stays_ignored(heeding):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with heeding() as stop:
        signal.raise_signal(signal.SIGINT)
    assert not (stop and stop())
    assert signal.signal(signal.SIGINT, signal.default_int_handler) is signal.SIG_IGN
