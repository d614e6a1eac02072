"""Commands about messages: send, edit, delete, report, and read back."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from bus.chat import history
from bus.chat.visitors import Visitor
from bus.consumers import changes
from bus.consumers.commands.context import Context, Data, Handlers
from bus.database import threads
from bus.enforcement.external_classifier import ExternalClassifier
from bus.messaging import text_store
from bus.models import Room
from bus.moderation import Verdict
from bus.posting import edit as edits
from bus.posting import events
from bus.posting.edit import Change, NotAllowed
from bus.protocol.commands import (
    HistoryList,
    MessageDelete,
    MessageEdit,
    MessageReport,
    MessageSend,
)
from bus.protocol.errors import Unavailable
from bus.protocol.objects import History
from bus.protocol.replies import ACCEPTED, DONE
from bus.review import reports

logger = logging.getLogger(__name__)


async def send(context: Context, command: MessageSend) -> Data:
    """`message.send`: put it on its way, or tell what became of it before."""
    access = context.rooms.require(command.room).access
    outcome = await context.sender.repeated(access, command.client_id)
    if outcome is not None:
        return outcome
    await context.listen()
    await context.sender.write(access, command.body, command.client_id, command.reply_to)
    context.process.hub.typing.stop(access.room.pk, access.room.name, context.visitor.key)
    return ACCEPTED


async def edit(context: Context, command: MessageEdit) -> Data:
    """`message.edit`: other words for one's own message; it counts as a message does."""
    access, visitor = context.rooms.require(command.room).access, context.visitor
    context.sender.check_edit(access, command.id, command.body)
    said = await _recall(visitor)
    verdict = await _look_outside(
        context.process.external_classifier, access.room.pk, visitor, command.body, said
    )
    change = await changes.carry_out(
        _edited, access.room.pk, command.id, visitor, command.body, verdict, said
    )
    if isinstance(change, NotAllowed):
        raise change
    context.sender.edited(access, command.id, command.body)
    if change.said:
        await _remember(visitor, change.said)
    return {"seq": change.row.changed}


async def delete(context: Context, command: MessageDelete) -> Data:
    """`message.delete`: remove a message, or withdraw one that is held."""
    access = context.rooms.require(command.room).access
    seq = await changes.carry_out(
        _removed, access.room.pk, command.id, context.visitor, command.reason
    )
    return {"seq": seq}


async def report(context: Context, command: MessageReport) -> Data:
    """`message.report`: have moderators look at it; once each, and once more does no harm."""
    room = context.rooms.require(command.room).access.room
    context.limits.check_message()
    context.limits.check("reports")
    await changes.carry_out(_reported, room, command.id, context.visitor, command.reason)
    return DONE


async def list_history(context: Context, command: HistoryList) -> Data:
    """`history.list`: a page of a room's messages."""
    room = context.rooms.require(command.room).access.room
    messages, more = await threads.run(
        history.page, room, command.before, command.after, command.limit
    )
    return History(messages=messages, more=more)


async def _recall(visitor: Visitor) -> Sequence[str]:
    """What is remembered of the visitor, by which repeats and flooding are seen."""
    try:
        return (await text_store.recall([visitor.key]))[0]
    except Unavailable as error:
        logger.debug("An edit is judged by itself: %s", error)
        return ()


async def _remember(visitor: Visitor, said: str) -> None:
    try:
        await text_store.remember([(visitor.key, said)])
    except Unavailable as error:
        logger.debug("An edit is not remembered: %s", error)


async def _look_outside(
    outside: ExternalClassifier, room_id: int, visitor: Visitor, body: str, said: Sequence[str]
) -> Verdict | None:
    """The verdict on an edit where there is an external judge: no database thread waits for it."""
    if not outside.asked:
        return None
    verdict, open_to_others = await threads.run(edits.judge_edit, room_id, visitor, body, said)
    if not open_to_others:
        return verdict
    verdicts = {0: verdict}
    await outside.consult(verdicts, [verdict.shown(body)])
    return verdicts[0]


def _edited(
    room_id: int,
    message_id: str,
    by: Visitor,
    body: str,
    verdict: Verdict | None,
    said: Sequence[str],
) -> tuple[Change | NotAllowed, events.EventBatches]:
    """The change; or why there is none, which moderators may have to hear of first."""
    change: Change | NotAllowed
    try:
        change = edits.edit(room_id, message_id, by, body, verdict=verdict, said=said)
    except NotAllowed as refusal:
        change = refusal
    return change, events.of_domain_events(change.domain_events)


def _removed(
    room_id: int, message_id: str, by: Visitor, reason: str
) -> tuple[int | None, events.EventBatches]:
    change = edits.remove(room_id, message_id, by, reason)
    return change.row.changed, events.of_domain_events(change.domain_events)


def _reported(
    room: Room, message_id: str, by: Visitor, reason: str
) -> tuple[None, events.EventBatches]:
    review = reports.file(room, message_id, by, reason)
    return None, events.EventBatches() if review is None else events.of_report(review)


HANDLERS: Handlers = {
    MessageSend: send,
    MessageEdit: edit,
    MessageDelete: delete,
    MessageReport: report,
    HistoryList: list_history,
}
