import { useEffect, useRef } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { isByPatron } from "../../app/ask/news";
import { takeFocus } from "../../app/parts/embedded";
import { EndReason, Part } from "../../gen/carrel/session/v1/session_pb";
import { safeAddress } from "../../links";
import { conversation } from "../../state/conversation";
import type { SessionView } from "../../state/session";
import { texts } from "../../texts/texts";
import { saveText, transcriptName, transcriptText } from "../../transcript_text";
import { subjectOf } from "../../words";
import { Icon } from "../parts/icon";
import { OutsideLink } from "../parts/linked_text";
import { Stream } from "../parts/stream";
import { LeaveQuestion } from "./closed";
import { asPatron } from "./conversation";
import { Unsent } from "./unsent";

/**
 * The end: who ended it, or that nobody did (D53), what can be done now, with a clean page for the next person at this
 * computer (D78), and the transcript (D56). The transcript comes last, since in a small window all of it is shown,
 * however long it is.
 */
export function Ended({ chat }: { chat: PatronChat }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => takeFocus(heading.current), []);
  const view = chat.view.value;
  if (view === undefined) return null;
  const { title, text } = describe(chat, view);
  const words = texts().ended;
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
          <LeaveQuestion chat={chat} text={words.leaveQuestion} />
        )}
        <Unsent chat={chat} />
        <div class="row-actions">
          <button type="button" class="button primary" onClick={() => chat.askAnother()}>
            {words.askAnother}
          </button>
          <button type="button" class="button" onClick={save}>
            <Icon name="file" /> {words.save}
          </button>
          <button type="button" class="button" onClick={() => print()}>
            <Icon name="print" /> {words.print}
          </button>
        </div>
      </div>
      <div class="card clear-card">
        <div>
          <h2>{words.shared}</h2>
          <p>{words.sharedText}</p>
        </div>
        <button type="button" class="button" onClick={() => chat.clear()}>
          {words.clear}
        </button>
      </div>
      <div class="card transcript">
        <h2>{words.transcript}</h2>
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
  const { survey, surveyLink } = texts().ended;
  return (
    <p class="survey">
      {survey} <OutsideLink address={address}>{surveyLink}</OutsideLink>
    </p>
  );
}

function describe(chat: PatronChat, view: SessionView): { title: string; text: string } {
  const words = texts().ended;
  if (chat.stage.value === "lost") {
    const isAway = chat.link.connection.value.phase.name === "expired";
    return {
      title: isAway ? words.away : words.cannotContinue,
      text: words.lost,
    };
  }
  const library = chat.library.facts.value?.name ?? words.yourLibrary;
  if (view.session?.eraseTime !== undefined) {
    return {
      title: words.erased,
      text: words.erasedText(library),
    };
  }
  const isAbandoned = view.session?.endReason === EndReason.ABANDONED;
  if (isAbandoned || view.session?.owner === undefined) {
    return {
      title: isAbandoned ? words.away : words.leftQueue,
      text: view.events.some((event) => event.payload.case === "pickedUp")
        ? words.leftAfterChat(library)
        : words.unanswered(library),
    };
  }
  const name = subjectOf(view.session.owner);
  return view.session.endedBy === Part.PATRON
    ? { title: words.youEnded, text: words.thanks(library) }
    : {
        title: texts().events.ended(name),
        text: words.thanksAskAgain(library),
      };
}
