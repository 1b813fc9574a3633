import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { takeFocus } from "../../app/parts/embedded";
import { texts } from "../../texts/texts";
import { recentTime } from "../../time";
import { OneMoment } from "../parts/one_moment";

/**
 * Offers to go on with a chat that this browser remembers. It shows nothing of the chat but when it began: on a shared
 * computer, somebody else may have begun it (D78).
 */
export function Remembered({ chat }: { chat: PatronChat }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const offer = chat.memory.offer.value;
  const offered = offer?.chat.sessionId;
  useEffect(() => {
    if (offered !== undefined) takeFocus(heading.current);
  }, [offered]);
  if (offer === undefined) return <OneMoment />;
  const words = texts().remembered;
  const { title, text, fate } = words[offer.tab];
  return (
    // With another offer, nothing under the patron's hand is the same button any more.
    <section key={offered} class="form-page">
      <h1 class="display" ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p id="remembered-hint" class="lead" role="status">
        {words.began(recentTime(offer.chat.began, chat.link.now.value))} {text}
      </p>
      <div class="card remembered-card">
        <p class="row-actions">
          <button
            type="button"
            class="button primary"
            aria-describedby="remembered-hint"
            onClick={() => chat.returning.goOn()}
          >
            {words.goOn}
          </button>
          <button
            type="button"
            class="button"
            aria-describedby="new-chat-hint"
            onClick={() => chat.startAnew(offer.chat.sessionId)}
          >
            {words.startNew}
          </button>
        </p>
        <p id="new-chat-hint" class="hint">
          {fate}
        </p>
      </div>
    </section>
  );
}
