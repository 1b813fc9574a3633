import type { PatronChat } from "../../app/patron_chat";

/** That the patron is not back in the chat that they were in, and why. What can be done instead stands below. */
export function TurnedAway({ chat }: { chat: PatronChat }) {
  if (chat.turnedAway.value === "") return null;
  return (
    <p class="notice warn" role="alert">
      {chat.turnedAway.value}
    </p>
  );
}
