import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import { type DeskTab, tabsFor } from "../../app/desk/place";
import { type Turn, turnTo } from "../../app/desk/turns";
import { WayBack } from "../../app/desk/way_back";
import { isLookedAt, onLook } from "../../app/parts/looked_at";
import { helpKey } from "../../app/parts/settings";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import type { SessionView } from "../../state/session";
import { isHandedOver } from "../../state/transfer";
import { Announcements, PageAnnouncer } from "../parts/announcements";
import { focusOpenTab } from "../parts/open_tab";
import { Audit } from "./audit";
import { DeskHead } from "./desk_head";
import { DeskDialogs } from "./dialogs";
import { goToList, ONE_THING } from "./go_to";
import { Im } from "./im";
import { ImRequest } from "./im_request";
import { ListPane } from "./list_pane";
import { LogIn } from "./log_in";
import { NotesPane } from "./notes_pane";
import { Notices } from "./notices";
import { openScripts, PatronBox } from "./patron_box";
import { Reports } from "./reports";
import { SessionPane } from "./session_pane";
import { Transcripts } from "./transcripts";
import { FIRST_OFFER, OfferAlerts } from "./transfer_offers";

/** The chat monitor. */
export function DeskPage({ desk }: { desk: Desk }) {
  useTitle(desk);
  useSeen(desk);
  useShortcuts(desk);
  useFocusAfterSession(desk);
  useWayBack(desk);
  if (desk.logInState.value === "out") return <LogIn desk={desk} />;
  return (
    <PageAnnouncer.Provider value={desk.announcer}>
      <div class="desk">
        <DeskHead desk={desk} />
        <ImRequest desk={desk} />
        <OfferAlerts desk={desk} />
        <Notices desk={desk} />
        <main class="desk-main">
          <h1 class="visually-hidden">Chat monitor</h1>
          <DeskBody desk={desk} />
        </main>
        <DeskDialogs desk={desk} />
        <Announcements />
      </div>
    </PageAnnouncer.Provider>
  );
}

/** The tabs that this librarian may open. */
export function tabsOf(desk: Desk): readonly DeskTab[] {
  return tabsFor(desk.profile.value?.role ?? Role.LIBRARIAN);
}

/** The session that is shown, if it has boxes to write in. */
function writtenIn(desk: Desk): SessionView | undefined {
  const view = desk.view.value;
  return view?.session === undefined || isHandedOver(view) ? undefined : view;
}

function DeskBody({ desk }: { desk: Desk }) {
  switch (desk.tab.value) {
    case "im":
      return <Im desk={desk} />;
    case "transcripts":
      return <Transcripts desk={desk} />;
    case "reports":
      return <Reports desk={desk} />;
    case "audit":
      return <Audit desk={desk} />;
    case "chat": {
      const view = desk.view.value;
      const written = writtenIn(desk);
      return (
        <div
          id="panel-chat"
          class={view ? "monitor with-session" : "monitor"}
          data-box={desk.box.value}
          role="tabpanel"
          aria-labelledby="tab-chat"
        >
          <ListPane desk={desk} />
          <SessionPane desk={desk} />
          {written && <NotesPane desk={desk} view={written} key={`n${written.sessionId}`} />}
          {written && <PatronBox desk={desk} view={written} key={`p${written.sessionId}`} />}
        </div>
      );
    }
  }
}

function useTitle(desk: Desk): void {
  const count = desk.logInState.value === "out" ? 0 : desk.attention.value;
  const alert = desk.alerts.title.value;
  const cutOff = desk.cutOff.title.value;
  useEffect(() => {
    const title = alert === "" ? "Chat monitor – Carrel" : `${alert} – Chat monitor`;
    const counted = count > 0 ? `(${count}) ${title}` : title;
    document.title = cutOff === "" ? counted : `${cutOff} – ${counted}`;
  }, [count, alert, cutOff]);
}

function useSeen(desk: Desk): void {
  const view = desk.view.value;
  const tab = desk.tab.value;
  useEffect(() => {
    const look = () => {
      if (desk.tab.value === "chat") desk.markSeen();
    };
    if (isLookedAt()) look();
    return onLook(look);
  }, [view?.sessionId, view?.events.length, tab]);
}

/** Moves the focus to the open tab when the session that had it is gone. */
function useFocusAfterSession(desk: Desk): void {
  const sessionId = desk.view.value?.sessionId;
  useEffect(() => {
    if (sessionId === undefined) return;
    return focusOpenTab;
  }, [sessionId]);
}

/** On a phone, makes Back lead from a session or a conversation to its list. */
function useWayBack(desk: Desk): void {
  useEffect(() => {
    const narrow = matchMedia(ONE_THING);
    const opened = () => {
      const { value: tab } = desk.tab;
      if (tab === "chat" && desk.view.value !== undefined) return () => desk.unselect();
      return tab === "im" && desk.im.thread.value !== undefined ? () => desk.im.unselect() : undefined;
    };
    const way = new WayBack(
      () => opened() !== undefined && narrow.matches,
      () => opened()?.(),
      history,
    );
    const sync = () => way.sync();
    const arrived = () => way.arrived();
    const stop = effect(sync);
    narrow.addEventListener("change", sync);
    addEventListener("popstate", arrived);
    return () => {
      stop();
      narrow.removeEventListener("change", sync);
      removeEventListener("popstate", arrived);
    };
  }, [desk]);
}

function useShortcuts(desk: Desk): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (desk.logInState.value !== "in" || desk.asked.value !== undefined) return;
      if (event.altKey && event.shiftKey && !event.ctrlKey && !event.metaKey) {
        if (byCode(desk, event.code)) event.preventDefault();
        return;
      }
      const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select");
      if (event.key === "?" && helpKey.value && !typing) desk.ask({ kind: "shortcuts" });
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, [desk]);
}

/** The keys that turn to another of the librarian's sessions. */
const TURNS: Readonly<Record<string, Turn>> = { KeyJ: "next", KeyK: "previous", KeyW: "awaited" };

/** Whether the session that is shown has a box for scripts. */
function mayUseScripts(desk: Desk): boolean {
  const view = writtenIn(desk);
  return view !== undefined && view.session?.state !== SessionState.ENDED;
}

/**
 * Carries out a shortcut, and returns whether there was one. A code names the place of the key, not the character on
 * it.
 */
function byCode(desk: Desk, code: string): boolean {
  const lists = { Digit1: "new", Digit2: "mine", Digit3: "all", Digit4: "librarians" } as const;
  if (code === "Digit1" || code === "Digit2" || code === "Digit3" || code === "Digit4") {
    const list = lists[code];
    if (list === "all" && !desk.maySupervise.value) return false;
    goToList(desk, list);
    return true;
  }
  if (code === "KeyI") {
    const ok = document.getElementById("im-request-ok");
    if (ok === null) desk.tab.value = "im";
    requestAnimationFrame(() => (ok ?? document.getElementById("tab-im"))?.focus());
    return true;
  }
  const box = code === "KeyM" ? "patron" : code === "KeyN" ? "note" : undefined;
  if (box !== undefined) {
    if (writtenIn(desk) === undefined) return false;
    desk.tab.value = "chat";
    desk.focus(box);
    return true;
  }
  const turn = TURNS[code];
  if (turn !== undefined) {
    const to = turnTo(turn, desk.lists.value, desk.link.sessions.value, desk.view.value?.sessionId);
    if (to === undefined) return false;
    desk.tab.value = "chat";
    desk.select(to, "patron");
    return true;
  }
  if (code === "KeyS") {
    if (!mayUseScripts(desk)) return false;
    desk.tab.value = "chat";
    desk.box.value = "patron";
    requestAnimationFrame(openScripts);
    return true;
  }
  if (code === "KeyT") {
    const button = document.querySelector<HTMLElement>(FIRST_OFFER);
    button?.focus();
    return button !== null;
  }
  return false;
}
