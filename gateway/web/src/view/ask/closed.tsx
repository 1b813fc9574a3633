import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { takeFocus } from "../../app/parts/embedded";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import { comingTime } from "../../time";
import { OutsideLink } from "../parts/linked_text";
import { TurnedAway } from "./turned_away";

/** Says that the chat is closed, when it opens again, and where a question can be left (D34). */
export function Closed({ chat, library }: { chat: PatronChat; library: Library }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) takeFocus(heading.current);
  }, []);
  return (
    <section class="form-page">
      <TurnedAway chat={chat} />
      <h1 class="display" ref={heading} tabIndex={-1}>
        The chat is closed
      </h1>
      <p class="lead">{opensAgain(chat, library.name)}</p>
      <div class="card closed-card">
        <LeaveQuestion chat={chat} text="You can leave your question now and get an answer later:" />
        <p>You can keep this page open: when the chat opens, it opens here by itself.</p>
      </div>
    </section>
  );
}

/** Says above the form that nobody is there, or that the chat closed while the patron was writing. It promises nothing. */
export function AvailabilityNotice({ chat }: { chat: PatronChat }) {
  switch (chat.availability.openness.value) {
    case "open":
      return null;
    case "unstaffed":
      return (
        <div class="notice warn" role="status">
          <p>
            <strong>No librarian is here right now.</strong> You can still ask and wait, but we can't say when somebody
            will come.
          </p>
          <LeaveQuestion chat={chat} text="Or leave your question and get an answer later:" />
        </div>
      );
    case "closed":
      return (
        <div class="notice warn" role="alert">
          <p>
            <strong>The chat closed while you were writing.</strong>{" "}
            {opensAgain(chat, chat.library.facts.value?.name ?? "The library")} What you have written stays here so that
            you can copy it.
          </p>
          <LeaveQuestion chat={chat} text="You can leave your question now and get an answer later:" />
        </div>
      );
  }
}

/** A link to where a question can be left, if the library has such a place (D58). It opens in a new tab. */
export function LeaveQuestion({ chat, text }: { chat: PatronChat; text: string }) {
  const address = safeAddress(chat.availability.answer.value?.questionFormAddress ?? "");
  if (address === undefined) return null;
  return (
    <p class="leave-question">
      {text} <OutsideLink address={address}>Leave your question</OutsideLink>
    </p>
  );
}

function opensAgain(chat: PatronChat, name: string): string {
  const time = chat.availability.answer.value?.nextOpenTime;
  if (time === undefined) return `${name} doesn't say when the chat will open again.`;
  return `${name} answers here again ${comingTime(time, chat.link.now.value)}, your time.`;
}
