"""Commands about messages: send, edit, delete, report, and read back."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bus import protocol, publisher
from bus.consumers import database
from bus.consumers.commands.table import Data, Methods
from bus.errors import Unavailable
from bus.moderation import Verdict
from bus.realtime.hub import hub
from bus.services import changes, events, history, reports
from bus.services.access import Visitor
from bus.services.external import external_judge

if TYPE_CHECKING:
    from bus.consumers.session import Session

logger = logging.getLogger(__name__)


async def send(session: Session, command: protocol.MessageSend) -> Data:
    """`message.send`: put it on its way, or tell what became of it before."""
    entry = session.place(command.room).entry
    outcome = await session.pen.repeated(entry, command.client_id)
    if outcome is not None:
        return outcome
    await session.listen()
    await session.pen.write(entry, command.body, command.client_id, command.reply_to)
    hub().typing.stop(entry.room.pk, entry.room.name, session.visitor.key)
    return {"status": "accepted"}


async def edit(session: Session, command: protocol.MessageEdit) -> Data:
    """`message.edit`: other words for one's own message."""
    entry = session.place(command.room).entry
    entry.check_write()
    session.pen.check_pace()
    verdict = await _look_outside(entry.room.pk, session.visitor, command.body)
    change = await database.run(
        changes.edit, entry.room.pk, command.id, session.visitor, command.body, verdict
    )
    await _tell(await database.run(events.of_facts, change.facts))
    return {"seq": change.row.changed}


async def delete(session: Session, command: protocol.MessageDelete) -> Data:
    """`message.delete`: remove a message, or withdraw one that is held."""
    entry = session.place(command.room).entry
    change = await database.run(
        changes.remove, entry.room.pk, command.id, session.visitor, command.reason
    )
    await _tell(await database.run(events.of_facts, change.facts))
    return {"seq": change.row.changed}


async def report(session: Session, command: protocol.MessageReport) -> Data:
    """`message.report`: have moderators look at it; once each, and once more does no harm."""
    room = session.place(command.room).entry.room
    session.pen.check_pace()
    review = await database.run(reports.file, room, command.id, session.visitor, command.reason)
    if review is not None:
        await _tell(await database.run(events.of_report, review))
    return {}


async def list_history(session: Session, command: protocol.HistoryList) -> Data:
    """`history.list`: a page of a room's messages."""
    room = session.place(command.room).entry.room
    messages, more = await database.run(
        history.page, room, command.before, command.after, command.limit
    )
    return protocol.History(messages=messages, more=more)


async def _look_outside(room_id: int, visitor: Visitor, body: str) -> Verdict | None:
    """The verdict on an edit where there is an external judge: no database thread waits for it."""
    outside = external_judge()
    if not outside.asked:
        return None
    verdict, open_to_others = await database.run(changes.judge_edit, room_id, visitor, body)
    if not open_to_others:
        return verdict
    verdicts = {0: verdict}
    await outside.consult(verdicts, [body])
    return verdicts[0]


async def _tell(told: events.Bulletins) -> None:
    """Publish what is committed; to whom it cannot be told now, the repair after an outage does."""
    try:
        await publisher.publish(told.rooms, told.authors)
    except Unavailable as error:
        logger.warning("A change is stored, and told when the broker is back: %s", error)


METHODS: Methods = {
    protocol.MessageSend: send,
    protocol.MessageEdit: edit,
    protocol.MessageDelete: delete,
    protocol.MessageReport: report,
    protocol.HistoryList: list_history,
}
