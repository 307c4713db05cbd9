"""What stands before a command that a test runs in a state of its own.

Programs that set the state and become the command, not `preexec_fn`: that forks Python as it is, with threads of other
tests in the middle of something, and now and then hangs.
"""

from __future__ import annotations

import os

HEED_INTERRUPTS = ("env", "--default-signal=INT")
"""A shell that runs the tests in the background lets its children ignore Ctrl-C."""

OBEY_PERMISSIONS = () if os.geteuid() else ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
"""Root gives up passing over permissions."""
