/** A conversation as a plain text file. */

import type { SessionEvent } from "./gen/carrel/session/v1/session_event_pb";
import type { Session } from "./gen/carrel/session/v1/session_pb";
import { ownersIn } from "./state/owners";
import { offerIn } from "./state/transfer";
import { texts } from "./texts/texts";
import { clockTime, day, dayAndTime, milliseconds } from "./time";
import {
  closedLine,
  codesLine,
  codesWords,
  endLine,
  erasedLine,
  identityErasedLine,
  nameOf,
  offeredTo,
  ownersLine,
  patronConnectionLine,
  type Reader,
  resolutionLine,
  returnedLine,
  subjectOf,
  transferredLine,
  waitedAt,
} from "./words";

/**
 * Returns the text of a conversation, for the patron or for staff. Staff also get the patron's e-mail address and
 * the descriptive codes. Its head names
 * all librarians who owned the session, as its reader knows them.
 */
export function transcriptText(session: Session, events: readonly SessionEvent[], reader: Reader): string {
  const lines = [texts().file.chatWith(session.institutionName), dayAndTime(session.openTime)];
  if (!reader.isPatron && session.patronEmail !== "") lines.push(`The patron's e-mail: ${session.patronEmail}`);
  const owners = ownersIn(events);
  const names = ownersLine(owners, reader.isPatron);
  if (names !== "") lines.push(texts().file.librarians(owners.length, names));
  if (!reader.isPatron && session.descriptiveCodes.length > 0) {
    lines.push(`About (staff only): ${codesWords(session.descriptiveCodes)}`);
  }
  lines.push("");
  let today = day(session.openTime);
  for (const event of events) {
    const line = lineOf(event, events, reader);
    if (line === undefined) continue;
    if (event.time !== undefined && day(event.time) !== today) {
      today = day(event.time);
      lines.push("", today, "");
    }
    lines.push(`[${clockTime(event.time)}] ${line}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function lineOf(event: SessionEvent, events: readonly SessionEvent[], reader: Reader): string | undefined {
  const { payload } = event;
  const own = reader.isOwn(event);
  const name = own ? texts().stream.you : nameOf(event.author);
  const subject = own ? name : subjectOf(event.author);
  const note = `Note (staff only) by ${name}`;
  const queueName = reader.queueName ?? ((queueId: string) => queueId);
  switch (payload.case) {
    case "opened":
      return `${name}: ${payload.value.question}`;
    case "message":
      return `${name}: ${payload.value.text}`;
    case "page":
      return texts().file.page(subject, payload.value.address);
    case "note":
      return `${note}: ${payload.value.text}`;
    case "transferOffered": {
      const { offer } = payload.value;
      const message = offer?.message ? `: ${offer.message}` : "";
      return `${note}: Transfer offered to ${offeredTo(offer, queueName)}${message}`;
    }
    case "transferClosed":
      return `${note}: ${closedLine(payload.value, offeredTo(offerIn(events, payload.value.offerId), queueName))}`;
    case "transferred":
      return transferredLine(event, own, reader.isPatron);
    case "escalated":
      return `Also offered in the queue ${queueName(payload.value.queueId)} (staff only)`;
    case "patronConnection":
      return `${patronConnectionLine(payload.value.connection)} (staff only)`;
    case "pickedUp":
      return own ? "You picked the patron up" : texts().events.joined(subject);
    case "colleagueLeft":
      return texts().events.left(subject);
    case "returned":
      return returnedLine(event, own, reader.isPatron);
    case "erased":
      return erasedLine(event, own, reader.isPatron);
    case "identityErased":
      return identityErasedLine(reader.isPatron);
    case "ended":
      return endLine(event, own, reader.isPatron, waitedAt(events, event));
    case "resolutionSet":
      return `${resolutionLine(event, events, own)} (staff only)`;
    case "descriptiveCodesSet":
      return `${codesLine(event, events, own)} (staff only)`;
    default:
      return undefined;
  }
}

/** Returns the file name of a conversation: what it is, the library's id, and when it began in the viewer's zone. */
export function transcriptName(kind: string, session: Session): string {
  const begun = new Date(milliseconds(session.openTime) ?? Date.now());
  const two = (number: number) => String(number).padStart(2, "0");
  const date = [begun.getFullYear(), two(begun.getMonth() + 1), two(begun.getDate())].join("-");
  // To the second: a library has many conversations on one day, and one file must not take the place of another.
  const time = [begun.getHours(), begun.getMinutes(), begun.getSeconds()].map(two).join("");
  return `${kind}-${session.institutionId}-${date}-${time}.txt`;
}

/** Hands the browser a text file to save. */
export function saveText(name: string, text: string, type = "text/plain"): void {
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
