import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { isByPatron } from "../../app/ask/news";
import { takeFocus } from "../../app/parts/embedded";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { safeAddress } from "../../links";
import { conversation } from "../../state/conversation";
import type { SessionView } from "../../state/session";
import { saveText, transcriptName, transcriptText } from "../../transcript_text";
import { nameOf } from "../../words";
import { Icon } from "../parts/icon";
import { OutsideLink } from "../parts/linked_text";
import { Stream } from "../parts/stream";
import { LeaveQuestion } from "./closed";
import { asPatron } from "./conversation";
import { Unsent } from "./unsent";

/**
 * The end: who ended it, what can be done now, with a clean page for the next person at this computer (D78), and the transcript
 * (D56). The transcript comes last, since in a small window all of it is shown, however long it is.
 */
export function Ended({ chat }: { chat: PatronChat }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => takeFocus(heading.current), []);
  const view = chat.view.value;
  if (view === undefined) return null;
  const { title, text } = describe(chat, view);
  const save = () => {
    if (view.session)
      saveText(transcriptName("chat", view.session), transcriptText(view.session, view.events, asPatron));
  };
  return (
    <section class="ended">
      <div class="ended-head">
        <h1 class="display" ref={heading} tabIndex={-1}>
          {title}
        </h1>
        <p class="lead">{text}</p>
        {view.session?.owner === undefined && view.session?.eraseTime === undefined && (
          <LeaveQuestion chat={chat} text="You can also leave your question and get an answer later:" />
        )}
        <Unsent chat={chat} />
        <div class="row-actions">
          <button type="button" class="button primary" onClick={() => chat.askAnother()}>
            Ask another question
          </button>
          <button type="button" class="button" onClick={save}>
            <Icon name="file" /> Save as text
          </button>
          <button type="button" class="button" onClick={() => print()}>
            <Icon name="print" /> Print
          </button>
        </div>
      </div>
      <div class="card clear-card">
        <div>
          <h2>On a shared computer?</h2>
          <p>Clear this page when you have finished, so that nobody after you can read your chat.</p>
        </div>
        <button type="button" class="button" onClick={() => chat.clear()}>
          Clear this page
        </button>
      </div>
      <div class="card transcript">
        <h2>Transcript</h2>
        <Stream sessionId={view.sessionId} items={conversation(view, isByPatron)} reader={asPatron} />
      </div>
      {view.session?.owner && chat.stage.value === "ended" && !chat.practice && <Survey chat={chat} />}
    </section>
  );
}

/** A link to the library's survey, if it has one (D61). It opens in a new tab. */
function Survey({ chat }: { chat: PatronChat }) {
  const address = safeAddress(chat.library.facts.value?.surveyAddress ?? "");
  if (address === undefined) return null;
  return (
    <p class="survey">
      How was it? <OutsideLink address={address}>Answer a few questions</OutsideLink>
    </p>
  );
}

function describe(chat: PatronChat, view: SessionView): { title: string; text: string } {
  if (chat.stage.value === "lost") {
    const isAway = chat.link.connection.value.phase.name === "expired";
    return {
      title: isAway ? "You were away for too long" : "Your chat can't continue here",
      text: "This page can no longer return to your chat. What was written is below; ask again to continue.",
    };
  }
  const library = chat.library.facts.value?.name ?? "your library";
  if (view.session?.eraseTime !== undefined) {
    return {
      title: "This chat was erased",
      text: `What was written in it is not kept any more. You can ask ${library} again at any time.`,
    };
  }
  if (view.session?.owner === undefined) {
    return {
      title: "You left the queue",
      text: view.events.some((event) => event.payload.case === "pickedUp")
        ? `What was written is below. You can ask ${library} again at any time.`
        : `No librarian has answered. You can ask ${library} again at any time.`,
    };
  }
  const name = nameOf(view.session.owner);
  return view.session.endedBy === Part.PATRON
    ? { title: "You ended the chat", text: `Thank you for asking ${library}.` }
    : {
        title: `${name} ended the chat`,
        text: `Thank you for asking ${library}. If there is anything else, ask again.`,
      };
}
