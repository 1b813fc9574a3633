import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import type { Offer } from "../../app/ask/chat_memory";
import { takeFocus } from "../../app/parts/embedded";
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
  const { title, text, fate } = WORDS[offer.tab];
  return (
    // With another offer, nothing under the patron's hand is the same button any more.
    <section key={offered} class="form-page">
      <h1 class="display" ref={heading} tabIndex={-1}>
        {title}
      </h1>
      <p id="remembered-hint" class="lead" role="status">
        It began {recentTime(offer.chat.began, chat.link.now.value)}. {text}
      </p>
      <div class="card remembered-card">
        <p class="row-actions">
          <button type="button" class="button primary" aria-describedby="remembered-hint" onClick={() => chat.goOn()}>
            Go on with this chat
          </button>
          <button
            type="button"
            class="button"
            aria-describedby="new-chat-hint"
            onClick={() => chat.startAnew(offer.chat.sessionId)}
          >
            Start a new chat
          </button>
        </p>
        <p id="new-chat-hint" class="hint">
          {fate}
        </p>
      </div>
    </section>
  );
}

interface Words {
  title: string;
  text: string;
  /** What becomes of the chat if the patron starts another one. */
  fate: string;
}

const WORDS: Readonly<Record<Offer["tab"], Words>> = {
  closed: {
    title: "A chat was left open in this browser",
    text: "Its tab was closed before the chat was ended. If it's your chat, you can go on with it here.",
    fate: "A new chat ends the old one, and this browser forgets it.",
  },
  open: {
    title: "A chat is open in another tab",
    text: "If it's your chat, you can go on with it in that tab or in this one.",
    fate: "A new chat in this tab changes nothing in the other one.",
  },
  unknown: {
    title: "A chat was begun in this browser",
    text: "It may still be open in another tab. If it's your chat, you can go on with it here.",
    fate: "If you start a new chat, this browser forgets the old one. If that isn't open in another tab, it stays open until a librarian ends it.",
  },
};
