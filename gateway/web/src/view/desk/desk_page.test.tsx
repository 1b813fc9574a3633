import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY, ROW } from "../../testing/desk_stage";
import { FakeSocket } from "../../testing/gateway";
import { until } from "../../testing/until";

const said = {
  case: "message",
  value: { $typeName: "carrel.session.v1.MessagePosted", text: "My address is …" },
} as const;
const noted = { case: "note", value: { $typeName: "carrel.session.v1.NoteWritten", text: "Ask her." } } as const;
const ended = { case: "ended", value: create(SessionEndedSchema) } as const;

let stage: DeskStage;

afterEach(() => {
  stage.end();
  vi.restoreAllMocks();
});

function looking(looks: boolean): void {
  vi.spyOn(document, "hasFocus").mockReturnValue(looks);
}

/** Waits for a title, since effects run after the drawing. */
const titled = (title: string) => until(() => expect(document.title).toBe(title));

/** The user owns session `s`. */
async function owner(): Promise<void> {
  stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.MY_ACTIVE, owner: MAP }] } });
  await stage.attending();
}

describe("something new in a session (D32)", () => {
  it("calls who looks elsewhere, by words of nobody's conversation", async () => {
    looking(false);
    stage = await DeskStage.open();
    await owner();
    stage.desk.select("s");
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    await stage.event(said, RICKY);
    await titled("(1) New in a session – Chat monitor");
    await stage.event(noted, QUILL);
    await stage.event(ended, RICKY);
    expect(ring.mock.calls).toEqual([
      ["message", "A patron of Maple Library has written"],
      ["message", "Mr Quill has written a note in the session with a patron of Maple Library"],
      ["message", "A patron of Maple Library has ended the chat"],
    ]);
  });

  it("calls who looks at something else on the page, and not who looks at the session", async () => {
    looking(true);
    stage = await DeskStage.open();
    await owner();
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    stage.desk.select("s");
    await stage.event(said, RICKY);
    expect(ring).not.toHaveBeenCalled();
    stage.desk.tab.value = "im";
    await stage.event(said, RICKY);
    expect(ring).toHaveBeenCalledTimes(1);
    stage.desk.tab.value = "chat";
    stage.desk.unselect();
    await stage.event(said, RICKY);
    expect(ring).toHaveBeenCalledTimes(2);
  });

  it("calls nobody to what they have done themselves, or to what merely happened", async () => {
    looking(false);
    stage = await DeskStage.open();
    await owner();
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    await stage.event(said, MAP);
    await stage.event({ case: "colleagueLeft", value: { $typeName: "carrel.session.v1.ColleagueLeft" } }, QUILL);
    expect(ring).not.toHaveBeenCalled();
  });
});

describe("a desk that is cut off (K9)", () => {
  it("says so first in the title after a while, calls once, and stops when it is back", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    stage = await DeskStage.open();
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    stage.socket.onclose?.({ code: 4503, reason: "retry_ms=60000" });
    vi.advanceTimersByTime(4_000);
    await drawn();
    expect(document.title).toBe("Chat monitor – Carrel");
    vi.advanceTimersByTime(4_000);
    await titled("Not connected – Chat monitor – Carrel");
    vi.advanceTimersByTime(60_000);
    expect(ring.mock.calls).toEqual([["connection", "The chat monitor has lost its connection"]]);
    await stage.greet();
    await titled("Chat monitor – Carrel");
  });

  it("says that the log-in has run out", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
    vi.stubGlobal("fetch", async () => new Response("{}", { status: 401 }));
    stage = await DeskStage.open({ logInName: "map@harbor" });
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    stage.socket.onclose?.({ code: 4401, reason: "" });
    // Each check lets a little of the fake time pass, and the next tick comes after a second of it.
    await until(() => expect(stage.desk.logInState.value).toBe("again"));
    vi.advanceTimersByTime(8_000);
    await titled("Log in again – Chat monitor – Carrel");
    expect(ring.mock.calls).toEqual([["connection", "Log in to the chat monitor again"]]);
    expect(stage.root.querySelector<HTMLInputElement>("dialog input")?.value).toBe("map@harbor");
  });
});

describe("a page that is loaded anew (R8)", () => {
  it("shows again the tab, the list and the session that were shown, and knows the log-in name", async () => {
    stage = await DeskStage.open({ logInName: "map@harbor" });
    await owner();
    stage.desk.list.value = "mine";
    stage.desk.select("s");
    stage.desk.tab.value = "im";
    stage.close();
    stage = await DeskStage.again();
    expect(stage.desk.logInName).toBe("map@harbor");
    expect(stage.desk.tab.value).toBe("im");
    expect(stage.desk.view.value).toBeUndefined();
    await owner();
    expect(stage.desk.view.value?.sessionId).toBe("s");
    stage.desk.tab.value = "chat";
    await drawn();
    expect(stage.find("[role=tab]", /^My Active/)?.getAttribute("aria-selected")).toBe("true");
    expect(stage.root.querySelector("section[aria-label='Session with Ricky']")).not.toBeNull();
  });

  it("remembers nothing after the log-out", async () => {
    stage = await DeskStage.open({ logInName: "map@harbor" });
    await owner();
    stage.desk.select("s");
    stage.desk.logOut();
    stage.desk.list.value = "librarians";
    expect(sessionStorage).toHaveLength(0);
  });
});

describe("a librarian who logs in after another at the same page", () => {
  it("finds nothing there of what that one heard", async () => {
    stage = await DeskStage.open();
    await owner();
    await stage.event(said, RICKY);
    stage.desk.notify("Mr Quill has Ricky now.");
    await drawn();
    expect(stage.root.textContent).toContain("My address is");
    stage.desk.logOut();
    FakeSocket.profile = { librarianId: "plat", screenName: "Ms Plat" };
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ token: {}, profile: FakeSocket.profile })));
    expect(await stage.desk.logIn("plat@harbor", "demo")).toBeUndefined();
    await stage.greet();
    expect(stage.root.textContent).not.toContain("My address is");
    expect(stage.root.textContent).not.toContain("Ricky");
  });
});

describe("sounds that the browser does not allow yet (K22)", () => {
  class FakeAudioContext extends EventTarget {
    state: AudioContextState = "suspended";
    async resume(): Promise<void> {
      this.state = "running";
      this.dispatchEvent(new Event("statechange"));
    }
  }

  const mark = () => stage.root.querySelector("header")?.textContent?.includes("Sound is off until you click");

  it("are said to be off until the librarian has clicked", async () => {
    vi.stubGlobal("AudioContext", FakeAudioContext);
    stage = await DeskStage.open();
    expect(mark()).toBe(true);
    stage.root.click();
    await drawn();
    expect(mark()).toBe(false);
  });

  it("are not missed by who wants none", async () => {
    vi.stubGlobal("AudioContext", FakeAudioContext);
    stage = await DeskStage.open();
    stage.desk.alerts.setVolume(0);
    await drawn();
    expect(mark()).toBe(false);
  });

  it("are not promised where there is no sound at all", async () => {
    stage = await DeskStage.open();
    expect(mark()).toBe(false);
  });
});
