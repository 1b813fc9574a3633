import type { PatronChat } from "../../app/ask/chat";

/** Shows what was typed but never confirmed and can no longer be sent, so that it can be read, copied and asked anew. */
export function Unsent({ chat }: { chat: PatronChat }) {
  const text = chat.unsent.value;
  if (text.trim() === "") return null;
  const fate = chat.stage.value === "ended" ? "This was not sent." : "This may not have been sent.";
  return (
    <div class="asked unsent">
      <p>{fate} If you ask another question, you will find it in the form:</p>
      <blockquote>{text}</blockquote>
    </div>
  );
}
