import { useEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { Confirmation } from "../../app/parts/confirmation";
import { hasUnsentWords } from "../../app/parts/leaving";
import { guard } from "../../app/parts/settings";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { SessionList, type SessionRow } from "../../gen/carrel/session/v1/session_service_pb";
import { safeAddress } from "../../links";
import { patronOf } from "../../patron_label";
import { rowsOf } from "../../state/lists";
import { PARTS_TAKE } from "../../state/parts";
import { isHandedOver } from "../../state/transfer";
import { nameOf } from "../../words";
import { Confirm, Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { OutsideLink } from "../parts/linked_text";
import { LogInForm } from "./log_in";
import { departureWords, Preview } from "./new_list";
import { QueueChooser } from "./queue_chooser";
import { AlertsDialog, ShortcutsDialog } from "./settings";
import { TransferDialog } from "./transfer";
import { AllUnsent } from "./unsent";

/** Shows what the desk asks at present. The log-in dialog comes on top of it, and what was begun below it is kept. */
export function DeskDialogs({ desk }: { desk: Desk }) {
  return (
    <>
      <AskedDialog desk={desk} />
      {desk.logInState.value === "again" && <LogInAgain desk={desk} />}
    </>
  );
}

function AskedDialog({ desk }: { desk: Desk }) {
  const asked = desk.asked.value;
  switch (asked?.kind) {
    case "warning":
      return <ConferenceWarning desk={desk} row={asked.row} />;
    case "question":
      return <Question desk={desk} row={asked.row} />;
    case "end":
      return <EndSession desk={desk} sessionId={asked.sessionId} />;
    case "guard":
      return <Guard desk={desk} sessionId={asked.sessionId} position={asked.note} />;
    case "transfer":
      return <TransferDialog desk={desk} sessionId={asked.sessionId} librarianId={asked.librarianId} />;
    case "confirmation":
      return <Confirmed desk={desk} of={asked.of} />;
    case "log-out":
      return <LogOut desk={desk} />;
    case "queues":
      return desk.profile.value ? <QueueChooser desk={desk} /> : null;
    case "alerts":
      return <AlertsDialog desk={desk} />;
    case "shortcuts":
      return <ShortcutsDialog desk={desk} />;
    default:
      return null;
  }
}

/**
 * The warning that an administrator gets before they enter (S9, R1, R2).
 *
 * The focus is on Cancel: the row was opened with Enter or a click, and one Enter too many must not let anyone in.
 */
function ConferenceWarning({ desk, row }: { desk: Desk; row: SessionRow }) {
  const warning = desk.profile.value?.conferenceWarning;
  const rule = safeAddress(warning?.ruleAddress ?? "");
  return (
    <Dialog title="Enter this session?" alert class="conference-warning" onCancel={() => desk.cancel()}>
      <p class="who-with">
        {nameOf(row.owner)} is chatting with {patronOf(row)}, a patron of {row.institutionName}.
      </p>
      <p class="warning-text">{warning?.text}</p>
      {rule && (
        <p>
          Your library's rule: <OutsideLink address={rule}>{rule}</OutsideLink>
        </p>
      )}
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={() => desk.cancel()}>
          Cancel
        </button>
        <button type="button" class="button conference" onClick={() => desk.enter(row)}>
          OK
        </button>
      </div>
    </Dialog>
  );
}

/** The whole question, for librarians who cannot point at a row, and whether the patron still waits. */
function Question({ desk, row }: { desk: Desk; row: SessionRow }) {
  const close = useRef<HTMLButtonElement>(null);
  const { sessionId } = row;
  const waiting = rowsOf(desk.lists.value, SessionList.NEW).find((one) => one.sessionId === sessionId);
  const waits = waiting !== undefined;
  const departure = desk.lists.value.departures.findLast((one) => one.row.sessionId === sessionId);
  const why = departure && departureWords(departure);
  const [gone, setGone] = useState<string | undefined>(undefined);
  useEffect(() => {
    if (waits || why !== undefined) {
      setGone(waits ? undefined : why);
      return;
    }
    // A long list that is sent anew comes in parts, and a row may be missing meanwhile. Departures are listed only
    // briefly.
    const sure = setTimeout(
      () => setGone((said) => said ?? "This patron is no longer waiting in your queues"),
      PARTS_TAKE,
    );
    return () => clearTimeout(sure);
  }, [waits, why]);
  useEffect(() => {
    // The button that had the focus disappears with the patron.
    if (gone !== undefined && document.activeElement === document.body) close.current?.focus();
  }, [gone]);
  return (
    <Dialog title={`${patronOf(row)} asks`} onCancel={() => desk.cancel()}>
      {gone !== undefined && (
        <p class="notice warn" role="alert">
          {gone}
        </p>
      )}
      <Preview desk={desk} row={waiting ?? row} isRead />
      <div class="dialog-actions">
        {gone === undefined && (
          <button
            key="pick-up"
            type="button"
            class="button primary"
            onClick={() => {
              desk.cancel();
              desk.pickUp(sessionId);
            }}
          >
            Pick up {patronOf(row)}
          </button>
        )}
        <button key="close" ref={close} type="button" class="button" data-first onClick={() => desk.cancel()}>
          Close
        </button>
      </div>
    </Dialog>
  );
}

function EndSession({ desk, sessionId }: { desk: Desk; sessionId: string }) {
  const session = desk.link.sessions.value.get(sessionId)?.session;
  const isOver = session === undefined || session.state === SessionState.ENDED;
  useCancelWhen(isOver, desk);
  if (isOver) return null;
  const patron = patronOf(session, "the patron");
  const typed = desk.drafts.of(sessionId);
  const draft =
    (typed.patron + typed.page).trim() === "" ? "" : ` What you have typed to ${patron} is not sent, and will not be.`;
  return (
    <Confirm
      title="End this session?"
      text={`It ends for everyone in it: ${patron} will no longer be able to write to you here. The transcript is kept, and you can still add notes.${draft}`}
      action="End Session"
      otherwise="Keep chatting"
      onCancel={() => desk.cancel()}
      onConfirm={() => desk.end(sessionId)}
    />
  );
}

/** Takes back the desk's question once there is nothing left to ask about. */
function useCancelWhen(isOver: boolean, desk: Desk): void {
  useEffect(() => {
    // No shortcut works while the desk asks something, so a question that shows nothing must not remain.
    if (isOver) desk.cancel();
  }, [isOver]);
}

/**
 * Asks whether an answer is for the patron (R10). The default is a note, which does no harm.
 *
 * `position` is the position of the note that the text may be an answer to.
 */
function Guard({ desk, sessionId, position }: { desk: Desk; sessionId: string; position: number }) {
  const view = desk.link.sessions.value.get(sessionId);
  // The session itself then shows what was not sent.
  const isOver = view === undefined || view.session?.state === SessionState.ENDED || isHandedOver(view);
  useCancelWhen(isOver, desk);
  if (isOver) return null;
  const note = view.events[position - 1];
  const patron = patronOf(view.session, "the patron");
  const answer = (send: () => void) => () => {
    desk.cancel();
    send();
  };
  return (
    <Dialog title="Send to the patron, or as a note?" alert class="guard" onCancel={() => desk.cancel()}>
      <p>
        The last thing written here is a note from {nameOf(note?.author)}, which {patron} cannot see. You have written
        in the box that goes to {patron}:
      </p>
      <blockquote class="guarded-text">{desk.drafts.of(sessionId).patron}</blockquote>
      <div class="dialog-actions">
        <button
          type="button"
          class="button note-button"
          data-first
          onClick={answer(() => desk.writing.sendAsNote(sessionId, position))}
        >
          <Icon name="lock" /> Send as a note
        </button>
        <button
          type="button"
          class="button primary"
          onClick={answer(() => desk.writing.sendToPatron(sessionId, position))}
        >
          Send to {patron}
        </button>
        <button type="button" class="button plain" onClick={() => desk.cancel()}>
          Keep writing
        </button>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={!guard.value}
          onChange={(event) => {
            guard.value = !event.currentTarget.checked;
          }}
        />
        Do not ask me again in this browser
      </label>
    </Dialog>
  );
}

function Confirmed({ desk, of }: { desk: Desk; of: Confirmation }) {
  return (
    <Confirm
      {...of}
      onCancel={() => desk.cancel()}
      onConfirm={() => {
        desk.cancel();
        of.onConfirm();
      }}
    />
  );
}

function LogOut({ desk }: { desk: Desk }) {
  const running = [...desk.link.sessions.value.values()].filter(
    (view) => view.wanted && view.session?.state === SessionState.ACTIVE,
  ).length;
  const drafts = hasUnsentWords(desk) ? " What you have typed but not sent is lost." : "";
  return (
    <Confirm
      title="Log out?"
      text={afterLogOut(running, desk.presence.monitors.value) + drafts}
      action="Log out"
      otherwise="Stay"
      onCancel={() => desk.cancel()}
      onConfirm={() => desk.logOut()}
    />
  );
}

/** Says what becomes of the user's patrons (R8): another monitor keeps them; without one they are kept for a while. */
function afterLogOut(running: number, monitors: number): string {
  if (monitors > 1) return "You stay logged on at your other monitor, with all your sessions.";
  if (running === 0) return "You will no longer see waiting patrons.";
  const [sessions, patrons] =
    running === 1
      ? ["one session", "the patron is offered to your colleagues"]
      : [`${running} sessions`, "the patrons are offered to your colleagues"];
  return `You still have ${sessions} running. Logging out ends nothing, but if you are not back soon, ${patrons}. To hand over without a wait, transfer before you go.`;
}

function LogInAgain({ desk }: { desk: Desk }) {
  return (
    <Dialog title="Log in again" onCancel={() => {}}>
      <p>Your log-in has expired. Nothing you have typed is lost: log in and carry on where you were.</p>
      <LogInForm desk={desk} name={desk.logInName} />
      <AllUnsent desk={desk} />
    </Dialog>
  );
}
