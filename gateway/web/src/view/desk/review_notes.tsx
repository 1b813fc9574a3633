import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { takenBack } from "../../app/parts/taking_back";
import { type SessionEvent, SessionEventSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, type Session } from "../../gen/carrel/session/v1/session_pb";
import { patronOf } from "../../patron_label";
import type { Item } from "../../state/conversation";
import { writeNote } from "../../state/deeds";
import { type Outgoing, unknownSession } from "../../state/session";
import { Icon } from "../parts/icon";
import { TextBox } from "../parts/text_box";

const BOX = "review-note-box";

/**
 * Whether the librarian may add notes to an ended session of their library at any time: reviewers may, and who owned it
 * last (R11, D68).
 */
export function mayReview(desk: Desk, session: Session): boolean {
  const { institutionId, librarianId } = desk.profile.value ?? {};
  const isTheirs = desk.maySupervise.value || session.owner?.librarianId === librarianId;
  return isTheirs && session.institutionId === institutionId && session.eraseTime === undefined;
}

/**
 * Keeps the notes to an ended session while its transcript is open, and those on their way until they are confirmed.
 */
export function useReview(desk: Desk, { sessionId }: Session): void {
  useEffect(() => {
    desk.link.hold(unknownSession(sessionId));
    return () => {
      const view = desk.link.sessions.value.get(sessionId);
      const isOnlyHere = view !== undefined && !view.wanted && view.session === undefined;
      if (isOnlyHere && view.outgoing.every(({ status }) => status === "sent")) desk.link.release(sessionId);
    };
  }, [desk, sessionId]);
}

/** Returns the events of a transcript for staff: as it was read, and what was added since. */
export function sinceRead(desk: Desk, sessionId: string, read: readonly SessionEvent[]): readonly SessionEvent[] {
  const view = desk.link.sessions.value.get(sessionId);
  const further = (view?.events ?? []).slice(read.length);
  const events = [...read, ...further];
  const own = (view?.outgoing ?? []).filter(({ status, position }) => status === "sent" && position > events.length);
  return [...events, ...own.flatMap((out) => asEvent(desk, out))];
}

/** Returns the user's notes that are not confirmed yet. */
export function notesUnderWay(desk: Desk, sessionId: string): Item[] {
  const notes = (desk.link.sessions.value.get(sessionId)?.outgoing ?? []).filter(
    ({ deed, status }) => deed.case === "writeNote" && status !== "sent",
  );
  return notes.map((outgoing) => ({ kind: "outgoing", outgoing }));
}

/** Returns a confirmed note as the event that the transcript will have. */
function asEvent(desk: Desk, { deed, position, since }: Outgoing): SessionEvent[] {
  const { profile } = desk;
  if (deed.case !== "writeNote") return [];
  const event = create(SessionEventSchema, {
    position: BigInt(position),
    time: timestampFromMs(since),
    author: {
      part: desk.maySupervise.value ? Part.COLLEAGUE : Part.OWNER,
      name: profile.value?.screenName ?? "",
      librarianId: profile.value?.librarianId ?? "",
      institutionName: profile.value?.institutionName ?? "",
    },
  });
  event.payload = { case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text: deed.value.text } };
  return [event];
}

/** Moves a refused note back into its box. */
export function takeNoteBack(desk: Desk, sessionId: string, outgoing: Outgoing): void {
  desk.drafts.change(sessionId, takenBack(desk.drafts.of(sessionId), outgoing));
  desk.link.input(sessionId, { kind: "discard", commandId: outgoing.commandId });
  document.getElementById(BOX)?.focus();
}

/** The box for notes below the transcript of an ended session. */
export function ReviewNotes({ desk, session }: { desk: Desk; session: Session }) {
  const { sessionId } = session;
  const box = useRef<HTMLTextAreaElement>(null);
  const send = () => {
    const { note } = desk.drafts.of(sessionId);
    desk.drafts.change(sessionId, { note: "" });
    desk.link.act(sessionId, writeNote(note));
    box.current?.focus();
  };
  return (
    <section class="notes-pane review-notes" aria-label="Notes">
      <div class="notes-body">
        <TextBox
          id={BOX}
          boxRef={box}
          label={
            <>
              <strong>Staff only</strong> – never shown to the patron
            </>
          }
          placeholder="Add a note for staff"
          hint={<span class="keys">Enter adds the note</span>}
          value={desk.drafts.of(sessionId).note}
          limit={desk.link.textLimit.value}
          action={
            <>
              <Icon name="note" /> Add note
            </>
          }
          onInput={(note) => desk.drafts.change(sessionId, { note, whose: patronOf(session, "") })}
          onSend={send}
        />
      </div>
    </section>
  );
}
