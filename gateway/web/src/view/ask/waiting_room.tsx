import { durationMs } from "@bufbuild/protobuf/wkt";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Openness } from "../../app/ask/availability";
import type { PatronChat } from "../../app/ask/chat";
import { isEmbedded, takeFocus } from "../../app/parts/embedded";
import { canRemember } from "../../app/parts/tab_storage";
import type { WaitingMessage } from "../../gen/carrel/directory/v1/directory_service_pb";
import { whyRefused } from "../../refusal_words";
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
  const [words] = useState(wordsHere);
  const view = chat.view.value;
  const events = new Set(view?.events.map((event) => event.payload.case));
  const again = events.has("returned");
  // Once the patron has written something besides the question, the box stays even if it is emptied.
  const [writes, setWrites] = useState(false);
  const hasDraft = chat.draft.value !== "";
  useEffect(() => {
    if (hasDraft) setWrites(true);
  }, [hasDraft]);
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
          {wordsOfWait(chat, words)}
        </p>
        <p class="waiting-message" role="status">
          <LinkedText text={waitingMessage(chat)} />
        </p>
        <LeaveQuestion chat={chat} text="You can leave your question instead and get an answer later:" />
        {(again || events.has("message") || writes || hasDraft) && view ? (
          <div class="asked so-far">
            <h2>{again ? "What you and your librarian have written so far is kept." : wordsOfMore(hasDraft)}</h2>
            <Conversation chat={chat} view={view} placeholder="Write to the librarian who answers" />
          </div>
        ) : (
          <figure class="asked">
            <figcaption>Your question</figcaption>
            <blockquote>{view?.session?.question}</blockquote>
          </figure>
        )}
        <EndChat
          chat={chat}
          class="button"
          busy="Leaving …"
          title="Leave the queue?"
          text="Your question is withdrawn and no librarian will answer it here. You can ask again at any time."
          action="Leave the queue"
          otherwise="Keep waiting"
        />
      </div>
    </section>
  );
}

/** The words above the question for a patron who writes more before a librarian has come. */
function wordsOfMore(hasDraft: boolean): string {
  return hasDraft
    ? "Your question is waiting. What you have written since has not been sent; you will find it below."
    : "What you have written so far.";
}

function wordsOfWait({ availability, link, view }: PatronChat, words: Readonly<Record<Openness, string>>): string {
  const trouble = view.value?.trouble;
  switch (link.connection.value.phase.name) {
    case "connected":
      if (trouble === undefined) return words[availability.openness.value];
      return `Your place in the queue can't be reached right now; we're still trying. ${whyRefused(trouble)}`;
    case "rejected":
      return "This page is out of date. Reload it: you keep your place.";
    default:
      return "The connection is lost. You keep your place, and we are trying to reach the library again.";
  }
}

/** What the library wants said after so long a wait (D57): the last of its messages that is due. */
function waitingMessage({ library, link, view }: PatronChat): string {
  const again = view.value?.events.findLast(({ payload }) => payload.case === "returned");
  const began = milliseconds(again?.time ?? view.value?.session?.openTime);
  if (began === undefined) return "";
  const waited = link.now.value - began;
  const isDue = ({ after }: WaitingMessage) => after !== undefined && durationMs(after) <= waited;
  return library.facts.value?.waitingMessages.findLast(isDue)?.text ?? "";
}

/** Returns what is said of the wait in this browser, for a page in a tab of its own or in a site. */
function wordsHere(): Readonly<Record<Openness, string>> {
  if (!isEmbedded()) return WAITS;
  return canRemember() ? WAITS_IN_SITE : WAITS_IN_PAGE;
}

/** What can be said of the wait, the first one or a later one, without promising anything (I13). */
const WAITS: Readonly<Record<Openness, string>> = {
  open: "A librarian will join you here. You can look at other tabs in the meantime; this tab's title changes when somebody comes.",
  unstaffed:
    "No librarian is here right now. You keep your place, and this tab's title changes when somebody comes, but we can't say when that will be.",
  closed:
    "The chat has closed for now, and there may be nobody to answer you today. You keep your place as long as this page is open.",
};

/** The same on the library's own web site, where no title changes but the widget's button is always there. */
const WAITS_IN_SITE: Readonly<Record<Openness, string>> = {
  open: "A librarian will join you here. You can look around on this site in the meantime: minimise the chat, and its button says when somebody comes.",
  unstaffed:
    "No librarian is here right now. You keep your place, and the chat's button says when somebody comes, but we can't say when that will be.",
  closed:
    "The chat has closed for now, and there may be nobody to answer you today. You keep your place as long as you are on this site.",
};

/** The same in a browser that lets the chat not go on on the site's next page. */
const WAITS_IN_PAGE: Readonly<Record<Openness, string>> = {
  open: "A librarian will join you here. Stay on this page: your browser's settings don't let the chat go on on another page of this site.",
  unstaffed:
    "No librarian is here right now. You keep your place as long as you stay on this page, but we can't say when somebody will come.",
  closed:
    "The chat has closed for now, and there may be nobody to answer you today. You keep your place as long as you stay on this page.",
};

/** Returns the place in the queue in words, without a promise of time. */
function placeInQueue(ahead: number | undefined): string {
  if (ahead === undefined) return "You are in the queue";
  if (ahead === 0) return "You are next";
  return ahead === 1 ? "1 patron is ahead of you" : `${ahead} patrons are ahead of you`;
}
