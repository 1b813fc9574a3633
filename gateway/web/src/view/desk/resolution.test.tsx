import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { AcceptedSchema, RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { RefusalSchema } from "../../gen/carrel/refusal/v1/refusal_pb";
import { ResolutionSetSchema, SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, Resolution } from "../../gen/carrel/session/v1/session_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

let stage: DeskStage;

afterEach(() => stage.end());

const ended = () => stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);

const isSet = (resolution: Resolution, author: typeof MAP | typeof QUILL = MAP) =>
  stage.event({ case: "resolutionSet", value: create(ResolutionSetSchema, { resolution }) }, author);

/** The resolutions that were sent to the gateway. */
const sent = () =>
  stage.socket.all("act").flatMap(({ act }) => (act.case === "setResolution" ? [act.value.resolution] : []));

/** The gateway answers the last act. */
async function answered(position = 0n): Promise<void> {
  const { commandId = "", sessionId = "" } = stage.socket.all("act").at(-1) ?? {};
  stage.socket.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId, position }) });
  await drawn();
}

async function refused(): Promise<void> {
  const { commandId = "", sessionId = "" } = stage.socket.all("act").at(-1) ?? {};
  const refusal = create(RefusalSchema, { code: 5, reason: "NOT_FOUND", message: "There is no such session." });
  stage.socket.push({ case: "refused", value: create(RefusedSchema, { commandId, sessionId, refusal }) });
  await drawn();
}

const choices = (root: ParentNode = stage.root) => [...root.querySelectorAll<HTMLInputElement>(".resolution input")];

async function choose(words: string, root: ParentNode = stage.root): Promise<void> {
  choices(root)
    .find((radio) => radio.closest("label")?.textContent === words)
    ?.click();
  await drawn();
}

async function submit(root: ParentNode = stage.root): Promise<void> {
  root.querySelector("form.resolution")?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  await drawn();
}

const line = (root: ParentNode = stage.root) => root.querySelector(".resolution-line > span")?.textContent;

describe("a session that the user has ended (R16)", () => {
  beforeEach(async () => {
    stage = await DeskStage.openAtWork();
    expect(choices()).toEqual([]);
    await ended();
  });

  it("asks how it ended, and holds nobody up", async () => {
    expect(stage.dialogs).toEqual([]);
    expect(stage.root.querySelector(".resolution legend")?.textContent).toBe("How did it end?");
    expect(choices().map((radio) => radio.closest("label")?.textContent)).toEqual([
      "Answered",
      "Follow-up by me",
      "Follow-up by the patron's library",
      "Lost call",
      "Practice",
    ]);
    await submit();
    expect(sent()).toEqual([]);
    await stage.click("Put away");
    expect(stage.desk.link.sessions.value.has("s")).toBe(false);
  });

  it("says what was set once it is committed, and the focus stays there", async () => {
    await choose("Lost call");
    choices()[3]?.focus();
    await submit();
    expect(sent()).toEqual([Resolution.LOST_CALL]);
    await isSet(Resolution.LOST_CALL);
    await answered(2n);
    expect(line()).toBe("Resolution: Lost call");
    expect(document.activeElement?.className).toBe("resolution-line");
    expect(stage.desk.view.value?.outgoing).toEqual([]);
  });

  it("can be coded later, and says so in words until it is", async () => {
    stage.find("button", "Not now")?.focus();
    await stage.click("Not now");
    expect(line()).toBe("Resolution: Not coded yet");
    expect(document.activeElement?.textContent).toContain("Set …");
    stage.desk.unselect();
    stage.desk.list.value = "mine";
    await drawn();
    expect(stage.root.querySelector(".ended-row .not-coded")?.textContent).toContain("Not coded yet");
    stage.desk.select("s");
    await drawn();
    expect(choices()).toEqual([]);
    await stage.click(/^Set …/);
    expect(document.activeElement).toBe(choices()[0]);
  });

  it("is corrected from what was said before, whoever has said it", async () => {
    await isSet(Resolution.FOLLOW_UP_BY_ME, QUILL);
    expect(line()).toBe("Resolution: Follow-up by Mr Quill");
    expect(stage.root.textContent).toContain("Mr Quill set the resolution to: Follow-up by Mr Quill");
    await stage.click(/^Correct …/);
    expect(choices().some((radio) => radio.checked)).toBe(false);
    await choose("Answered");
    await submit();
    await isSet(Resolution.ANSWERED);
    await answered(3n);
    expect(line()).toBe("Resolution: Answered");
    expect(stage.root.textContent).toContain("You corrected the resolution to: Answered");
    await stage.click(/^Correct …/);
    expect(choices().map((radio) => radio.checked)).toEqual([true, false, false, false, false]);
  });

  it("says why it could not be set", async () => {
    await choose("Answered");
    await submit();
    await refused();
    const told = [...stage.root.querySelectorAll(".toast span")].map(({ textContent }) => textContent);
    expect(told).toEqual(["The resolution could not be set. There is no such session."]);
    expect(choices()).toHaveLength(5);
    expect(stage.desk.view.value?.outgoing).toEqual([]);
  });
});

it("asks of a practice session with Practice chosen (R16, D36)", async () => {
  stage = await DeskStage.openAtWork();
  Object.assign(stage.desk, { isPractice: () => true });
  await ended();
  expect(choices().map((radio) => radio.checked)).toEqual([false, false, false, false, true]);
  await submit();
  expect(sent()).toEqual([Resolution.PRACTICE]);
});

it("does not ask who was in conference mode, and hears no answer, but leads them to it (R16, R11)", async () => {
  stage = await DeskStage.open({ held: ["s"] }, Role.ASK_ADMINISTRATOR);
  vi.stubGlobal("fetch", async () => new Response("{}"));
  await stage.attending(Part.COLLEAGUE);
  stage.desk.select("s");
  await ended();
  await stage.detached({ code: 9, reason: "ENDED" });
  expect(line()).toContain("What the librarian says of how it ended is with its transcript.");
  await stage.click("Open the transcript");
  expect(stage.desk.tab.value).toBe("transcripts");
  expect(stage.root.querySelector(".transcript-pane h2")?.textContent).toBe("Ricky");
});

describe("the ended sessions of the library (R16)", () => {
  let root: HTMLElement;

  beforeEach(async () => {
    stage = await DeskStage.open();
    const sessions = [
      { sessionId: "x", patronName: "Rosa" },
      {
        sessionId: "y",
        patronName: "Paul",
        resolution: "RESOLUTION_FOLLOW_UP_BY_ME",
        resolutionBy: { name: "Mr Lee" },
      },
    ];
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ sessions })));
    root = document.createElement("div");
    document.body.append(root);
    render(<Transcripts desk={stage.desk} />, root);
    await until(() => expect(lines()).toHaveLength(2));
  });

  afterEach(() => {
    render(null, root);
    root.remove();
  });

  const lines = () => [...root.querySelectorAll(".resolution-line > span")].map(({ textContent }) => textContent);

  it("say which are not coded yet, and can be coded there without opening a transcript", async () => {
    expect(lines()).toEqual(["Resolution: Not coded yet", "Resolution: Follow-up by Mr Lee"]);
    root.querySelector<HTMLElement>(".resolution-line button")?.click();
    await drawn();
    await choose("Follow-up by me", root);
    await submit(root);
    expect(sent()).toEqual([Resolution.FOLLOW_UP_BY_ME]);
    await answered(4n);
    expect(lines()).toEqual(["Resolution: Follow-up by me", "Resolution: Follow-up by Mr Lee"]);
    // It does not lie on the desk for that.
    expect(stage.desk.link.sessions.value.size).toBe(0);
  });

  it("stay as they are if it is refused", async () => {
    root.querySelector<HTMLElement>(".resolution-line button")?.click();
    await drawn();
    await choose("Answered", root);
    await submit(root);
    await refused();
    expect(stage.desk.link.sessions.value.size).toBe(0);
    root.querySelector<HTMLElement>(".resolution .plain")?.click();
    await drawn();
    expect(lines()[0]).toBe("Resolution: Not coded yet");
  });
});
