import type { PatronChat } from "../../app/ask/chat";
import { texts } from "../../texts/texts";

/**
 * Shows what was typed but never confirmed and can no longer be sent, so that it can be read, copied and asked anew.
 */
export function Unsent({ chat }: { chat: PatronChat }) {
  const text = chat.unsent.value;
  if (text.trim() === "") return null;
  const { wasNotSent, mayNotBeSent } = texts().ended;
  return (
    <div class="asked unsent">
      <p>{chat.stage.value === "ended" ? wasNotSent : mayNotBeSent}</p>
      <blockquote>{text}</blockquote>
    </div>
  );
}
