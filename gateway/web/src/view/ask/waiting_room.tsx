import { durationMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Openness } from "../../app/ask/availability";
import type { PatronChat } from "../../app/ask/chat";
import { waitingMessages } from "../../app/ask/library_texts";
import { isEmbedded, takeFocus } from "../../app/parts/embedded";
import { canRemember } from "../../app/parts/tab_storage";
import type { WaitingMessage } from "../../gen/carrel/directory/v1/directory_service_pb";
import { whyRefused } from "../../refusal_words";
import { langOf, language, texts } from "../../texts/texts";
import { milliseconds } from "../../time";
import { LinkedText } from "../parts/linked_text";
import { LeaveQuestion } from "./closed";
import { Conversation } from "./conversation";
import { EndChat } from "./end_chat";

/** Where the patron waits. It says what is known of the wait, and nothing else. */
export function WaitingRoom({ chat }: { chat: PatronChat }) {
  const heading = useRef<HTMLHeadingElement>(null);
  // The form or the chat is gone, and the focus with it.
  useEffect(() => takeFocus(heading.current), []);
  // Whether the browser can remember anything is found out once: that writes something.
  const [place] = useState(placeHere);
  const words = texts().waiting;
  const message = waitingMessage(chat);
  const view = chat.view.value;
  const events = new Set(view?.events.map((event) => event.payload.case));
  const again = events.has("returned");
  const hasMore = events.has("message");
  // Words that were in the box when the wait began were not sent. Of those typed now, the patron knows it.
  const [types, setTypes] = useState(false);
  const isUnsent = chat.draft.value !== "" && !types;
  return (
    <section class="waiting">
      <div class="card center waiting-card">
        <span class="waiting-mark" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <h1 class="display" ref={heading} tabIndex={-1} aria-live="polite">
          {placeInQueue(view?.ahead)}
        </h1>
        <p class="lead" role="status">
          {wordsOfWait(chat, words[place])}
        </p>
        <p class="waiting-message" role="status" lang={langOf(message?.language)}>
          <LinkedText text={message?.text ?? ""} />
        </p>
        <LeaveQuestion chat={chat} text={words.orLeave} />
        {view && (
          <div class="asked so-far" onInput={() => setTypes(true)}>
            <h2>{again ? words.keptBoth : wordsOfMore(isUnsent, hasMore)}</h2>
            <Conversation chat={chat} view={view} placeholder={words.placeholder} label={again ? "" : words.addMore} />
          </div>
        )}
        <EndChat
          chat={chat}
          class="button"
          busy={words.leaving}
          title={words.leaveTitle}
          text={words.leaveText}
          action={words.leave}
          otherwise={words.keepWaiting}
        />
      </div>
    </section>
  );
}

/** The words above the question, and above what the patron has added to it. */
function wordsOfMore(isUnsent: boolean, hasMore: boolean): string {
  const { notSent, written, question } = texts().waiting;
  if (isUnsent) return notSent;
  return hasMore ? written : question;
}

function wordsOfWait({ availability, link, view }: PatronChat, words: Readonly<Record<Openness, string>>): string {
  const trouble = view.value?.trouble;
  switch (link.connection.value.phase.name) {
    case "connected":
      if (trouble === undefined) return words[availability.openness.value];
      return `${texts().waiting.trouble} ${whyRefused(trouble)}`;
    case "rejected":
      return texts().waiting.outOfDate;
    default:
      return texts().waiting.lost;
  }
}

/** What the library wants said after so long a wait (D57): the last of its messages that is due. */
function waitingMessage({ library, link, view }: PatronChat): WaitingMessage | undefined {
  const again = view.value?.events.findLast(({ payload }) => payload.case === "returned");
  const began = milliseconds(again?.time ?? view.value?.session?.openTime);
  if (began === undefined) return undefined;
  const waited = link.now.value - began;
  const isDue = ({ after }: WaitingMessage) => after !== undefined && durationMs(after) <= waited;
  return library.facts.value && waitingMessages(library.facts.value, language.value).findLast(isDue);
}

/** Returns where the page is, by which its words of the wait differ: in a tab of its own or in a site. */
function placeHere(): "inTab" | "inSite" | "inPage" {
  if (!isEmbedded()) return "inTab";
  return canRemember() ? "inSite" : "inPage";
}

/** Returns the place in the queue in words, without a promise of time. */
function placeInQueue(count: number | undefined): string {
  const { inQueue, next, ahead } = texts().waiting;
  if (count === undefined) return inQueue;
  return count === 0 ? next : ahead(count);
}
