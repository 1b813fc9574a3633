import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { takeBack } from "../../app/parts/taking_back";
import { Audience, EndReason, Part, type Session, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { patronOf } from "../../patron_label";
import { whyRefused } from "../../refusal_words";
import { conversation } from "../../state/conversation";
import { colleaguesIn, isOnItsWay, type SessionView } from "../../state/session";
import { isHandedOver, mayOffer } from "../../state/transfer";
import { milliseconds, roughly, stopwatch } from "../../time";
import { nameOf } from "../../words";
import { Hidden } from "../parts/hidden";
import { Icon } from "../parts/icon";
import { Stream } from "../parts/stream";
import { TypingLine } from "../parts/typing_line";
import { BackToLists } from "./chat_news";
import { CutOffNotice } from "./cut_off_notice";
import { LibraryName, PracticeMark } from "./new_list";
import { PatronLanguage } from "./patron_language";
import { ConnectionState } from "./patron_marks";
import { PolicyButton, PolicyPanel } from "./policy";
import { ResolutionBar } from "./resolution";
import { putAway } from "./throw_away";
import { HandedOver, OfferBar } from "./transfer_bar";

/** The session that is shown: who is in it, the conversation, and the buttons to leave or end it. */
export function SessionPane({ desk }: { desk: Desk }) {
  const view = desk.view.value;
  if (view?.session === undefined) {
    return (
      <section class="session-pane vacant" aria-label="Session">
        <div class="vacant-text">
          <Mark />
          <h2 class="display">{view ? "Opening the session …" : "No session open"}</h2>
          <Trouble view={view} />
          {!view && (
            <p>
              Pick up a patron under New, or open one of your sessions. Point at a waiting patron, or move the focus
              there, to read the whole question first.
            </p>
          )}
        </div>
      </section>
    );
  }
  return <OpenSession desk={desk} view={view} key={view.sessionId} />;
}

/** Says why the session cannot be reached. */
function Trouble({ view }: { view: SessionView | undefined }) {
  if (view?.trouble === undefined) return null;
  return (
    <p class="notice bad" role="alert">
      This session cannot be reached right now; the desk keeps trying. {whyRefused(view.trouble)}
    </p>
  );
}

function OpenSession({ desk, view }: { desk: Desk; view: SessionView }) {
  const { session } = view;
  const [policy, setPolicy] = useState(false);
  const policyButton = useRef<HTMLButtonElement>(null);
  if (session === undefined) return null;
  const elsewhere = session.institutionId !== desk.profile.value?.institutionId;
  const patron = patronOf(session);
  // Nothing more is heard of a session that was handed over: who is in it now, or is typing, is not known.
  const over = isHandedOver(view);
  // A sign of typing may arrive after the end of the session.
  const quiet = over || session.state === SessionState.ENDED;
  const isErased = session.eraseTime !== undefined;
  const typists = quiet ? [] : desk.link.typists.value.filter((typist) => typist.sessionId === view.sessionId);
  const colleagues = colleaguesIn(view).filter((person) => person.librarianId !== desk.profile.value?.librarianId);
  const closePolicy = () => {
    setPolicy(false);
    policyButton.current?.focus();
  };
  return (
    <section class="session-pane" aria-label={`Session with ${patron}`}>
      <div class="session-top">
        <header class="session-head">
          <BackToLists desk={desk} from={view.sessionId} />
          <div class="session-title">
            <h2 title={patron}>{patron}</h2>
            <p class="session-facts">
              <LibraryName name={session.institutionName} elsewhere={elsewhere} />
              <PracticeMark desk={desk} queueId={session.queueId} />
              {!over && !desk.cutOff.isOverdue.value && <ConnectionState connection={session.patronConnection} />}
              {session.patronEmail && <span>{session.patronEmail}</span>}
              <PatronLanguage desk={desk} tag={session.language} />
              {session.identityEraseTime && <span>name erased</span>}
              {session.patronName === "" && !session.identityEraseTime && !isErased && <span>gave no name</span>}
              {!over && !isErased && <Length desk={desk} view={view} />}
              {view.part === Part.COLLEAGUE && session.owner && <span>with {nameOf(session.owner)}</span>}
              {!over && !isErased && colleagues.length > 0 && (
                <span>also here: {colleagues.map((person) => nameOf(person)).join(", ")}</span>
              )}
            </p>
          </div>
          <div class="session-actions">
            <PolicyButton open={policy} onToggle={() => setPolicy(!policy)} buttonRef={policyButton} />
            <Actions desk={desk} view={view} />
          </div>
        </header>
        <Banner desk={desk} view={view} />
      </div>
      <CutOffNotice desk={desk} />
      <Trouble view={view} />
      <ResolutionBar desk={desk} view={view} />
      <OfferBar desk={desk} view={view} />
      {policy && <PolicyPanel desk={desk} view={view} onClose={closePolicy} />}
      <Stream
        sessionId={view.sessionId}
        items={conversation(view, desk.isOwn)}
        reader={{ isOwn: desk.isOwn, isPatron: false, queueName: desk.queueName }}
        now={desk.link.localNow}
        stuck={desk.link.isStuck.value}
        foot={<TypingLine typists={typists} where={(typist) => (typist.box === Audience.STAFF ? " a note" : "")} />}
        onRetry={(commandId) => desk.link.input(view.sessionId, { kind: "retry", commandId })}
        onEdit={(outgoing) => takeBack(desk, view.sessionId, outgoing)}
        onDiscard={(commandId) => desk.link.input(view.sessionId, { kind: "discard", commandId })}
      />
    </section>
  );
}

function Length({ desk, view }: { desk: Desk; view: SessionView }) {
  const from = milliseconds(view.session?.pickUpTime ?? view.session?.openTime);
  if (from === undefined) return null;
  const to = milliseconds(view.session?.endTime) ?? desk.link.now.value;
  return (
    <span>
      <span aria-hidden="true">{stopwatch(to - from)}</span>
      <Hidden>{`for ${roughly(to - from)}`}</Hidden>
    </span>
  );
}

/**
 * The buttons of the session. Only the owner can hand it over and end it, and only a colleague can leave it (D5, R6);
 * once it was handed over or has ended, it can be put away. Each button has a key of its own, so that a button that is
 * being pressed, or has the focus, does not turn into another.
 */
function Actions({ desk, view }: { desk: Desk; view: SessionView }) {
  if (view.session?.state === SessionState.ENDED || isHandedOver(view)) {
    return (
      <button key="dismiss" type="button" class="button small" onClick={() => putAway(desk, view.sessionId)}>
        Put away
      </button>
    );
  }
  if (view.part === Part.COLLEAGUE) {
    const leaving = isOnItsWay(view, "leaveConference");
    return (
      <>
        {view.session?.state === SessionState.WAITING && (
          <button
            key="take-over"
            type="button"
            class="button small primary"
            aria-disabled={desk.isPickingUp(view.sessionId)}
            onClick={() => desk.pickUp(view.sessionId)}
          >
            {desk.isPickingUp(view.sessionId) ? "Taking over …" : "Take over"}
          </button>
        )}
        <button
          key="leave"
          type="button"
          class="button small conference"
          aria-disabled={leaving}
          onClick={() => desk.leave(view.sessionId)}
        >
          {leaving ? "Leaving …" : "Leave Session"}
        </button>
      </>
    );
  }
  return (
    <>
      {mayOffer(view) && (
        <button key="transfer" type="button" class="button small" onClick={() => desk.transfers.open(view.sessionId)}>
          <Icon name="transfer" /> Transfer …
        </button>
      )}
      <button
        key="end"
        type="button"
        class="button small danger-quiet"
        aria-disabled={desk.isEnding(view.sessionId)}
        onClick={() => {
          if (!desk.isEnding(view.sessionId)) desk.ask({ kind: "end", sessionId: view.sessionId });
        }}
      >
        {desk.isEnding(view.sessionId) ? "Ending …" : "End Session"}
      </button>
    </>
  );
}

/** Says who ended a session (D52), or that nobody did (D53). */
function howEnded(session: Session | undefined): string {
  if (session?.endReason === EndReason.ABANDONED) return "Ended by itself: the patron did not come back";
  if (session?.endedBy !== Part.PATRON) return `Librarian ended (${nameOf(session?.owner)})`;
  return session.owner === undefined ? "Patron left the queue" : "Patron ended";
}

function Banner({ desk, view }: { desk: Desk; view: SessionView }) {
  const ref = useRef<HTMLParagraphElement>(null);
  const ended = view.session?.state === SessionState.ENDED;
  useEffect(() => {
    if (ended && document.activeElement === document.body) ref.current?.focus();
  }, [ended]);
  if (ended && view.session?.eraseTime !== undefined) {
    return (
      <p class="banner over" role="status" ref={ref} tabIndex={-1}>
        <strong>This session was erased.</strong> What was written in it is not kept any more.
      </p>
    );
  }
  if (ended) {
    const who = howEnded(view.session);
    const inside = view.part === Part.COLLEAGUE ? " You are no longer in conference mode." : "";
    return (
      <p class="banner over" role="status" ref={ref} tabIndex={-1}>
        <strong>{who}.</strong>
        {inside} You can still add notes.
      </p>
    );
  }
  if (isHandedOver(view)) return <HandedOver desk={desk} view={view} />;
  if (view.part !== Part.COLLEAGUE) return null;
  return (
    <p class="banner conference-banner" role="status">
      <Icon name="eye" />
      <strong>In Conference Mode</strong>
      <span>{conferenceHint(desk, view)}</span>
    </p>
  );
}

/** Says who knows by now that the user is inside: staff after a note, the patron too after a message or a page (R4). */
function conferenceHint(desk: Desk, view: SessionView): string {
  if (view.session?.state === SessionState.WAITING) {
    return "The librarian's connection was lost and the patron is waiting again. You can take over.";
  }
  const owner = nameOf(view.session?.owner);
  const all = view.events.filter(desk.isOwn).map((event) => event.payload.case);
  // Who left and has come back is silent again, whatever they wrote before (R4).
  const own = all.slice(all.lastIndexOf("colleagueLeft") + 1);
  if (own.includes("message") || own.includes("page")) {
    return `${owner} and ${patronOf(view.session, "the patron")} know that you are here.`;
  }
  return own.includes("note")
    ? `${owner} knows that you are here; the patron does not.`
    : `${owner} is not told that you are here until you write.`;
}

function Mark() {
  return (
    <svg class="vacant-mark" viewBox="0 0 120 90" aria-hidden="true" focusable="false">
      <path d="M22 82V26c0-6 5-10 10-10h56c6 0 10 5 10 10v56M22 58h76" />
      <path d="M44 58V44h20v14M52 44v-8h22v22" />
      <circle cx="84" cy="42" r="5" />
    </svg>
  );
}
