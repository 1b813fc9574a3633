import { useState } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { whyRefused } from "../../refusal_words";
import { Unsent } from "./unsent";

/** After how many milliseconds without an outcome a return is said to take long. */
const PATIENCE = 10_000;

/** Shows how far the return to a chat has come, with a way out for a patron who does not get there. */
export function Returning({ chat }: { chat: PatronChat }) {
  const [since] = useState(() => Date.now());
  const { phase, failures } = chat.link.connection.value;
  const isOver = phase.name === "rejected";
  const trouble = chat.view.value?.trouble;
  const isLate = trouble !== undefined || chat.link.localNow.value - since > PATIENCE;
  return (
    <section class="quiet" aria-busy={!isOver}>
      <h1 class="visually-hidden">Back to your chat</h1>
      {!isOver && <span class="spinner" aria-hidden="true" />}
      {isOver ? (
        <p role="alert">
          This page is out of date. Your chat is kept: reload the page to return to it. If that does not help, ask a new
          question.
        </p>
      ) : (
        <p role="status">
          {words(failures > 0, isLate)} {whyRefused(trouble)}
        </p>
      )}
      {(isOver || isLate) && (
        <>
          <Unsent chat={chat} />
          <p class="row-actions">
            {isOver && (
              <button type="button" class="button primary" onClick={() => location.reload()}>
                Reload this page
              </button>
            )}
            <button type="button" class="button" aria-describedby="old-chat-hint" onClick={() => chat.askAnother()}>
              Ask a new question instead
            </button>
          </p>
          {/* It is not ended: it may be open in another tab, and its librarian may be writing in it. */}
          <p id="old-chat-hint" class="hint">
            A new question starts another chat. You won't be able to return to this one, which stays open until a
            librarian ends it.
          </p>
        </>
      )}
    </section>
  );
}

function words(isCutOff: boolean, isLate: boolean): string {
  if (isCutOff) {
    return "The library's chat server can't be reached at the moment. Your chat is kept, and this page keeps trying to return to it.";
  }
  return isLate
    ? "Getting back to your chat is taking longer than usual. Your chat is kept, and this page keeps trying."
    : "Taking you back to your chat …";
}
