import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { SessionEvent } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, type Person } from "../../gen/carrel/session/v1/session_pb";
import { type Item, outgoingText } from "../../state/conversation";
import type { Outgoing } from "../../state/session";
import { offerIn } from "../../state/transfer";
import { clockTime, machineTime, milliseconds } from "../../time";
import {
  closedLine,
  endLine,
  nameOf,
  offeredTo,
  patronConnectionLine,
  type Reader,
  returnedLine,
  transferredLine,
  waitedAt,
} from "../../words";
import { Icon } from "./icon";
import { LinkedText, OutsideLink } from "./linked_text";

interface StreamProps {
  items: readonly Item[];
  reader: Reader;
  /** What stands below the last item, such as who is typing. */
  foot?: ComponentChildren;
  onRetry?: (commandId: string) => void;
  onDiscard?: (commandId: string) => void;
  /** Which session it is: another one begins at its end. */
  sessionId: string;
  now?: number;
}

const NEAR_END = 80;
const ONE_BREATH = 3 * 60_000;
/** After how long an unconfirmed message is remarked on (D60). */
const LATE = 30_000;

/** The conversation. It stays at its end while the reader is there, and where the reader is otherwise. */
export function Stream({ items, reader, foot, onRetry, onDiscard, sessionId, now = 0 }: StreamProps) {
  const events = items.flatMap((item) => (item.kind === "event" ? [item.event] : []));
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const stays = useRef(true);
  stays.current = atEnd;
  const count = items.length;
  const toEnd = () => {
    const element = box.current;
    if (element) element.scrollTop = element.scrollHeight;
    setAtEnd(true);
  };
  useLayoutEffect(toEnd, [sessionId]);
  // A keyboard on the screen, or a box that grows, must not cover the newest message.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      if (stays.current) toEnd();
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const last = items.at(-1);
    if (atEnd || last?.kind === "outgoing") toEnd();
  }, [count, foot !== undefined]);
  return (
    <div class="stream-frame">
      <div
        ref={box}
        class="stream"
        role="log"
        aria-live="off"
        aria-label="Conversation"
        // A region that scrolls has to be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          setAtEnd(scrollHeight - scrollTop - clientHeight < NEAR_END);
        }}
      >
        <ol class="items">
          {items.map((item, index) =>
            item.kind === "event" ? (
              <EventItem
                key={`e${item.event.position}`}
                event={item.event}
                reader={reader}
                events={events}
                goesOn={goesOn(items[index - 1], item.event)}
                isLastOwn={isLastOwn(items, index, reader)}
              />
            ) : (
              <OutgoingItem
                key={item.outgoing.commandId}
                outgoing={item.outgoing}
                isLate={now - item.outgoing.since > LATE}
                onRetry={onRetry}
                onDiscard={onDiscard}
              />
            ),
          )}
        </ol>
        <div class="stream-foot">{foot}</div>
      </div>
      {!atEnd && (
        <button type="button" class="button small to-end" onClick={toEnd}>
          <Icon name="down" /> Newest
        </button>
      )}
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

interface EventItemProps {
  event: SessionEvent;
  reader: Reader;
  /** All events, for what one says of another. */
  events: readonly SessionEvent[];
  goesOn: boolean;
  isLastOwn: boolean;
}

function EventItem({ event, reader, events, goesOn, isLastOwn }: EventItemProps) {
  const { payload } = event;
  const own = reader.isOwn(event);
  const queueName = reader.queueName ?? asItIs;
  switch (payload.case) {
    case "opened":
      return (
        <Spoken event={event} reader={reader} own={own} goesOn={false} label="asked">
          <LinkedText text={payload.value.question} />
        </Spoken>
      );
    case "message":
      return (
        <Spoken event={event} reader={reader} own={own} goesOn={goesOn} sent={isLastOwn}>
          <LinkedText text={payload.value.text} />
        </Spoken>
      );
    case "page":
      return (
        <Spoken event={event} reader={reader} own={own} goesOn={goesOn} sent={isLastOwn}>
          <PageCard address={payload.value.address} host={payload.value.host} />
        </Spoken>
      );
    case "note":
      return (
        <Note event={event} own={own}>
          <LinkedText text={payload.value.text} />
        </Note>
      );
    // What is said about handing over is a note like any other (R14).
    case "transferOffered": {
      const { offer } = payload.value;
      return (
        <Note event={event} own={own}>
          {`Transfer offered to ${offeredTo(offer, queueName)}`}
          {offer?.message && (
            <>
              {": "}
              <LinkedText text={offer.message} />
            </>
          )}
        </Note>
      );
    }
    case "transferClosed":
      return (
        <Note event={event} own={own}>
          <LinkedText text={closedLine(payload.value, offeredTo(offerIn(events, payload.value.offerId), queueName))} />
        </Note>
      );
    case "transferred":
      return <Fact event={event}>{transferredLine(event, own, reader.isPatron)}</Fact>;
    case "escalated":
      return <Fact event={event} staff>{`Also offered in the queue ${queueName(payload.value.queueId)}`}</Fact>;
    case "patronConnection":
      return (
        <Fact event={event} staff>
          {patronConnectionLine(payload.value.connection)}
        </Fact>
      );
    case "pickedUp":
      return <Fact event={event}>{own ? "You picked the patron up" : `${nameOf(event.author)} joined the chat`}</Fact>;
    case "colleagueLeft":
      return <Fact event={event}>{`${nameOf(event.author)} left the session`}</Fact>;
    case "returned":
      return <Fact event={event}>{returnedLine(event, own, reader.isPatron)}</Fact>;
    case "ended":
      return <Fact event={event}>{endLine(event, own, reader.isPatron, waitedAt(events, event))}</Fact>;
    default:
      return null;
  }
}

/** Queues of which the reader knows no name keep their id. */
function asItIs(queueId: string): string {
  return queueId;
}

function Note({ event, own, children }: { event: SessionEvent; own: boolean; children: ComponentChildren }) {
  return (
    <li class="note">
      <NoteHead author={own ? "You" : nameOf(event.author)} person={event.author}>
        <Time event={event} />
      </NoteHead>
      <div class="note-text">{children}</div>
    </li>
  );
}

interface SpokenProps {
  event: SessionEvent;
  reader: Reader;
  own: boolean;
  goesOn: boolean;
  label?: string;
  sent?: boolean;
  children: ComponentChildren;
}

function Spoken({ event, reader, own, goesOn, label, sent = false, children }: SpokenProps) {
  const { author } = event;
  const isPatron = author?.part === Part.PATRON;
  // The reader's side of the talk stands at the right: their own words, and for staff those of all staff.
  const side = isPatron === reader.isPatron ? "near" : "far";
  const classes = ["message", side, own ? "own" : "", goesOn ? "goes-on" : ""].join(" ");
  return (
    <li class={classes}>
      <p class={goesOn ? "visually-hidden" : "message-head"}>
        <span class="author">{own ? "You" : nameOf(author)}</span>
        {author?.institutionName && !own && <span class="author-library">{author.institutionName}</span>}
        {author?.part === Part.COLLEAGUE && !own && !reader.isPatron && <span class="author-library">colleague</span>}
        {label && <span class="author-library">{label}</span>}
        <Time event={event} />
      </p>
      <div class="bubble">{children}</div>
      {sent && (
        <p class="message-state">
          <Icon name="check" /> Sent
        </p>
      )}
    </li>
  );
}

function PageCard({ address, host }: { address: string; host: string }) {
  return (
    <span class="page-card">
      <span class="page-card-title">
        <Icon name="link" /> Web page from <strong>{host}</strong>
      </span>
      <OutsideLink address={address}>{address}</OutsideLink>
    </span>
  );
}

interface NoteHeadProps {
  author: string;
  person?: Person | undefined;
  children?: ComponentChildren;
}

function NoteHead({ author, person, children }: NoteHeadProps) {
  return (
    <p class="note-head">
      <Icon name="lock" />
      <strong class="note-word">Note</strong>
      <span class="visually-hidden">, staff only, from</span>
      <span class="author">{author}</span>
      {person?.institutionName && author !== "You" && <span class="author-library">{person.institutionName}</span>}
      {children}
      <span class="note-reach" aria-hidden="true">
        Staff only
      </span>
    </p>
  );
}

interface FactProps {
  event: SessionEvent;
  /** Whether only staff are told of it. */
  staff?: boolean;
  children: string;
}

function Fact({ event, staff = false, children }: FactProps) {
  return (
    <li class={staff ? "fact staff-fact" : "fact"}>
      {staff && <Icon name="lock" />}
      <span>
        {children}
        {staff && <span class="fact-reach"> (staff only)</span>}
      </span>{" "}
      <Time event={event} />
    </li>
  );
}

function Time({ event }: { event: SessionEvent }) {
  return (
    <time class="time" dateTime={machineTime(event.time)}>
      {clockTime(event.time)}
    </time>
  );
}

interface OutgoingItemProps {
  outgoing: Outgoing;
  isLate: boolean;
  onRetry: ((commandId: string) => void) | undefined;
  onDiscard: ((commandId: string) => void) | undefined;
}

function OutgoingItem({ outgoing, isLate, onRetry, onDiscard }: OutgoingItemProps) {
  const text = outgoingText(outgoing) ?? "";
  const state = <OutgoingState outgoing={outgoing} isLate={isLate} onRetry={onRetry} onDiscard={onDiscard} />;
  if (outgoing.deed.case === "writeNote") {
    return (
      <li class={`note ${outgoing.status}`}>
        <NoteHead author="You" />
        <div class="note-text">
          <LinkedText text={text} />
        </div>
        {state}
      </li>
    );
  }
  return (
    <li class={`message near own ${outgoing.status}`}>
      <p class="message-head">
        <span class="author">You</span>
      </p>
      <div class="bubble">
        <LinkedText text={text} />
      </div>
      {state}
    </li>
  );
}

function OutgoingState({ outgoing, isLate, onRetry, onDiscard }: OutgoingItemProps) {
  if (outgoing.status === "sent") {
    return (
      <p class="message-state">
        <Icon name="check" /> Sent
      </p>
    );
  }
  if (outgoing.status === "sending") {
    return (
      <p class="message-state">
        <Icon name="clock" />{" "}
        {isLate ? "Not confirmed yet. It is sent again by itself; keep this page open." : "Sending …"}
      </p>
    );
  }
  return (
    <p class="message-state failed" role="alert">
      <Icon name="alert" /> Not sent. {outgoing.refusal?.message}
      {onRetry && (
        <button type="button" class="link-button" onClick={() => onRetry(outgoing.commandId)}>
          Retry
        </button>
      )}
      {onDiscard && (
        <button type="button" class="link-button" onClick={() => onDiscard(outgoing.commandId)}>
          Discard
        </button>
      )}
    </p>
  );
}
