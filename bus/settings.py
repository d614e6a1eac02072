"""The settings of this repository's project, by their old name; use `config.settings`."""

from __future__ import annotations

import warnings

from config.settings import *  # noqa: F403

warnings.warn("bus.settings is now config.settings.", DeprecationWarning, stacklevel=2)
