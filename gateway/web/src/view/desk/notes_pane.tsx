import { useLayoutEffect, useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { patronOf } from "../../patron_label";
import { isNote, type SessionView } from "../../state/session";
import { Icon } from "../parts/icon";
import { Tabs } from "../parts/tabs";
import { TextBox } from "../parts/text_box";

/** The Notes tab at the lower left, with its own box: nothing from here reaches the patron (S17, S32, R9). */
export function NotesPane({ desk, view }: { desk: Desk; view: SessionView }) {
  const box = useRef<HTMLTextAreaElement>(null);
  const wanted = desk.wantsFocus.value === "note";
  // A layout effect: the user may type at once, and what is typed before the box has the focus is lost.
  useLayoutEffect(() => {
    if (!wanted) return;
    box.current?.focus();
    desk.focused();
  }, [wanted]);
  const notes = notesIn(view);
  return (
    <section class="notes-pane" aria-label="Notes">
      <Tabs
        label="Below the lists"
        class="lower-tabs"
        idPrefix="lower-"
        tabs={[
          {
            id: "notes",
            label: (
              <>
                <Icon name="lock" /> Notes <span class="count">{notes}</span>
              </>
            ),
          },
        ]}
        selected="notes"
        onSelect={() => desk.focus("note")}
      />
      <div class="notes-body" role="tabpanel" id="panel-lower-notes" aria-labelledby="tab-lower-notes">
        {view.session?.eraseTime === undefined ? (
          <TextBox
            id="note-box"
            boxRef={box}
            label={
              <>
                <strong>Staff only</strong> – never shown to the patron
              </>
            }
            placeholder="Write a note for staff"
            hint={<span class="keys">Enter adds the note</span>}
            value={desk.drafts.of(view.sessionId).note}
            limit={desk.link.textLimit.value}
            action={
              <>
                <Icon name="note" /> Add note
              </>
            }
            onInput={(note) => desk.writing.type(view.sessionId, { note })}
            onSend={() => desk.writing.sendNote(view.sessionId)}
          />
        ) : (
          <p class="quiet-text">Nothing can be added to an erased session.</p>
        )}
      </div>
      <BoxSwitch desk={desk} to="patron" />
    </section>
  );
}

function notesIn(view: SessionView | undefined): number {
  return view?.events.filter(isNote).length ?? 0;
}

/** Switches to the other box, where there is room for only one. */
export function BoxSwitch({ desk, to }: { desk: Desk; to: "patron" | "note" }) {
  const patron = patronOf(desk.view.value?.session, "the patron");
  const notes = notesIn(desk.view.value);
  return (
    <button type="button" class={`box-switch to-${to}`} onClick={() => desk.focus(to)}>
      {to === "note" ? (
        <>
          <Icon name="lock" /> Notes, staff only {notes > 0 && <span class="count">{notes}</span>}
        </>
      ) : (
        <>
          <Icon name="send" /> Write to {patron}
        </>
      )}
    </button>
  );
}
