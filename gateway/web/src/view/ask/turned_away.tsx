import type { PatronChat } from "../../app/ask/chat";

/** Says that the patron could not return to their chat, and why. What they can do instead is shown below. */
export function TurnedAway({ chat }: { chat: PatronChat }) {
  if (chat.returning.turnedAway.value === "") return null;
  return (
    <p class="notice warn" role="alert">
      {chat.returning.turnedAway.value}
    </p>
  );
}
