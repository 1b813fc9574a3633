import type { ComponentChildren } from "preact";
import { type SessionEvent, TransferOutcome } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, type Person } from "../../gen/carrel/session/v1/session_pb";
import { isNote } from "../../state/session";
import { offerIn } from "../../state/transfer";
import { texts } from "../../texts/texts";
import { clockTime, dayAndTime, machineTime } from "../../time";
import {
  closedLine,
  codesLine,
  endLine,
  erasedLine,
  identityErasedLine,
  nameOf,
  offeredTo,
  patronConnectionLine,
  type Reader,
  resolutionLine,
  returnedLine,
  subjectOf,
  transferredLine,
  waitedAt,
} from "../../words";
import { Icon } from "./icon";
import { LinkedText, OutsideLink } from "./linked_text";

interface EventItemProps {
  event: SessionEvent;
  reader: Reader;
  /** All events, for those that refer to another. */
  events: readonly SessionEvent[];
  goesOn: boolean;
  isLastOwn: boolean;
}

/** Shows an event as the reader is told of it. */
export function EventItem({ event, reader, events, goesOn, isLastOwn }: EventItemProps) {
  const { payload } = event;
  const own = reader.isOwn(event);
  const queueName = reader.queueName ?? asItIs;
  switch (payload.case) {
    case "opened":
      return (
        <Spoken event={event} reader={reader} own={own} goesOn={false} label={texts().stream.asked}>
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
    // What staff write about a transfer is a note like any other (R14). Without words, a line for staff tells of it.
    case "transferOffered": {
      const { offer } = payload.value;
      const line = `Transfer offered to ${offeredTo(offer, queueName)}`;
      if (!isNote(event)) return <Fact event={event} staff>{`${line} by ${own ? "you" : nameOf(event.author)}`}</Fact>;
      return (
        <Note event={event} own={own}>
          {`${line}: `}
          <LinkedText text={offer?.message ?? ""} />
        </Note>
      );
    }
    case "transferClosed": {
      const line = closedLine(payload.value, offeredTo(offerIn(events, payload.value.offerId), queueName));
      if (!isNote(event)) {
        // An offer lapses by itself, and only its owner can withdraw it.
        const by =
          payload.value.outcome === TransferOutcome.DECLINED ? ` by ${own ? "you" : nameOf(event.author)}` : "";
        return <Fact event={event} staff>{`${line}${by}`}</Fact>;
      }
      return (
        <Note event={event} own={own}>
          <LinkedText text={line} />
        </Note>
      );
    }
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
      return (
        <Fact event={event}>{own ? "You picked the patron up" : texts().events.joined(subjectOf(event.author))}</Fact>
      );
    case "colleagueLeft":
      return <Fact event={event}>{texts().events.left(subjectOf(event.author))}</Fact>;
    case "returned":
      return <Fact event={event}>{returnedLine(event, own, reader.isPatron)}</Fact>;
    case "erased":
      return <Fact event={event}>{erasedLine(event, own, reader.isPatron)}</Fact>;
    case "identityErased":
      return <Fact event={event}>{identityErasedLine(reader.isPatron)}</Fact>;
    case "ended":
      return <Fact event={event}>{endLine(event, own, reader.isPatron, waitedAt(events, event))}</Fact>;
    case "resolutionSet":
      return (
        <Fact event={event} staff>
          {resolutionLine(event, events, own)}
        </Fact>
      );
    case "descriptiveCodesSet":
      return (
        <Fact event={event} staff>
          {codesLine(event, events, own)}
        </Fact>
      );
    default:
      return null;
  }
}

/** Names a queue by its id, for a reader that knows no names of queues. */
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
  // The reader's side of the conversation is at the right: their own messages, and for staff those of all staff.
  const side = isPatron === reader.isPatron ? "near" : "far";
  const classes = ["message", side, own ? "own" : "", goesOn ? "goes-on" : ""].join(" ");
  return (
    <li class={classes}>
      <p class={goesOn ? "visually-hidden" : "message-head"}>
        <span class="author">{own ? texts().stream.you : nameOf(author)}</span>{" "}
        {author?.institutionName && !own && <span class="author-library">{author.institutionName}</span>}{" "}
        {author?.part === Part.COLLEAGUE && !own && !reader.isPatron && <span class="author-library">colleague</span>}{" "}
        {label && <span class="author-library">{label}</span>} <Time event={event} />
      </p>
      <div class="bubble">{children}</div>
      {sent && (
        <p class="message-state">
          <Icon name="check" /> {texts().stream.sent}
        </p>
      )}
    </li>
  );
}

function PageCard({ address, host }: { address: string; host: string }) {
  return (
    <span class="page-card">
      <span class="page-card-title">
        <Icon name="link" /> {texts().stream.pageFrom} <strong>{host}</strong>
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

/** Says that something is a note, by whom, and that it stays among staff (S27, D82). */
export function NoteHead({ author, person, children }: NoteHeadProps) {
  return (
    <p class="note-head">
      <Icon name="lock" />
      <strong class="note-word">Note</strong>
      <span class="visually-hidden">, staff only, from</span> <span class="author">{author}</span>{" "}
      {person?.institutionName && author !== "You" && <span class="author-library">{person.institutionName}</span>}{" "}
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
    <time class="time" dateTime={machineTime(event.time)} title={dayAndTime(event.time)}>
      {clockTime(event.time)}
    </time>
  );
}
