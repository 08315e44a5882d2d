"""The part of the store that keeps alerts and what they send; SQL is alerts.py's."""

from __future__ import annotations

from collections.abc import Sequence

from core.alerts import (
    Alert,
    AlertState,
    AlertStore,
    Counted,
    Delivery,
    Firing,
    FlagFilter,
    Flagged,
    Returned,
    Span,
)
from core.sqlite import alerts
from core.sqlite.parts import Part


class Alerts(Part, AlertStore):
    """Mixed into the store, whose writer and readers it uses."""

    async def put_alert(self, alert: Alert) -> None:
        await self._writer.submit(lambda db, _: alerts.put_alert(db, alert), touches=())

    async def remove_alert(self, id_: str) -> bool:
        return await self._writer.submit(lambda db, _: alerts.remove_alert(db, id_), touches=())

    async def alert_states(self) -> list[AlertState]:
        return await self._readers.run(alerts.alert_states)

    async def fire(self, id_: str, firing: Firing) -> bool:
        return await self._writer.submit(lambda db, _: alerts.fire(db, id_, firing), touches=())

    async def told(self, id_: str) -> set[str]:
        return await self._readers.run(alerts.told, id_)

    async def settle(self, id_: str) -> None:
        await self._writer.submit(lambda db, _: alerts.settle(db, id_), touches=())

    async def add_delivery(self, delivery: Delivery) -> None:
        await self._writer.submit(lambda db, _: alerts.add_delivery(db, delivery), touches=())

    async def due_deliveries(self, now_ms: int, limit: int) -> list[Delivery]:
        return await self._readers.run(alerts.due_deliveries, now_ms, limit)

    async def next_due_ms(self) -> int | None:
        return await self._readers.run(alerts.next_due_ms)

    async def note_delivery(self, delivery: Delivery) -> None:
        await self._writer.submit(lambda db, _: alerts.note_delivery(db, delivery), touches=())

    async def deliveries(self, limit: int, *, before: Delivery | None = None) -> list[Delivery]:
        return await self._readers.run(alerts.deliveries, limit, before)

    async def delivery(self, id_: str) -> Delivery | None:
        return await self._readers.run(alerts.delivery, id_)

    async def drop_deliveries(self, before_ms: int) -> int:
        return await self._writer.submit(
            lambda db, _: alerts.drop_deliveries(db, before_ms), touches=()
        )

    async def count_flagged(self, wanted: FlagFilter, spans: Sequence[Span]) -> list[int]:
        return await self._readers.run(alerts.count_flagged, wanted, spans)

    async def flagged_sessions(
        self, wanted: FlagFilter, span: Span, limit: int, *, offset: int = 0
    ) -> list[Flagged]:
        return await self._readers.run(alerts.flagged_sessions, wanted, span, limit, offset)

    async def flag_moments(
        self, wanted: FlagFilter, span: Span, limit: int
    ) -> list[tuple[float, str]]:
        return await self._readers.run(alerts.flag_moments, wanted, span, limit)

    async def counted_struggles(
        self, wanted: FlagFilter, span: Span, limit: int, before: Span | None = None
    ) -> list[Counted]:
        return await self._readers.run(alerts.counted_struggles, wanted, span, limit, before)

    async def new_struggles(self, alert: Alert, limit: int) -> list[Counted]:
        return await self._readers.run(alerts.new_struggles, alert, limit)

    async def returned_struggles(self, alert: Alert, limit: int) -> list[Returned]:
        return await self._readers.run(alerts.returned_struggles, alert, limit)

    async def last_arrivals(self) -> dict[str, int]:
        return await self._readers.run(alerts.last_arrivals)

    async def oldest_visit_ms(self, site: str) -> int | None:
        return await self._readers.run(alerts.oldest_visit_ms, site)
