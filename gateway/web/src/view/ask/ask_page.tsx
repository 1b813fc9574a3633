import { useEffect, useState } from "preact/hooks";
import type { PatronChat } from "../../app/ask/chat";
import { ownLanguage } from "../../app/ask/library_texts";
import type { Stage } from "../../app/ask/stage";
import { isEmbedded } from "../../app/parts/embedded";
import { isLookedAt, onLook } from "../../app/parts/looked_at";
import type { Library } from "../../gen/carrel/directory/v1/directory_service_pb";
import { langOf, texts } from "../../texts/texts";
import { Announcements, PageAnnouncer } from "../parts/announcements";
import { ConnectionMark } from "../parts/connection_mark";
import { OneMoment } from "../parts/one_moment";
import { SoundIsOff } from "../parts/sound_is_off";
import { ThemeSwitch } from "../parts/theme_switch";
import { Chat } from "./chat";
import { LanguageFailure, SoundChoice } from "./chat_settings";
import { Closed } from "./closed";
import { Ended } from "./ended";
import { LanguageSwitch } from "./language_switch";
import { QuestionForm } from "./question_form";
import { Remembered } from "./remembered";
import { Returning } from "./returning";
import { TurnedAway } from "./turned_away";
import { WaitingRoom } from "./waiting_room";

/** The patron page of one library: the form, the wait, the chat, the end. */
export function AskPage({ chat }: { chat: PatronChat }) {
  const stage = chat.stage.value;
  useTitle(chat);
  useSeen(chat);
  return (
    <PageAnnouncer.Provider value={chat.announcer}>
      <div class={`ask stage-${stage} ${isEmbedded() ? "embedded" : ""}`}>
        <header class="ask-head">
          {/* In the library's own web site, the name is only there where the row has nothing else to say. */}
          {(!isEmbedded() || !hasMoreToSay(chat)) && <LibraryName chat={chat} />}
          {chat.practice && <span class="tag practice">{texts().head.practice}</span>}
          {isConnectionShown(chat) && <ConnectionMark link={chat.link} />}
          {(stage === "waiting" || stage === "chatting") && (
            <>
              {chat.sound.isOff.value && <SoundIsOff />}
              <SoundChoice chat={chat} />
            </>
          )}
          <LanguageSwitch of={chat.language} />
          <ThemeSwitch />
          <LanguageFailure chat={chat} />
        </header>
        <main class="ask-main">
          <Body chat={chat} />
        </main>
        <Announcements />
      </div>
    </PageAnnouncer.Provider>
  );
}

/** Whether the head has anything to say beside the library's name. */
function hasMoreToSay(chat: PatronChat): boolean {
  return isConnectionShown(chat) || chat.language.offers.value.length > 0;
}

/** Whether to show the state of the connection. While the question is sent, it is shown only after a failure. */
function isConnectionShown({ stage, link }: PatronChat): boolean {
  if (stage.value === "opening") return link.connection.value.failures > 0;
  return stage.value === "waiting" || stage.value === "chatting" || stage.value === "returning";
}

/** The stages in which a slip takes the patron out of nothing. */
const LINKED: ReadonlySet<Stage> = new Set(["form", "remembered", "ended", "lost"]);

/**
 * The name of the library. While the patron waits or chats it is no link, since a slip would take them away; nor is it
 * in the library's own web site, where it is no way to another page.
 */
function LibraryName({ chat }: { chat: PatronChat }) {
  const library = chat.library.facts.value;
  const name = library?.name || texts().head.ask;
  const lang = library && langOf(ownLanguage(library));
  if (isEmbedded() || !LINKED.has(chat.stage.value))
    return (
      <span class="ask-name" lang={lang}>
        {name}
      </span>
    );
  return (
    <a class="ask-name" lang={lang} href={addressOf(chat)}>
      {name}
    </a>
  );
}

/** The address of the page itself, in the language that was asked for where the patron came from. */
function addressOf({ institutionId, practice, language }: PatronChat): string {
  const asked = language.inAddress;
  const wishes = [practice ? "practice" : "", asked && `lang=${encodeURIComponent(asked)}`].filter(
    (wish) => wish !== "",
  );
  return `/ask/${encodeURIComponent(institutionId)}${wishes.length > 0 ? `?${wishes.join("&")}` : ""}`;
}

function Body({ chat }: { chat: PatronChat }) {
  const library = chat.library.facts.value;
  switch (chat.stage.value) {
    case "form":
    // The form stays while the question is on its way: if anything is wrong with it, it is corrected there.
    case "opening":
      if (library !== undefined) return <Entry chat={chat} library={library} />;
      return chat.library.error.value ? <NoLibrary chat={chat} /> : <OneMoment />;
    case "remembered":
      return <Remembered chat={chat} />;
    case "returning":
      return <Returning chat={chat} />;
    case "waiting":
      return <WaitingRoom chat={chat} />;
    case "chatting":
      return <Chat chat={chat} />;
    case "lost":
    case "ended":
      return <Ended chat={chat} />;
  }
}

/** Shows the form, or that the library is closed. A form in which the patron has typed a question stays. */
function Entry({ chat, library }: { chat: PatronChat; library: Library }) {
  const isClosed = chat.availability.openness.value === "closed";
  if (isClosed && chat.asking.value.question.trim() === "" && !chat.busy.value) {
    return <Closed chat={chat} library={library} />;
  }
  return <QuestionForm chat={chat} library={library} />;
}

function NoLibrary({ chat }: { chat: PatronChat }) {
  const [tries, setTries] = useState(0);
  const again = async () => {
    await chat.library.read();
    setTries(tries + 1);
  };
  return (
    <section class="form-page">
      <TurnedAway chat={chat} />
      <h1 class="display">{texts().page.cannotBeShown}</h1>
      {/* Each failed attempt adds it anew, so that it is read out again. */}
      <p key={tries} class="lead" role="alert">
        {chat.library.error.value}
      </p>
      <p class="row-actions">
        <button type="button" class="button primary" onClick={() => void again()}>
          {texts().page.tryAgain}
        </button>
        {!isEmbedded() && (
          <a class="button" href="/">
            {texts().page.chooseLibrary}
          </a>
        )}
      </p>
    </section>
  );
}

/** Puts the number of new messages into the title, for a patron who is looking at another tab. */
function useTitle(chat: PatronChat): void {
  const name = chat.library.facts.value?.name;
  const count = chat.unread.value;
  const { ask, askLibrary } = texts().head;
  const title = name === undefined ? ask : askLibrary(name);
  useEffect(() => {
    document.title = count > 0 ? `(${count}) ${title}` : title;
  }, [title, count]);
}

/** Marks what is on the screen as seen while the patron looks at the page. */
function useSeen(chat: PatronChat): void {
  const count = chat.view.value?.events.length ?? 0;
  useEffect(() => {
    const look = () => chat.markSeen();
    if (isLookedAt()) look();
    return onLook(look);
  }, [count]);
}
