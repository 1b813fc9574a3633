import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { withScript } from "../../app/desk/scripts";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { typedAddress } from "../../links";
import { patronOf } from "../../patron_label";
import type { SessionView } from "../../state/session";
import { nameOf } from "../../words";
import { Icon } from "../parts/icon";
import { TextBox } from "../parts/text_box";
import { useWrong, WrongLine } from "../parts/wrong";
import { BoxSwitch } from "./notes_pane";
import { Scripts } from "./scripts";
import { throwPageAway, throwScriptAway } from "./throw_away";
import { Unsent } from "./unsent";

const SCRIPTS_BUTTON = "scripts-button";

/** Opens the scripts, as a press on their button does; if they are open, the focus goes to the button. */
export function openScripts(): void {
  const button = document.getElementById(SCRIPTS_BUTTON);
  if (button?.getAttribute("aria-expanded") === "true") button.focus();
  else button?.click();
}

/** What is open beside the box. */
type Beside = "page" | "scripts" | undefined;

/** The box whose text the patron sees, with the scripts for it and the form that sends a web page's address. */
export function PatronBox({ desk, view }: { desk: Desk; view: SessionView }) {
  const box = useRef<HTMLTextAreaElement>(null);
  // An address that was typed before the user looked at another session is shown again.
  const [beside, setBeside] = useState<Beside>(desk.drafts.of(view.sessionId).page === "" ? undefined : "page");
  /** Whether the user has opened or closed it here: only then does it take the focus. */
  const isTurned = useRef(false);
  const wanted = desk.wantsFocus.value === "patron";
  // A layout effect: the user may type at once, and what is typed before the box has the focus is lost.
  useLayoutEffect(() => {
    if (!wanted) return;
    box.current?.focus();
    desk.focused();
  }, [wanted]);
  const turn = (to: Beside) => {
    isTurned.current = true;
    setBeside(to);
    if (to !== undefined) return;
    box.current?.focus();
    // The box cannot take the focus while a dialog is open: this gives it the focus once the dialog is gone.
    desk.focus("patron");
  };
  const leave = (to: Beside) => {
    if (beside === "page") throwPageAway(desk, view.sessionId, () => turn(to));
    else if (beside === "scripts") throwScriptAway(desk, () => turn(to));
    else turn(to);
  };
  const { session } = view;
  const name = patronOf(session, "");
  const to = name ? `To ${name}, the patron` : "To the patron";
  if (session?.state === SessionState.ENDED) {
    return (
      <section class="patron-box over" aria-label="Message to the patron">
        <p class="hint">The session has ended. Nothing more can be sent to the patron.</p>
        <TypedTooLate desk={desk} view={view} />
        <BoxSwitch desk={desk} to="note" />
      </section>
    );
  }
  return (
    <section class="patron-box" aria-label="Message to the patron">
      <TextBox
        id="patron-box"
        boxRef={box}
        label={<strong>{to}</strong>}
        placeholder={name ? `Write to ${name}` : "Write to the patron"}
        hint={<Hint view={view} />}
        value={desk.drafts.of(view.sessionId).patron}
        limit={desk.link.textLimit.value}
        action={
          <>
            <Icon name="send" /> Send
          </>
        }
        beside={
          <>
            <button
              type="button"
              class="button"
              aria-expanded={beside === "scripts"}
              aria-controls="scripts"
              id={SCRIPTS_BUTTON}
              onClick={() => leave(beside === "scripts" ? undefined : "scripts")}
            >
              <Icon name="scripts" /> Scripts
            </button>
            <button
              type="button"
              class="button"
              aria-expanded={beside === "page"}
              aria-controls="page-push"
              onClick={() => leave(beside === "page" ? undefined : "page")}
            >
              <Icon name="link" /> Web page
            </button>
          </>
        }
        onInput={(patron) => desk.writing.type(view.sessionId, { patron })}
        onSend={() => desk.writing.sendToPatron(view.sessionId)}
      />
      {beside === "scripts" && (
        <Scripts
          desk={desk}
          view={view}
          onChoose={(text) => {
            desk.writing.type(view.sessionId, { patron: withScript(desk.drafts.of(view.sessionId).patron, text) });
            turn(undefined);
          }}
          onClose={() => leave(undefined)}
        />
      )}
      {beside === "page" && (
        <PagePush
          to={name || "the patron"}
          typed={desk.drafts.of(view.sessionId).page}
          focus={isTurned.current}
          onInput={(page) => desk.writing.type(view.sessionId, { page })}
          onClose={() => leave(undefined)}
          onSend={(address) => {
            desk.writing.sendPage(view.sessionId, address);
            turn(undefined);
          }}
        />
      )}
      <BoxSwitch desk={desk} to="note" />
    </section>
  );
}

/** Shows what was typed but not sent when the session ended, so that it is not lost. */
function TypedTooLate({ desk, view }: { desk: Desk; view: SessionView }) {
  const { patron, page, offer, ask, doubtful } = desk.drafts.of(view.sessionId);
  return (
    <>
      {patron.trim() !== "" && (
        <div class="unsent">
          <p class="hint">This was not sent:</p>
          <blockquote class="guarded-text">{patron}</blockquote>
          {view.session?.eraseTime === undefined && (
            <button
              type="button"
              class="button small note-button"
              onClick={() => desk.writing.sendAsNote(view.sessionId)}
            >
              <Icon name="lock" /> Keep it as a note
            </button>
          )}
        </div>
      )}
      {page.trim() !== "" && (
        <div class="unsent">
          <p class="hint">This web page was not sent:</p>
          <blockquote class="guarded-text">{page}</blockquote>
        </div>
      )}
      <Unsent texts={{ offer, ask }} doubtful={doubtful} />
    </>
  );
}

function Hint({ view }: { view: SessionView }) {
  if (view.part !== Part.COLLEAGUE) return <span class="keys">Enter sends, Shift+Enter begins a new line</span>;
  const patron = patronOf(view.session, "The patron");
  if (view.session?.owner === undefined) {
    return <>{patron} is waiting, and will see what you send here once a librarian has taken over.</>;
  }
  return (
    <>
      {patron} and {nameOf(view.session?.owner)} both see what you send here. A note is quieter.
    </>
  );
}

interface PagePushProps {
  to: string;
  /** What is typed of the address. */
  typed: string;
  /** Whether it takes the focus when it appears. */
  focus: boolean;
  onInput: (typed: string) => void;
  onSend: (address: string) => void;
  onClose: () => void;
}

/** The form that sends a web page's address. The patron opens it; nothing opens by itself (R22). */
function PagePush({ to, typed, focus, onInput, onSend, onClose }: PagePushProps) {
  const [error, setError] = useWrong();
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    const address = typedAddress(typed);
    if (address === undefined) {
      setError("Enter a full web address that begins with http:// or https://, without a user name or password.");
      return;
    }
    onSend(address);
  };
  return (
    <form
      id="page-push"
      class="page-push"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onClose();
      }}
      noValidate
    >
      <label for="page-address">Web address to send to {to}</label>
      <div class="page-push-row">
        <input
          id="page-address"
          ref={input}
          type="url"
          inputMode="url"
          autoComplete="off"
          spellcheck={false}
          placeholder="https://"
          value={typed}
          aria-describedby="page-hint"
          aria-invalid={error.text !== ""}
          onInput={(event) => {
            onInput(event.currentTarget.value);
            setError("");
          }}
        />
        <button type="submit" class="button primary">
          Send page
        </button>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
      </div>
      <WrongLine wrong={error} id="page-hint" class="hint over" />
      {error.text === "" && (
        <p id="page-hint" class="hint">
          The address is shown to the patron, who opens it with a click.
        </p>
      )}
    </form>
  );
}
