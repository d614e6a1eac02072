"""The settings of Bus as typed attributes: `conf.body_limit`."""

from bus.conf.table import conf

__all__ = ["conf"]
