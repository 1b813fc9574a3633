import { useEffect, useRef, useState } from "preact/hooks";
import { type Asking, firstWrong, type WrongFields } from "../../app/ask/asking";
import type { PatronChat } from "../../app/ask/chat";
import { inLanguage } from "../../app/ask/library_texts";
import { takeFocus } from "../../app/parts/embedded";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import { langOf, language, texts } from "../../texts/texts";
import { OutsideLink } from "../parts/linked_text";
import { length, tooMany } from "../parts/text_box";
import { AvailabilityNotice } from "./closed";
import { TurnedAway } from "./turned_away";

const NAME_LIMIT = 100;
const EMAIL_LIMIT = 254;
const NEAR_LIMIT = 400;

/** The form in which the patron asks. Only the question is required. */
export function QuestionForm({ chat, library }: { chat: PatronChat; library: Library }) {
  const form = useRef<HTMLFormElement>(null);
  /** Whether the user has just tried to send, so that the focus goes to what is wrong. */
  const tried = useRef(false);
  const [tries, setTries] = useState(0);
  const asking = chat.asking.value;
  const wrong = chat.wrong.value;
  const busy = chat.busy.value;
  const words = texts().form;
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
    if (asking.question.trim() === "") found.question = () => texts().form.noQuestion;
    else if (closed) found.question = () => texts().form.closed;
    else if (left < 0) found.question = () => hintFor(left, limit);
    if (fieldOf(form.current, "email")?.checkValidity() === false) found.email = () => texts().form.noEmail;
    if (firstWrong(found) === undefined) void chat.ask();
    else chat.mark(found);
  };
  return (
    <section class="form-page">
      {chat.cleared.value && (
        <p class="notice good" role="status">
          {texts().page.clearedForGood}
        </p>
      )}
      <TurnedAway chat={chat} />
      {chat.practice && (
        <p class="notice warn">
          <strong>{words.practice}</strong> {words.practiceText}
        </p>
      )}
      <AvailabilityNotice chat={chat} />
      <h1 class="display">{words.title}</h1>
      <Welcome library={library} />
      <form ref={form} class="card question-form" onSubmit={submit} noValidate aria-busy={busy}>
        <div class="field">
          <label for="question">{words.question}</label>
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
          <Hint
            id="question-hint"
            wrong={wrong.question?.()}
            tries={tries}
            over={left < 0}
            text={hintFor(left, limit)}
          />
        </div>
        {/* Before the patron is asked who they are. */}
        <Privacy library={library} />
        <div class="field-row">
          <div class="field">
            <label for="name">
              {words.name} <span class="optional">{words.optional}</span>
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
            {wrong.name !== undefined && <Hint id="name-hint" wrong={wrong.name?.()} tries={tries} />}
          </div>
          <div class="field">
            <label for="email">
              {words.email} <span class="optional">{words.optional}</span>
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
            <Hint id="email-hint" wrong={wrong.email?.()} tries={tries} text={words.emailHint} />
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
            {busy ? words.sending : words.send}
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
      {isCutOff ? texts().form.cutOff : texts().form.sendingQuestion}
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
  if (left < 0) return `${tooMany(-left, limit)} ${texts().form.keepMainPoint}`;
  if (left <= NEAR_LIMIT) return texts().box.left(left);
  return texts().form.hint;
}

/** The library's welcome in the patron's language or in its own, or else ours. */
function Welcome({ library }: { library: Library }) {
  const own = inLanguage(library, "welcome", language.value);
  return (
    <p class="lead" lang={langOf(own?.language)}>
      {own?.text ?? texts().form.welcome(library.name)}
    </p>
  );
}

function Privacy({ library }: { library: Library }) {
  const notice = inLanguage(library, "privacyNotice", language.value);
  const address = safeAddress(inLanguage(library, "privacyAddress", language.value)?.text ?? "");
  if (notice === undefined && address === undefined) return null;
  const words = texts().form;
  return (
    <aside class="privacy" aria-label={words.privacyLabel}>
      <h2>{words.privacy}</h2>
      {notice && <p lang={langOf(notice.language)}>{notice.text}</p>}
      {address && (
        <p>
          {words.fullStatement} <OutsideLink address={address}>{address}</OutsideLink>
        </p>
      )}
    </aside>
  );
}
