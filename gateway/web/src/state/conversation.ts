/** What is shown of a session: its events, and then what the user has sent that the log does not show yet. */
import type { SessionEvent } from "../gen/carrel/session/v1/session_event_pb";
import { isErased, type Outgoing, type SessionView } from "./session";

/** One thing to show. */
export type Item = { kind: "event"; event: SessionEvent } | { kind: "outgoing"; outgoing: Outgoing };

/** Returns the text of an outgoing message or note, or the address of a page; `undefined` for other acts. */
export function outgoingText(outgoing: Outgoing): string | undefined {
  const { deed } = outgoing;
  switch (deed.case) {
    case "postMessage":
    case "writeNote":
      return deed.value.text;
    case "pushPage":
      return deed.value.address;
    default:
      return undefined;
  }
}

/**
 * Returns all items to show, in order.
 *
 * The event of a message of the user may arrive before the answer that says which position it got. Until then, an event
 * of theirs with the same content is taken for it, so that nothing is ever shown twice.
 */
export function conversation(view: SessionView, isOwn: (event: SessionEvent) => boolean): Item[] {
  const there = view.events.filter((event) => !isErased(event));
  const items: Item[] = there.map((event) => ({ kind: "event", event }));
  const taken = new Set(view.outgoing.map((out) => out.position));
  for (const outgoing of view.outgoing) {
    if (outgoingText(outgoing) === undefined) continue;
    const twin = outgoing.status === "sending" ? findTwin(view, outgoing, taken, isOwn) : undefined;
    if (twin === undefined) items.push({ kind: "outgoing", outgoing });
    else taken.add(twin);
  }
  return items;
}

function findTwin(
  view: SessionView,
  outgoing: Outgoing,
  taken: ReadonlySet<number>,
  isOwn: (event: SessionEvent) => boolean,
): number | undefined {
  for (const event of view.events.slice(outgoing.after)) {
    const position = Number(event.position);
    if (!taken.has(position) && isOwn(event) && isSame(event, outgoing)) return position;
  }
  return undefined;
}

function isSame(event: SessionEvent, { deed }: Outgoing): boolean {
  switch (event.payload.case) {
    case "message":
      return deed.case === "postMessage" && deed.value.text === event.payload.value.text;
    case "note":
      return deed.case === "writeNote" && deed.value.text === event.payload.value.text;
    case "page":
      return deed.case === "pushPage" && sameAddress(deed.value.address, event.payload.value.address);
    default:
      return false;
  }
}

/** Whether two addresses are the same: the server sends an address back in its normalised form. */
function sameAddress(sent: string, received: string): boolean {
  if (sent === received) return true;
  return URL.canParse(sent) && URL.canParse(received) && new URL(sent).href === new URL(received).href;
}
