"""The channel layer by its old name; use `bus.broker.BusChannelLayer`."""

from __future__ import annotations

import warnings

from bus.broker import BusChannelLayer as BusChannelLayer

warnings.warn("bus.layer is now bus.broker.", DeprecationWarning, stacklevel=2)
