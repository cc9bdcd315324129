"""Desk time: the one clock for hours, promises and alarms. Leases and retries use the database's clock instead.

The rule: UTC is kept, Asia/Tokyo is shown. The pure part never imports this module; it is given `now`.
"""

from datetime import UTC, datetime, timedelta


class Clock:
    """Tell desk time; a demo or a test may move it, and it then goes on running from there."""

    def __init__(self) -> None:
        self._shift = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the desk's time, aware, in UTC."""
        return self._frozen if self._frozen is not None else datetime.now(UTC) + self._shift

    def set(self, moment: datetime, *, running: bool = True) -> None:
        """Move desk time to `moment` (aware); frozen there unless `running`."""
        if running:
            self._shift, self._frozen = moment - datetime.now(UTC), None
        else:
            self._frozen = moment.astimezone(UTC)

    def reset(self) -> None:
        """Go back to the machine's time."""
        self._shift, self._frozen = timedelta(), None
