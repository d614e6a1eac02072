"""Keeps the embedded broker running under `manage.py up`: one that dies is started again."""

from __future__ import annotations

import threading

from bus.embedded.broker import EmbeddedBroker
from bus.embedded.supervisor import FIRST_PAUSE, LONGEST_PAUSE, Supervisor
from bus.embedded.valkey import EmbeddedBrokerError

_LOOK_SECONDS = 0.2


class BrokerKeeper:
    """Starts the broker, looks after it from a thread, and stops it last of all."""

    def __init__(self, broker: EmbeddedBroker, supervisor: Supervisor) -> None:
        self._broker = broker
        self._supervisor = supervisor
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="broker", daemon=True)
        self._watched: int | None = None

    def start(self) -> None:
        """Start the broker and look after it from here on; raises EmbeddedBrokerError."""
        self._broker.start()
        self._watch()
        self._thread.start()

    def stop(self) -> None:
        """Stop looking, then stop the broker; also right where `start` failed."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        self._broker.stop()
        self._forget()

    def _keep(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.wait(_LOOK_SECONDS):
            if self._broker.pid is not None:
                continue
            self._forget()
            self._supervisor.say(f"the broker died by itself; starting it again in {pause:g} s")
            if self._stopping.wait(pause):
                return
            try:
                self._broker.start()
            except EmbeddedBrokerError as error:
                self._supervisor.say(str(error))
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._watch()
                self._supervisor.say("the broker is back; what it had taken is there")
                pause = FIRST_PAUSE

    def _watch(self) -> None:
        self._watched = self._broker.pid
        if self._watched is not None:
            self._supervisor.guardian.watch("broker", self._watched)

    def _forget(self) -> None:
        if self._watched is not None:
            self._supervisor.guardian.forget(self._watched)
            self._watched = None
