import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { takeFocus } from "../../app/parts/embedded";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { safeAddress } from "../../links";
import { texts } from "../../texts/texts";
import { comingTime } from "../../time";
import { OutsideLink } from "../parts/linked_text";
import { TurnedAway } from "./turned_away";

/** Says that the chat is closed, when it opens again, and where a question can be left (D34). */
export function Closed({ chat, library }: { chat: PatronChat; library: Library }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const words = texts().closed;
  useEffect(() => {
    if (document.activeElement === document.body) takeFocus(heading.current);
  }, []);
  return (
    <section class="form-page">
      <TurnedAway chat={chat} />
      <h1 class="display" ref={heading} tabIndex={-1}>
        {words.title}
      </h1>
      <p class="lead">{opensAgain(chat, library.name)}</p>
      <div class="card closed-card">
        <LeaveQuestion chat={chat} text={words.leaveNow} />
        <p>{words.opensHere}</p>
      </div>
    </section>
  );
}

/**
 * Says above the form that nobody is there, or that the chat closed while the patron was writing. It promises nothing.
 */
export function AvailabilityNotice({ chat }: { chat: PatronChat }) {
  const words = texts().closed;
  switch (chat.availability.openness.value) {
    case "open":
      return null;
    case "unstaffed":
      return (
        <div class="notice warn" role="status">
          <p>
            <strong>{words.nobody}</strong> {words.nobodyText}
          </p>
          <LeaveQuestion chat={chat} text={words.orLeave} />
        </div>
      );
    case "closed":
      return (
        <div class="notice warn" role="alert">
          <p>
            <strong>{words.whileWriting}</strong> {opensAgain(chat, chat.library.facts.value?.name ?? words.theLibrary)}{" "}
            {words.staysHere}
          </p>
          <LeaveQuestion chat={chat} text={words.leaveNow} />
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
      {text} <OutsideLink address={address}>{texts().closed.leave}</OutsideLink>
    </p>
  );
}

function opensAgain(chat: PatronChat, name: string): string {
  const time = chat.availability.answer.value?.nextOpenTime;
  if (time === undefined) return texts().closed.unknownTime(name);
  return texts().closed.opens(name, comingTime(time, chat.link.now.value));
}
