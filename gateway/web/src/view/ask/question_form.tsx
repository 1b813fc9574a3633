import { useEffect, useRef, useState } from "preact/hooks";
import { type Asking, firstWrong, type WrongFields } from "../../app/ask/asking";
import type { PatronChat } from "../../app/ask/chat";
import { takeFocus } from "../../app/parts/embedded";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import { OutsideLink } from "../parts/linked_text";
import { characters, length, tooMany } from "../parts/text_box";
import { AvailabilityNotice } from "./closed";
import { TurnedAway } from "./turned_away";

const NAME_LIMIT = 100;
const EMAIL_LIMIT = 254;
const NEAR_LIMIT = 400;
const NO_ADDRESS = "This is not an e-mail address. Write it like name@example.org, or leave it empty.";
const WHAT_FOR =
  "For the librarian, in case your answer has to come later. No transcript is sent to it; you can save the chat when it ends.";

/** The form in which the patron asks. Only the question is required. */
export function QuestionForm({ chat, library }: { chat: PatronChat; library: Library }) {
  const form = useRef<HTMLFormElement>(null);
  /** Whether the user has just tried to send, so that the focus goes to what is wrong. */
  const tried = useRef(false);
  const [tries, setTries] = useState(0);
  const asking = chat.asking.value;
  const wrong = chat.wrong.value;
  const busy = chat.busy.value;
  const closed = chat.availability.openness.value === "closed";
  const limit = chat.link.textLimit.value;
  const left = limit - length(asking.question);
  useEffect(() => {
    // The patron has come to ask, unless the focus is somewhere on the page already.
    if (document.activeElement === document.body) takeFocus(fieldOf(form.current, "question"));
  }, []);
  useEffect(() => {
    const first = firstWrong(wrong);
    if (!tried.current || busy || first === undefined) return;
    tried.current = false;
    takeFocus(fieldOf(form.current, first));
  }, [wrong, busy]);
  const submit = (event: Event) => {
    event.preventDefault();
    tried.current = true;
    setTries(tries + 1);
    const found: WrongFields = {};
    if (asking.question.trim() === "") found.question = "Write your question first.";
    else if (closed) found.question = "The chat is closed now, so nobody could answer.";
    else if (left < 0) found.question = hintFor(left, limit);
    if (fieldOf(form.current, "email")?.checkValidity() === false) found.email = NO_ADDRESS;
    if (firstWrong(found) === undefined) void chat.ask();
    else chat.mark(found);
  };
  return (
    <section class="form-page">
      {chat.cleared.value && (
        <p class="notice good" role="status">
          This page has been cleared. Nothing of your chat is left in this browser.
        </p>
      )}
      <TurnedAway chat={chat} />
      {chat.practice && (
        <p class="notice warn">
          <strong>This is for practice.</strong> Librarians use it to learn how to answer. No question is answered for
          real.
        </p>
      )}
      <AvailabilityNotice chat={chat} />
      <h1 class="display">What would you like to know?</h1>
      <p class="lead">{library.welcome || `The librarians of ${library.name} are glad to help.`}</p>
      <form ref={form} class="card question-form" onSubmit={submit} noValidate aria-busy={busy}>
        <div class="field">
          <label for="question">Your question</label>
          <textarea
            id="question"
            rows={4}
            required
            readOnly={busy}
            value={asking.question}
            aria-describedby="question-hint"
            aria-invalid={wrong.question !== undefined || left < 0}
            onInput={(event) => chat.fillIn({ question: event.currentTarget.value })}
          />
          <Hint id="question-hint" wrong={wrong.question} tries={tries} over={left < 0} text={hintFor(left, limit)} />
        </div>
        {/* Before the patron is asked who they are. */}
        <Privacy library={library} />
        <div class="field-row">
          <div class="field">
            <label for="name">
              Your name <span class="optional">optional</span>
            </label>
            <input
              id="name"
              autoComplete="given-name"
              maxLength={NAME_LIMIT}
              readOnly={busy}
              value={asking.name}
              aria-describedby={wrong.name === undefined ? undefined : "name-hint"}
              aria-invalid={wrong.name !== undefined}
              onInput={(event) => chat.fillIn({ name: event.currentTarget.value })}
            />
            {wrong.name !== undefined && <Hint id="name-hint" wrong={wrong.name} tries={tries} />}
          </div>
          <div class="field">
            <label for="email">
              E-mail <span class="optional">optional</span>
            </label>
            <input
              id="email"
              type="email"
              autoComplete="email"
              maxLength={EMAIL_LIMIT}
              readOnly={busy}
              value={asking.email}
              aria-describedby="email-hint"
              aria-invalid={wrong.email !== undefined}
              onInput={(event) => chat.fillIn({ email: event.currentTarget.value })}
            />
            <Hint id="email-hint" wrong={wrong.email} tries={tries} text={WHAT_FOR} />
          </div>
        </div>
        {chat.error.value && (
          <p class="notice bad" role="alert">
            {chat.error.value}
          </p>
        )}
        {busy && <OnItsWay isCutOff={chat.link.connection.value.failures > 0} />}
        <div class="form-foot">
          <button type="submit" class="button primary wide" aria-disabled={busy || closed}>
            {busy ? "Sending …" : "Start the chat"}
          </button>
        </div>
      </form>
    </section>
  );
}

/** Says that the question is on its way: for screen readers, and visibly once the connection is lost. */
function OnItsWay({ isCutOff }: { isCutOff: boolean }) {
  return (
    <p class={isCutOff ? "notice warn" : "visually-hidden"} role="status">
      {isCutOff
        ? "The library's chat server is not answering at the moment. Your question will be sent as soon as it does. Keep this page open."
        : "Sending your question …"}
    </p>
  );
}

function fieldOf(form: HTMLFormElement | null, field: keyof Asking): HTMLInputElement | null {
  return form?.querySelector<HTMLInputElement>(`#${field}`) ?? null;
}

interface HintProps {
  id: string;
  wrong: string | undefined;
  /** How often the patron has tried to send. Each attempt adds what is wrong anew, so that it is read out again. */
  tries: number;
  over?: boolean;
  text?: string;
}

/** What helps to fill a field in, or what is wrong with it. */
function Hint({ id, wrong, tries, over = false, text = "" }: HintProps) {
  return (
    <p
      key={wrong === undefined ? "hint" : tries}
      id={id}
      class={wrong !== undefined || over ? "hint over" : "hint"}
      role={wrong === undefined ? undefined : "alert"}
    >
      {wrong ?? text}
    </p>
  );
}

function hintFor(left: number, limit: number): string {
  if (left < 0) return `${tooMany(-left, limit)} Keep the main point; you can add more in the chat.`;
  if (left <= NEAR_LIMIT) return `${characters(left)} left`;
  return "A sentence or two is enough to begin with.";
}

function Privacy({ library }: { library: Library }) {
  const address = safeAddress(library.privacyAddress);
  if (library.privacyNotice === "" && address === undefined) return null;
  return (
    <aside class="privacy" aria-label="Privacy">
      <h2>Your privacy</h2>
      {library.privacyNotice && <p>{library.privacyNotice}</p>}
      {address && (
        <p>
          The full statement: <OutsideLink address={address}>{address}</OutsideLink>
        </p>
      )}
    </aside>
  );
}
