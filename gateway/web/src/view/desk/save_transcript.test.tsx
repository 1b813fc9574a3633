// The debug build complains about faulty rendering.
import "preact/debug";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DeskStage, drawn } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

const SESSION = {
  sessionId: "s",
  patronName: "Ricky",
  institutionId: "maple",
  institutionName: "Maple Library",
  openTime: "2026-11-23T12:00:00Z",
};
const QUESTION = { position: "1", author: { name: "Ricky" }, opened: { question: "Where are the maps?" } };
const LATER = { position: "2", author: { name: "Ms Map" }, note: { text: "Written since." } };

let stage: DeskStage;
let root: HTMLElement;
/** The bodies of the exports that were asked for. */
let exports: unknown[];
/** Answers an export. */
let answer: () => Promise<Response>;
/** The files that the browser was given: name and text. */
let files: { name: string; text: Promise<string> }[];

beforeEach(async () => {
  stage = await DeskStage.open();
  exports = [];
  files = [];
  answer = async () => new Response(JSON.stringify({ session: SESSION, events: [QUESTION, LATER] }));
  vi.stubGlobal("fetch", async (path: string, request: RequestInit) => {
    if (path === "/v1/sessions/s/export") {
      exports.push(JSON.parse(String(request.body)));
      return answer();
    }
    if (path.includes("/transcript")) return new Response(JSON.stringify({ session: SESSION, events: [QUESTION] }));
    return new Response(JSON.stringify({ sessions: [SESSION] }));
  });
  let blob = new Blob();
  vi.spyOn(URL, "createObjectURL").mockImplementation((made) => {
    blob = made as Blob;
    return "blob:1";
  });
  vi.spyOn(URL, "revokeObjectURL").mockImplementation(() => {});
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    files.push({ name: this.download, text: blob.text() });
  });
  root = document.createElement("div");
  document.body.append(root);
  render(<Transcripts desk={stage.desk} />, root);
  await press(/Ricky/);
  await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
});

afterEach(() => {
  vi.restoreAllMocks();
  render(null, root);
  root.remove();
  stage.end();
});

const button = (name: RegExp) => [...root.querySelectorAll("button")].find((one) => one.textContent?.match(name));
const alert = () => root.querySelector("[role=alert]")?.textContent ?? "";

async function press(name: RegExp): Promise<void> {
  await until(() => expect(button(name)).toBeDefined());
  button(name)?.click();
  await drawn();
}

describe("saving a transcript as staff (R21)", () => {
  it("asks the server for an export, and saves what it gave out", async () => {
    await press(/Save as text/);
    await until(() => expect(files).toHaveLength(1));
    expect(exports).toEqual([{ audience: "AUDIENCE_STAFF" }]);
    expect(files[0]?.name).toMatch(/^transcript-staff-maple-2026-11-23-\d{6}\.txt$/);
    expect(await files[0]?.text).toContain("Written since.");
    await press(/^Patron's view$/);
    await until(() => expect(button(/Save as text/)?.getAttribute("aria-disabled")).toBe("false"));
    await press(/Save as text/);
    await until(() => expect(files).toHaveLength(2));
    expect(exports[1]).toEqual({ audience: "AUDIENCE_PATRON" });
    expect(files[1]?.name).toMatch(/^transcript-patron-maple-2026-11-23-\d{6}\.txt$/);
  });

  it("is one export while it is under way, and says so", async () => {
    let goOn: (response: Response) => void = () => {};
    answer = () =>
      new Promise((resolve) => {
        goOn = resolve;
      });
    button(/Save as text/)?.click();
    await press(/Save as text/);
    await until(() => expect(button(/Saving/)?.getAttribute("aria-disabled")).toBe("true"));
    button(/Saving/)?.click();
    expect(files).toEqual([]);
    goOn(new Response(JSON.stringify({ session: SESSION, events: [] })));
    await until(() => expect(files).toHaveLength(1));
    await until(() => expect(button(/Save as text/)).toBeDefined());
    expect(exports).toHaveLength(1);
  });

  it("saves nothing without the server, and tells why; the next try may do better", async () => {
    const works = answer;
    const refusal = { code: 14, reason: "LOG_UNAVAILABLE", message: "The log can't be written." };
    answer = async () => new Response(JSON.stringify(refusal), { status: 503 });
    await press(/Save as text/);
    await until(() => expect(alert()).toContain("Not saved."));
    expect(files).toEqual([]);
    answer = works;
    await press(/Save as text/);
    await until(() => expect(files).toHaveLength(1));
    expect(alert()).toBe("");
  });

  it("shows a session as erased that was erased meanwhile, and saves nothing", async () => {
    const erased = { sessionId: "s", institutionName: "Maple Library", eraseTime: "2026-11-24T00:00:00Z" };
    answer = async () => new Response(JSON.stringify({ session: erased, events: [] }));
    await press(/Save as text/);
    await until(() => expect(root.querySelector(".transcript-pane h2")?.textContent).toBe("Erased"));
    expect(files).toEqual([]);
  });
});
