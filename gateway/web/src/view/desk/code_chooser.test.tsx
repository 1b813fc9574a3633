import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AcceptedSchema, RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { RefusalSchema } from "../../gen/carrel/refusal/v1/refusal_pb";
import {
  DescriptiveCodesSetSchema,
  ResolutionSetSchema,
  SessionEndedSchema,
} from "../../gen/carrel/session/v1/session_event_pb";
import { Resolution } from "../../gen/carrel/session/v1/session_pb";
import { DeskStage, drawn, MAP, QUILL, RICKY } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

let stage: DeskStage;
/** The codes of the patron's library, and how often they were read. */
let codes: string[];
let reads: number;
let isBroken: boolean;

const MAPLES = ["Opening hours", "Maps", "Local maps", "Printing", "Homework", "Fines"];

beforeEach(() => {
  codes = MAPLES;
  reads = 0;
  isBroken = false;
  vi.stubGlobal("fetch", async (path: string) => {
    if (path !== "/v1/profile") return new Response("{}");
    reads += 1;
    if (isBroken) throw new TypeError("no network");
    const policies = [
      // The patron's library in these tests has no id.
      { institutionName: "Maple Library", descriptiveCodes: codes, codeList: `signed ${reads}` },
      { institutionId: "harbor", institutionName: "Harbor Library", descriptiveCodes: ["Ships"], codeList: "harbor's" },
    ];
    return new Response(JSON.stringify({ profile: { policies } }));
  });
});

afterEach(() => stage.end());

/** A session that the user has ended, or another librarian. */
async function ended(): Promise<void> {
  stage = await DeskStage.openAtWork();
  await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
  await until(() => expect(reads).toBe(1));
  await drawn();
}

const areSet = (set: string[], author: typeof MAP | typeof QUILL = MAP) =>
  stage.event({ case: "descriptiveCodesSet", value: create(DescriptiveCodesSetSchema, { codes: set }) }, author);

const field = () => stage.root.querySelector<HTMLInputElement>("[role=combobox]");
const options = () =>
  [...stage.root.querySelectorAll(".code-list [role=option]")].map(({ textContent }) => textContent);
const active = () => stage.root.querySelector(".code-list [aria-selected=true]")?.textContent;
const chips = () => [...stage.root.querySelectorAll(".codes li")].map(({ textContent }) => textContent);
const hint = () => stage.root.querySelector(".code-chooser [role=status]")?.textContent;
const line = () => [...stage.root.querySelectorAll(".resolution-line > span")].map(({ textContent }) => textContent);

async function type(text: string): Promise<void> {
  const box = field() as HTMLInputElement;
  box.focus();
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  await drawn();
}

/** Presses a key in the field, and returns whether that is left to the browser. */
async function press(key: string): Promise<boolean> {
  const left = field()?.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  await drawn();
  return left ?? true;
}

async function submit(resolution?: string): Promise<void> {
  const labels = [...stage.root.querySelectorAll<HTMLElement>(".resolution .choice")];
  labels.find(({ textContent }) => textContent === resolution)?.click();
  await drawn();
  const form = stage.root.querySelector("form.resolution");
  form?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  await drawn();
}

/** What was said of the session to the gateway. */
const sent = () =>
  stage.socket.all("act").flatMap<Resolution | string[]>(({ act }) => {
    if (act.case === "setResolution") return [act.value.resolution];
    return act.case === "setDescriptiveCodes" ? [[...act.value.codes, act.value.codeList]] : [];
  });

/** The gateway accepts all that was said. */
async function accepted(): Promise<void> {
  for (const { commandId, sessionId, act } of stage.socket.all("act")) {
    if (act.case !== "setResolution" && act.case !== "setDescriptiveCodes") continue;
    stage.socket.push({ case: "accepted", value: create(AcceptedSchema, { commandId, sessionId, position: 1n }) });
  }
  await drawn();
}

describe("what a session was about (D65)", () => {
  it("is chosen from the list of the patron's library by typing part of a code (D41, D82)", async () => {
    await ended();
    await type("map");
    expect(options()).toEqual(["Maps", "Local maps"]);
    expect([active(), field()?.getAttribute("aria-expanded")]).toEqual(["Maps", "true"]);
    await press("ArrowDown");
    expect(active()).toBe("Local maps");
    expect(field()?.getAttribute("aria-activedescendant")).toBe(
      stage.root.querySelector(".code-list [aria-selected=true]")?.id,
    );
    expect(await press("Enter")).toBe(false);
    expect([chips(), options(), field()?.value]).toEqual([["Local maps"], [], ""]);
    expect(document.activeElement).toBe(field());
    await press("ArrowUp");
    expect(active()).toBe("Fines");
    expect(options()).not.toContain("Local maps");
    await press("Escape");
    expect(options()).toEqual([]);
    await type("");
    await press("Backspace");
    expect(chips()).toEqual([]);
  });

  it("is sent with the resolution, and with the library's word for its list", async () => {
    await ended();
    await type("print");
    await press("Enter");
    expect(await press("Enter"), "submits the form").toBe(true);
    await submit("Answered");
    expect(sent()).toEqual([Resolution.ANSWERED, ["Printing", "signed 1"]]);
    await stage.event(
      { case: "resolutionSet", value: create(ResolutionSetSchema, { resolution: Resolution.ANSWERED }) },
      MAP,
    );
    await areSet(["Printing"]);
    await accepted();
    expect(line()).toEqual(["Resolution: Answered", "About: Printing"]);
    expect(stage.root.textContent).toContain("You set the descriptive codes to: Printing");
    expect(stage.desk.view.value?.outgoing).toEqual([]);
  });

  it("is found in whatever case it is typed, in Greek, too", async () => {
    codes = ["Οδός", "Ήρωες"];
    await ended();
    for (const typed of ["ΟΔΌΣ", "οδόσ"]) {
      await type(typed);
      expect(options(), typed).toEqual(["Οδός"]);
    }
    field()?.blur();
    await drawn();
    expect(chips()).toEqual(["Οδός"]);
  });

  it("takes what is typed in full when the user goes on, and drops what was only looked for", async () => {
    await ended();
    for (const text of ["homework", "print"]) {
      await type(text);
      field()?.blur();
      await drawn();
    }
    expect([chips(), field()?.value]).toEqual([["Homework"], ""]);
  });

  it("is optional", async () => {
    await ended();
    await submit("Answered");
    expect(sent()).toEqual([Resolution.ANSWERED]);
  });

  it("is at most four codes, and says so instead of a fifth", async () => {
    await ended();
    for (const code of ["open", "print", "home", "fines"]) {
      await type(code);
      await press("Enter");
    }
    expect(chips()).toHaveLength(4);
    expect(hint()).toBe("4 are the most. Take one off to choose another.");
    await type("maps");
    expect(options()).toEqual([]);
    await press("Enter");
    expect(chips()).toHaveLength(4);
    stage.root.querySelector<HTMLElement>("[aria-label='Take off Printing']")?.click();
    await drawn();
    expect(chips()).toEqual(["Opening hours", "Homework", "Fines"]);
    expect(document.activeElement).toBe(field());
  });

  it("says what is not in the list, and does not send the form without it", async () => {
    await ended();
    await type("whales");
    expect(hint()).toBe("Not in the list of the patron's library.");
    expect(await press("Enter")).toBe(false);
    expect(chips()).toEqual([]);
  });

  it("is not asked where the library has no list", async () => {
    codes = [];
    await ended();
    expect(field()).toBeNull();
    expect(stage.root.querySelector(".resolution legend")).not.toBeNull();
  });

  it("is not asked without a word when the list could not be read, but read again at the user's wish", async () => {
    isBroken = true;
    await ended();
    const alert = () => stage.root.querySelector(".resolution [role=alert]")?.textContent;
    expect(field()).toBeNull();
    await until(() => expect(alert()).toContain("The library's descriptive codes could not be read."));
    isBroken = false;
    await stage.click("Try again");
    await until(() => expect(field()).not.toBeNull());
    expect(alert()).toBeUndefined();
    expect(stage.root.querySelector(".resolution")?.contains(document.activeElement)).toBe(true);
  });

  it("is corrected alone, and keeps what has left the list", async () => {
    await ended();
    await stage.event(
      { case: "resolutionSet", value: create(ResolutionSetSchema, { resolution: Resolution.FOLLOW_UP_BY_ME }) },
      QUILL,
    );
    await areSet(["Dictionaries"], QUILL);
    await stage.click(/^Correct …/);
    await until(() => expect(document.activeElement?.getAttribute("type")).toBe("radio"));
    await type("homework");
    await press("Enter");

    await submit();
    expect(sent()).toEqual([["Dictionaries", "Homework", "signed 1"]]);
    // Who sets a code has not shown themselves in the session by that.
    expect(stage.root.querySelector(".session-head")?.textContent).not.toContain("Mr Quill");
  });

  it.each([
    [{}, "The library's list has changed. Choose again from the new one."],
    [{ code: "Maps" }, "“Maps” is no longer in the library's list. Choose again from the new one."],
  ])("reads the list anew when it has changed meanwhile, and names what is gone: %j", async (metadata, why) => {
    await ended();
    await type("maps");
    await press("Enter");
    await submit("Answered");
    const { commandId = "", sessionId = "" } = stage.socket.all("act").at(-1) ?? {};
    codes = ["Printing"];
    const refusal = create(RefusalSchema, { code: 3, reason: "UNKNOWN_CODE", message: "codes: …", metadata });
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { commandId, sessionId, refusal }) });
    await until(() => expect(reads).toBe(2));
    const told = [...stage.root.querySelectorAll(".toast span")].map(({ textContent }) => textContent);
    expect(told).toEqual([`The descriptive codes could not be set. ${why}`]);
  });
});

describe("a form that is open while a colleague says something else of the session (R16, D65)", () => {
  const isSet = (resolution: Resolution, author: typeof MAP | typeof QUILL) =>
    stage.event({ case: "resolutionSet", value: create(ResolutionSetSchema, { resolution }) }, author);
  const checked = () =>
    stage.root.querySelector(".resolution input[type=radio]:checked")?.closest("label")?.textContent;

  beforeEach(async () => {
    await ended();
    await isSet(Resolution.ANSWERED, MAP);
    await areSet(["Maps"]);
    await stage.click(/^Correct …/);
  });

  it("undoes nothing of it: what the user has not touched follows, and is not sent", async () => {
    await isSet(Resolution.LOST_CALL, QUILL);
    await areSet(["Maps", "Fines"], QUILL);
    expect([checked(), chips()]).toEqual(["Lost call", ["Maps", "Fines"]]);
    await type("home");
    await press("Enter");
    await submit();
    expect(sent()).toEqual([["Maps", "Fines", "Homework", expect.anything()]]);
  });

  it("sends only how it ended, if that is all that the user changed", async () => {
    await areSet(["Fines"], QUILL);
    await submit("Practice");
    expect(sent()).toEqual([Resolution.PRACTICE]);
  });

  it("keeps what the user has changed, whatever the colleague sets", async () => {
    await stage.click("Take off Maps");
    stage.root.querySelector<HTMLElement>(".resolution .choice")?.click();
    await type("print");
    await press("Enter");
    await areSet(["Maps", "Fines"], QUILL);
    expect(chips()).toEqual(["Fines", "Printing"]);
    await submit();
    expect(sent()).toEqual([["Fines", "Printing", expect.anything()]]);
  });

  it("sends nothing if nothing was changed", async () => {
    await isSet(Resolution.LOST_CALL, QUILL);
    await submit();
    expect(sent()).toEqual([]);
    expect(line()[0]).toBe("Resolution: Lost call");
  });
});

describe("the ended sessions of the library (D65, D71)", () => {
  let root: HTMLElement;
  let filters: { descriptiveCode?: string }[];

  beforeEach(async () => {
    const profile = fetch;
    filters = [];
    vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
      if (path !== "/v1/ended-sessions") return profile(path, init);
      filters.push(JSON.parse(String(init.body)).filter);
      const sessions = [{ sessionId: "x", patronName: "Rosa", descriptiveCodes: ["Maps", "Fines"] }];
      return new Response(JSON.stringify({ sessions }));
    });
    stage = await DeskStage.open();
    // The user's own library is the one without an id.
    root = document.createElement("div");
    document.body.append(root);
    render(<Transcripts desk={stage.desk} />, root);
    await until(() => expect(root.querySelectorAll(".row")).toHaveLength(1));
  });

  afterEach(() => {
    render(null, root);
    root.remove();
  });

  it("are looked for without the codes while these can't be read, and it is said why", async () => {
    isBroken = true;
    stage.desk.policies.clear();
    void stage.desk.policies.read();
    const alert = () => root.querySelector("[role=alert]")?.textContent;
    await until(() => expect(alert()).toContain("Your library's descriptive codes could not be read."));
    expect(root.querySelectorAll("select")).toHaveLength(1);
    isBroken = false;
    root.querySelector<HTMLElement>("[role=alert] button")?.click();
    await until(() => expect(root.querySelectorAll("select")).toHaveLength(2));
    expect(alert()).toBeUndefined();
  });

  it("say what they were about, and are found by it", async () => {
    expect(root.querySelector(".row .resolution-line")?.textContent).toContain("About: Maps, Fines");
    const about = () => [...root.querySelectorAll("select")].at(1) as HTMLSelectElement;
    await until(() => expect([...about().options].map(({ text }) => text)).toContain("Homework"));
    expect([...about().options].slice(0, 3).map(({ text }) => text)).toEqual([
      "Anything",
      "No descriptive code",
      "Opening hours",
    ]);
    for (const value of ["code/Maps", "code/", "any"]) {
      about().value = value;
      about().dispatchEvent(new Event("change", { bubbles: true }));
      await drawn();
    }
    await until(() => expect(filters).toHaveLength(4));
    expect(filters).toEqual([{}, { descriptiveCode: "Maps" }, { descriptiveCode: "" }, {}]);
  });
});
