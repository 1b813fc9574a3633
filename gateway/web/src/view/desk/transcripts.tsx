import { create } from "@bufbuild/protobuf";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, type TranscriptView, transcript } from "../../api";
import { codesOf } from "../../app/desk/descriptive_codes";
import type { Desk } from "../../app/desk/desk";
import { EndedSessions, EVERYTHING, isNarrowed, isOlder } from "../../app/desk/ended_sessions";
import { isLookedAt, onLook } from "../../app/parts/looked_at";
import { EndReason, Part, type Session, SessionSchema } from "../../gen/carrel/session/v1/session_pb";
import type { AuditedSession, GetTranscriptResponse } from "../../gen/carrel/session/v1/session_service_pb";
import { patronOf } from "../../patron_label";
import type { Item } from "../../state/conversation";
import { ownersIn, ownersOf, wasAnsweredElsewhere } from "../../state/owners";
import { withoutIdentity } from "../../state/session";
import { day, dayAndTime, milliseconds, span } from "../../time";
import { codesWords, inTurn, ownersLine } from "../../words";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { MailLink } from "../parts/linked_text";
import { Stream } from "../parts/stream";
import { Tabs } from "../parts/tabs";
import { EraseDialog } from "./erase";
import { Paged } from "./paged";
import { PatronLanguage } from "./patron_language";
import { ResolutionSetter, type Said } from "./resolution";
import { mayReview, notesUnderWay, ReviewNotes, sinceRead, takeNoteBack, useReview } from "./review_notes";
import { RowName } from "./rows";
import { SaveTranscript } from "./save_transcript";
import { SessionSearch } from "./session_search";
import { NotRead } from "./unread_policies";

/** Ended sessions that the user may read, and their transcripts as staff and as the patron see them. */
export function Transcripts({ desk }: { desk: Desk }) {
  const [open, setOpen] = useState<Session | undefined>(() => briefly(desk.takeTranscript()));
  const [search, setSearch] = useState(EVERYTHING);
  const ended = useMemo(() => new EndedSessions(search, () => desk.accessToken), [desk, search]);
  const { list } = ended;
  const ownCodes = codesOf(desk.policies, desk.profile.value?.institutionId)?.descriptiveCodes ?? [];
  const phase = desk.link.connection.value.phase.name;
  useEffect(() => desk.policies.look(), [desk, phase]);
  useEffect(() => {
    void list.reload();
    return () => ended.end();
  }, [ended]);
  useUpToDate(desk, ended);
  const entries = list.entries.value;
  useEffect(() => {
    // The transcript says of its session what the list says.
    setOpen((shown) => shown && (entries?.find((now) => isOlder(shown, now)) ?? shown));
  }, [entries]);
  /** The button that opened the transcript. */
  const opener = useRef<HTMLElement>(undefined);
  const searchBox = useRef<HTMLInputElement>(null);
  const rows = useRef<HTMLUListElement>(null);
  useEffect(() => {
    if (open !== undefined || opener.current === undefined) return;
    // Where there is room for only one of them, the list is shown again by now. It may be another one after a search.
    (opener.current.isConnected ? opener.current : searchBox.current)?.focus();
  }, [open]);
  return (
    <div
      class={open ? "review with-open" : "review"}
      role="tabpanel"
      id="panel-transcripts"
      aria-labelledby="tab-transcripts"
    >
      <Paged
        list={list}
        connected={phase === "connected"}
        title="Ended sessions"
        lead={whichSessions(desk)}
        tools={
          <>
            <SessionSearch box={searchBox} search={search} codes={ownCodes} onSearch={setSearch} />
            {desk.policies.all.value === undefined && <NotRead desk={desk} what="Your library's descriptive codes" />}
          </>
        }
        empty={whyNone(desk, ended)}
        progress={progressOf(ended)}
        news={{
          words: endedSince,
          // The button that had the focus is gone.
          onShown: () => rows.current?.querySelector("button")?.focus(),
        }}
      >
        {(sessions) => (
          <ul class="rows spaced" aria-label="Ended sessions" ref={rows}>
            {sessions.map((session) => (
              <EndedSession
                key={session.sessionId}
                desk={desk}
                session={session}
                selected={open?.sessionId === session.sessionId}
                onOpen={(by) => {
                  opener.current = by;
                  setOpen(session);
                }}
                onSet={(facts) => {
                  const isIt = (one: Session) => one.sessionId === session.sessionId;
                  list.replace(isIt, withFacts(facts));
                  setOpen((shown) => (shown !== undefined && isIt(shown) ? withFacts(facts)(shown) : shown));
                }}
              />
            ))}
          </ul>
        )}
      </Paged>
      {open && (
        <Transcript
          // What was read of it before it was erased is not to be shown any more.
          key={`${open.sessionId}/${open.eraseTime === undefined}`}
          desk={desk}
          session={open}
          onNews={(now) => {
            list.replace(
              (one) => isOlder(one, now),
              () => now,
            );
            // Meanwhile the user may have closed it, or opened another one.
            setOpen((shown) => (shown !== undefined && isOlder(shown, now) ? now : shown));
          }}
          onClose={() => {
            // The transcript may have been opened from the audit.
            opener.current ??= searchBox.current ?? undefined;
            setOpen(undefined);
          }}
        />
      )}
    </div>
  );
}

/** Returns as much of a session as the audit says. */
function briefly(session: AuditedSession | undefined): Session | undefined {
  if (session === undefined) return undefined;
  const { sessionId, state, patronName, openTime } = session;
  return create(SessionSchema, { sessionId, state, patronName, ...(openTime ? { openTime } : {}) });
}

/** Whether no more is known of an ended session than the audit says, since otherwise its end is. */
function isBrief({ endTime, eraseTime }: Session): boolean {
  return endTime === undefined && eraseTime === undefined;
}

/** How long a list that is looked at may be out of date, in milliseconds. */
const LOOK_AGAIN = 60_000;

/**
 * Keeps the list up to date while it is open: each minute while the user looks at the page, when they come back to it, and
 * when a session on their desk has ended.
 */
function useUpToDate(desk: Desk, ended: EndedSessions): void {
  const over = desk.ended.value.length;
  const isFirst = useRef(true);
  useEffect(() => {
    // The list has just been read.
    if (!isFirst.current) void ended.update();
    isFirst.current = false;
  }, [over]);
  useEffect(() => {
    const update = () => void ended.update();
    const timer = setInterval(() => isLookedAt() && update(), LOOK_AGAIN);
    const stop = onLook(update);
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [ended]);
}

/** Says how many sessions have ended since the list was read. */
function endedSince(count: number): string {
  return count === 1 ? "1 session that ended since" : `${count} sessions that ended since`;
}

/** Which sessions are listed, and what the library learns of the user's looking at them. */
function whichSessions(desk: Desk): string {
  const library = desk.profile.value?.institutionName ?? "your library";
  return desk.maySupervise.value
    ? `Sessions of patrons of ${library}, the most recently ended first. Opening the transcript of a session that you were not in is written to the audit, and so is each transcript that you save.`
    : `Sessions of patrons of ${library} in which you were the last librarian, the most recently ended first. Each transcript that you save is written to the audit.`;
}

/** Why no session is listed. */
function whyNone(desk: Desk, { search, searchedTo }: EndedSessions): string {
  if (!isNarrowed(search)) {
    return desk.maySupervise.value
      ? "No session has ended yet. The transcript of each session appears here when it is over."
      : "No session of yours has ended yet. Those that you answer appear here when they are over.";
  }
  const where = search.text === "" ? "" : " What was said in a chat is not searched.";
  return searchedTo.value === undefined
    ? `No ended session matches.${where}`
    : `None of the sessions that ended since ${day(searchedTo.value)} matches. “Show more” looks at earlier ones.${where}`;
}

/** How far a search has come that has not found anything yet. */
function progressOf({ search, searchedTo }: EndedSessions): string {
  if (!isNarrowed(search) || searchedTo.value === undefined) return "Loading …";
  return `Searching, back to ${day(searchedTo.value)} …`;
}

/** Returns a function that gives a session what the user has just said of it. */
function withFacts(facts: Said): (session: Session) => Session {
  return (session) => create(SessionSchema, { ...session, ...facts });
}

interface EndedSessionProps {
  desk: Desk;
  session: Session;
  selected: boolean;
  onOpen: (by: HTMLElement) => void;
  /** The user has set the resolution or the descriptive codes. */
  onSet: (facts: Said) => void;
}

/** What a session is called by: its patron, while there is anything to know of them. */
function titleOf(session: Session): string {
  return session.eraseTime === undefined ? patronOf(session) : "Erased";
}

/** Who answered, and for how long. Of an erased session only the last librarian's library is known. */
function answeredBy(session: Session, length: string): string {
  const by = inTurn(ownersOf(session));
  if (session.owner === undefined) {
    const left = session.endReason === EndReason.ABANDONED ? "did not come back" : "left the queue";
    return by === "" ? `Patron ${left}` : `with ${by}, then the patron ${left}`;
  }
  return `with ${session.eraseTime === undefined ? by : session.owner.institutionName}, ${length}`;
}

function endedBy({ endReason, endedBy }: Session): string {
  if (endReason === EndReason.ABANDONED) return "Patron did not come back";
  return endedBy === Part.PATRON ? "Patron ended" : "Librarian ended";
}

function EndedSession({ desk, session, selected, onOpen, onSet }: EndedSessionProps) {
  const from = milliseconds(session.firstPickUpTime ?? session.pickUpTime ?? session.openTime) ?? 0;
  const length = span((milliseconds(session.endTime) ?? from) - from);
  return (
    <li class={selected ? "row selected" : "row"}>
      <button
        type="button"
        class="row-main"
        aria-current={selected ? "true" : undefined}
        onClick={(event) => onOpen(event.currentTarget)}
      >
        <Hidden>Transcript of</Hidden>
        <span class="row-line">
          <RowName name={titleOf(session)} />
          <span class="row-time">{dayAndTime(session.endTime)}</span>
        </span>
        <span class="row-line">
          <span class="library">{answeredBy(session, length)}</span>
          {session.owner && <span class="tag">{endedBy(session)}</span>}
          {/* Of an erased session, the library is all that is named anyway. */}
          {session.owner && wasAnsweredElsewhere(session) && session.eraseTime === undefined && (
            <span class="tag">Answered by {session.owner.institutionName}</span>
          )}
          {session.identityEraseTime && <span class="tag">Name erased</span>}
        </span>
        <span class="row-question">{session.question}</span>
      </button>
      <ResolutionSetter desk={desk} session={session} onSet={onSet} />
    </li>
  );
}

interface TranscriptProps {
  desk: Desk;
  session: Session;
  /** What is known of the session now: it, or who its patron was, was erased, or little was known of it before. */
  onNews: (now: Session) => void;
  onClose: () => void;
}

function Transcript({ desk, session, onNews, onClose }: TranscriptProps) {
  const [erasing, setErasing] = useState(false);
  const [view, setView] = useState<TranscriptView>("staff");
  const [read, setRead] = useState<Partial<Record<TranscriptView, GetTranscriptResponse>>>({});
  const [errors, setErrors] = useState<Partial<Record<TranscriptView, string>>>({});
  /** Why the last attempt to save failed. */
  const [unsaved, setUnsaved] = useState("");
  /** The views that are being read. A read is written to the audit, and must not be done twice. */
  const underWay = useRef(new Set<TranscriptView>());
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const answer = read[view];
  const error = errors[view];
  useEffect(() => {
    if (answer !== undefined || error !== undefined || underWay.current.has(view)) return;
    underWay.current.add(view);
    transcript(desk.accessToken, session.sessionId, view)
      .then(
        (response) => {
          const now = response.session;
          // It, or the name in it, was erased since the list was read.
          const isErased = session.eraseTime === undefined && now?.eraseTime !== undefined;
          const isNameless = session.identityEraseTime === undefined && now?.identityEraseTime !== undefined;
          if (now && (isErased || isNameless || (view === "staff" && isBrief(session)))) onNews(now);
          // An erased session is shown anew, and read again; of a nameless one, the text is what was read.
          if (!isErased) setRead((before) => ({ ...before, [view]: response }));
        },
        (failure) => setErrors((before) => ({ ...before, [view]: whyUnread(failure) })),
      )
      .finally(() => underWay.current.delete(view));
  }, [view, answer, error]);
  const patron = titleOf(session);
  useReview(desk, session);
  const reviews = view === "staff" && mayReview(desk, session);
  // The name may have been erased after this was read.
  const known = (answer?.events ?? []).map(
    session.identityEraseTime === undefined ? (event) => event : withoutIdentity,
  );
  const events = reviews && answer !== undefined ? sinceRead(desk, session.sessionId, known) : known;
  const items: Item[] = events.map((event) => ({ kind: "event", event }));
  if (reviews) items.push(...notesUnderWay(desk, session.sessionId));
  const reader = { isOwn: () => false, isPatron: view === "patron", queueName: desk.queueName };
  const owners = ownersLine(ownersIn(events), reader.isPatron);
  const codes = session.descriptiveCodes;
  return (
    <section class="transcript-pane" aria-label={`Transcript of ${patron}`}>
      <header class="session-head">
        <button type="button" class="icon-button" aria-label="Close the transcript" onClick={onClose}>
          <Icon name="close" />
        </button>
        <div class="session-title">
          <h2 ref={heading} tabIndex={-1} title={patron}>
            {patron}
          </h2>
          <p class="session-facts">
            <span>{dayAndTime(session.openTime)}</span>
            <span>{session.institutionName}</span>
            {owners !== "" && <span>with {owners}</span>}
            {view === "staff" && session.patronEmail && <MailLink address={session.patronEmail} />}
            {view === "staff" && <PatronLanguage desk={desk} tag={session.language} />}
            {session.identityEraseTime && <span>name and e-mail address erased</span>}
            {view === "staff" && codes.length > 0 && <span>about {codesWords(codes)}</span>}
          </p>
        </div>
        <SaveTranscript
          desk={desk}
          session={session}
          view={view}
          enabled={answer !== undefined}
          onError={setUnsaved}
          onErased={onNews}
        />
        {desk.mayErase.value && session.eraseTime === undefined && (
          <button type="button" class="button small danger-quiet" onClick={() => setErasing(true)}>
            Erase…
          </button>
        )}
      </header>
      <Tabs
        label="View"
        class="list-tabs"
        idPrefix="view-"
        tabs={[
          { id: "staff", label: "Staff view, with notes" },
          { id: "patron", label: "Patron's view" },
        ]}
        selected={view}
        onSelect={setView}
      />
      <div class="transcript-body" role="tabpanel" id={`panel-view-${view}`} aria-labelledby={`tab-view-${view}`}>
        {unsaved && (
          <p class="notice bad" role="alert">
            Not saved. {unsaved}
          </p>
        )}
        {error && (
          <p class="notice bad" role="alert">
            {error}{" "}
            <button
              type="button"
              class="link-button"
              onClick={() => {
                // The button disappears with the error.
                heading.current?.focus();
                setErrors({ ...errors, [view]: undefined });
              }}
            >
              Try again
            </button>
          </p>
        )}
        {!answer && !error && <p class="quiet-text">Loading …</p>}
        {answer && (
          <Stream
            sessionId={`${session.sessionId}/${view}`}
            items={items}
            reader={reader}
            now={desk.link.localNow}
            stuck={desk.link.isStuck.value}
            onRetry={(commandId) => desk.link.input(session.sessionId, { kind: "retry", commandId })}
            onEdit={(outgoing) => takeNoteBack(desk, session.sessionId, outgoing)}
            onDiscard={(commandId) => desk.link.input(session.sessionId, { kind: "discard", commandId })}
          />
        )}
      </div>
      {reviews && answer && <ReviewNotes desk={desk} session={session} />}
      {erasing && <EraseDialog desk={desk} session={session} onErased={onNews} onCancel={() => setErasing(false)} />}
    </section>
  );
}

function whyUnread(failure: unknown): string {
  return failure instanceof ApiError ? failure.message : "The transcript could not be read.";
}
