import { useState } from "preact/hooks";
import type { Asking, PatronChat } from "../../app/patron_chat";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import { OutsideLink } from "../parts/linked_text";
import { length } from "../parts/text_box";
import { AvailabilityNotice } from "./closed";

const NAME_LIMIT = 100;
const EMAIL_LIMIT = 254;
const NEAR_LIMIT = 400;

/** Where the patron asks. Only the question is needed. */
export function QuestionForm({ chat, library }: { chat: PatronChat; library: Library }) {
  const [missing, setMissing] = useState("");
  const asking = chat.asking.value;
  const closed = chat.availability.openness.value === "closed";
  const limit = chat.link.textLimit.value;
  const left = limit - length(asking.question);
  const set = (change: Partial<Asking>) => {
    chat.asking.value = { ...asking, ...change };
    setMissing("");
  };
  const submit = (event: Event) => {
    event.preventDefault();
    if (asking.question.trim() === "") {
      setMissing("Write your question first.");
      document.getElementById("question")?.focus();
    } else if (closed) {
      setMissing("The chat is closed now, so that nobody could answer.");
    } else if (left < 0) {
      document.getElementById("question")?.focus();
    } else {
      void chat.ask();
    }
  };
  return (
    <section class="form-page">
      {chat.cleared.value && (
        <p class="notice good" role="status">
          This page has been cleared. Nothing of your chat is left in this browser.
        </p>
      )}
      {chat.practice && (
        <p class="notice warn">
          <strong>This is for practice.</strong> Librarians learn here how to answer. No question is answered for real.
        </p>
      )}
      <AvailabilityNotice chat={chat} />
      <h1 class="display">What would you like to know?</h1>
      <p class="lead">{library.welcome || `The librarians of ${library.name} are glad to help.`}</p>
      <form class="card question-form" onSubmit={submit} noValidate>
        <div class="field">
          <label for="question">Your question</label>
          <textarea
            id="question"
            rows={4}
            required
            value={asking.question}
            aria-describedby="question-hint"
            aria-invalid={missing !== "" || left < 0}
            onInput={(event) => set({ question: event.currentTarget.value })}
          />
          <p id="question-hint" class={missing || left < 0 ? "hint over" : "hint"} role={missing ? "alert" : undefined}>
            {missing || hintFor(left)}
          </p>
        </div>
        <div class="field-row">
          <div class="field">
            <label for="name">
              Your name <span class="optional">optional</span>
            </label>
            <input
              id="name"
              autoComplete="given-name"
              maxLength={NAME_LIMIT}
              value={asking.name}
              onInput={(event) => set({ name: event.currentTarget.value })}
            />
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
              value={asking.email}
              onInput={(event) => set({ email: event.currentTarget.value })}
            />
          </div>
        </div>
        <Privacy library={library} />
        {chat.error.value && (
          <p class="notice bad" role="alert">
            {chat.error.value}
          </p>
        )}
        <button type="submit" class="button primary wide" aria-disabled={chat.busy.value || closed}>
          {chat.busy.value ? "Sending …" : "Start the chat"}
        </button>
      </form>
    </section>
  );
}

function hintFor(left: number): string {
  if (left < 0) return `${-left} characters too many. Keep the main point; you can add more in the chat.`;
  if (left <= NEAR_LIMIT) return `${left} characters left`;
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
          The whole statement: <OutsideLink address={address}>{address}</OutsideLink>
        </p>
      )}
    </aside>
  );
}
