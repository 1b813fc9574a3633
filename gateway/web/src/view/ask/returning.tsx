import { useState } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { whyRefused } from "../../refusal_words";
import { texts } from "../../texts/texts";
import { Unsent } from "./unsent";

/** After how many milliseconds without an outcome a return is said to take long. */
const PATIENCE = 10_000;

/** Shows how far the return to a chat has come, with a way out for a patron who does not get there. */
export function Returning({ chat }: { chat: PatronChat }) {
  const [since] = useState(() => Date.now());
  const { phase, failures } = chat.link.connection.value;
  const isOver = phase.name === "rejected";
  const words = texts().returning;
  const trouble = chat.view.value?.trouble;
  const isLate = trouble !== undefined || chat.link.localNow.value - since > PATIENCE;
  return (
    <section class="quiet" aria-busy={!isOver}>
      <h1 class="visually-hidden">{words.title}</h1>
      {!isOver && <span class="spinner" aria-hidden="true" />}
      {isOver ? (
        <p role="alert">{words.outOfDate}</p>
      ) : (
        <p role="status">
          {howFar(failures > 0, isLate)} {whyRefused(trouble)}
        </p>
      )}
      {(isOver || isLate) && (
        <>
          <Unsent chat={chat} />
          <p class="row-actions">
            {isOver && (
              <button type="button" class="button primary" onClick={() => location.reload()}>
                {texts().connection.reload}
              </button>
            )}
            <button type="button" class="button" aria-describedby="old-chat-hint" onClick={() => chat.askAnother()}>
              {words.askNew}
            </button>
          </p>
          <p id="old-chat-hint" class="hint">
            {chat.memory.endsGivenUp.value ? words.oldEnds : words.oldStays}
          </p>
        </>
      )}
    </section>
  );
}

function howFar(isCutOff: boolean, isLate: boolean): string {
  const { cutOff, late, soon } = texts().returning;
  if (isCutOff) return cutOff;
  return isLate ? late : soon;
}
