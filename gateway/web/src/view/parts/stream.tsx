import type { ReadonlySignal } from "@preact/signals";
import { type ComponentChildren, Fragment } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import type { Item } from "../../state/conversation";
import { type Outgoing, unread } from "../../state/session";
import { texts } from "../../texts/texts";
import { milliseconds } from "../../time";
import type { Reader } from "../../words";
import { beginsDay, DayLine } from "./day_line";
import { ToEnd, useFollowing } from "./following";
import { OutgoingItem } from "./outgoing_item";
import { EventItem } from "./stream_items";

interface StreamProps {
  items: readonly Item[];
  reader: Reader;
  /** What is shown below the last item, such as who is typing. */
  foot?: ComponentChildren;
  onRetry?: (commandId: string) => void;
  /** Puts a text that was not sent back into the box. */
  onEdit?: (outgoing: Outgoing) => void;
  onDiscard?: (commandId: string) => void;
  /** The session that is shown: a new one starts at its end. */
  sessionId: string;
  /** This browser's clock, for marking what takes long to be confirmed. */
  now?: ReadonlySignal<number>;
  /** Whether the page can send nothing more until it is reloaded. */
  stuck?: boolean;
}

const ONE_BREATH = 3 * 60_000;

/** The conversation. It follows its end while the reader is there, and otherwise stays where the reader is. */
export function Stream({ items, reader, foot, onRetry, onEdit, onDiscard, sessionId, now, stuck }: StreamProps) {
  const events = items.flatMap((item) => (item.kind === "event" ? [item.event] : []));
  const following = useFollowing(sessionId);
  const { box, atEnd, toEnd, scrolled } = following;
  /** How many events there were when the reader was last at the end. */
  const seen = useRef(events.length);
  if (atEnd) seen.current = events.length;
  useLayoutEffect(() => {
    const last = items.at(-1);
    if (atEnd || last?.kind === "outgoing") toEnd();
  }, [items.length, foot !== undefined]);
  return (
    <div class="stream-frame">
      <div
        ref={box}
        class="stream"
        role="log"
        aria-live="off"
        aria-label={texts().stream.conversation}
        // A scrollable region has to be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        onScroll={scrolled}
      >
        <ol class="items">
          {items.map((item, index) => {
            if (item.kind === "outgoing") {
              const { outgoing } = item;
              return (
                <OutgoingItem
                  key={outgoing.commandId}
                  outgoing={outgoing}
                  now={now}
                  stuck={stuck}
                  onRetry={onRetry}
                  onEdit={onEdit}
                  onDiscard={onDiscard}
                />
              );
            }
            const { event } = item;
            const before = items[index - 1];
            const isNewDay = beginsDay(event.time, before?.kind === "event" ? before.event.time : undefined);
            return (
              <Fragment key={`e${event.position}`}>
                {isNewDay && <DayLine time={event.time} onPaper={index === 0} />}
                <EventItem
                  event={event}
                  reader={reader}
                  events={events}
                  goesOn={!isNewDay && goesOn(before, event)}
                  isLastOwn={isLastOwn(items, index, reader)}
                />
              </Fragment>
            );
          })}
        </ol>
        <div class="stream-foot">{foot}</div>
      </div>
      <ToEnd following={following} news={unread({ events, seen: seen.current }, reader.isOwn)} />
    </div>
  );
}

const SPOKEN = new Set<SessionEvent["payload"]["case"]>(["opened", "message", "page"]);

function goesOn(before: Item | undefined, event: SessionEvent): boolean {
  if (before?.kind !== "event" || !SPOKEN.has(before.event.payload.case) || !SPOKEN.has(event.payload.case))
    return false;
  const a = before.event.author;
  const b = event.author;
  const pause = (milliseconds(event.time) ?? 0) - (milliseconds(before.event.time) ?? 0);
  return a?.part === b?.part && a?.name === b?.name && a?.librarianId === b?.librarianId && pause < ONE_BREATH;
}

function isLastOwn(items: readonly Item[], index: number, reader: Reader): boolean {
  const item = items[index];
  if (item?.kind !== "event" || !reader.isOwn(item.event)) return false;
  return !items.slice(index + 1).some((later) => later.kind === "event" && SPOKEN.has(later.event.payload.case));
}
