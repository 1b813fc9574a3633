/** All words of a librarian that stand on this page and nowhere else, by whom they are for. */
import type { Desk } from "./desk";
import { wordsOf } from "./taking_back";

/** Words that are for the same person, or of the same session. */
export interface UnsentWords {
  key: string;
  whom: string;
  /** The words, by where they stand. */
  texts: Readonly<Record<string, string>>;
}

/** What is typed, on its way or refused: in sessions, and then to other librarians. */
export function unsentWords(desk: Desk): UnsentWords[] {
  return [...inSessions(desk), ...toLibrarians(desk)].filter(({ texts }) =>
    Object.values(texts).some((text) => text.trim() !== ""),
  );
}

function inSessions(desk: Desk): UnsentWords[] {
  const sessions = desk.link.sessions.value;
  const ids = new Set([...sessions.keys(), ...desk.leftBehind.value.map(([sessionId]) => sessionId)]);
  return [...ids].map((sessionId) => {
    const view = sessions.get(sessionId);
    const { patron, note, page, ask, offer, whose } = desk.drafts.of(sessionId);
    const sent = (view?.outgoing ?? [])
      .filter(({ status }) => status !== "sent")
      .map((out) => [out.commandId, wordsOf(out) ?? ""]);
    const texts = { ...Object.fromEntries(sent), patron, note, page, ask, offer };
    return { key: sessionId, whom: view?.session?.patronName || whose || "Patron", texts };
  });
}

function toLibrarians({ im, queueName }: Desk): UnsentWords[] {
  return [...im.conversations.value.threads.values()].map(({ key, counterpart, outgoing }) => {
    const sent = outgoing.filter(({ status }) => status !== "sent").map(({ commandId, deed }) => [commandId, deed]);
    const whom =
      counterpart.kind === "librarian" ? counterpart.member.screenName || "Librarian" : queueName(counterpart.queueId);
    return { key, whom, texts: { ...Object.fromEntries(sent), draft: im.draftOf(key) } };
  });
}
