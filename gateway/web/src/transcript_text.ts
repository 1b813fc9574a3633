/** A conversation as a plain text file. */

import type { SessionEvent } from "./gen/carrel/session/v1/session_event_pb";
import type { Session } from "./gen/carrel/session/v1/session_pb";
import { clockTime, dayAndTime } from "./time";
import { endLine, nameOf, returnedLine, waitedAt } from "./words";

/** The text of a conversation, for the patron or for staff. */
export function transcriptText(
  session: Session,
  events: readonly SessionEvent[],
  isOwn: (event: SessionEvent) => boolean,
  toPatron: boolean,
): string {
  const lines = [`Chat with ${session.institutionName}`, dayAndTime(session.openTime), ""];
  for (const event of events) {
    const line = lineOf(event, isOwn(event), toPatron, waitedAt(events, event));
    if (line !== undefined) lines.push(`[${clockTime(event.time)}] ${line}`);
  }
  return `${lines.join("\r\n")}\r\n`;
}

function lineOf(event: SessionEvent, own: boolean, toPatron: boolean, waited: boolean): string | undefined {
  const name = own ? "You" : nameOf(event.author);
  switch (event.payload.case) {
    case "opened":
      return `${name}: ${event.payload.value.question}`;
    case "message":
      return `${name}: ${event.payload.value.text}`;
    case "page":
      return `${name} sent a web page: ${event.payload.value.address}`;
    case "note":
      return `Note (staff only) by ${name}: ${event.payload.value.text}`;
    case "pickedUp":
      return own ? "You picked the patron up" : `${name} joined the chat`;
    case "colleagueLeft":
      return `${name} left the session`;
    case "returned":
      return returnedLine(event, own, toPatron);
    case "ended":
      return endLine(event, own, toPatron, waited);
    default:
      return undefined;
  }
}

/** Hands the browser a text file to save. */
export function saveText(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
