import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { DeskStage, drawn } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

const OWNER = { part: "PART_OWNER", name: "Ms Map", institutionName: "Harbor", librarianId: "map" };
const SESSION = {
  sessionId: "s",
  patronName: "Ricky",
  institutionName: "Maple Library",
  question: "Where is the plat book?",
  openTime: "2026-11-23T12:00:00Z",
  endTime: "2026-11-23T12:05:00Z",
  owner: OWNER,
};
const ERASED = {
  ...SESSION,
  patronName: "",
  question: "",
  owner: { part: "PART_OWNER", institutionName: "Harbor" },
  eraseTime: "2026-11-24T12:00:00Z",
};

let stage: DeskStage;
let root: HTMLElement;
let sessions: object[];
let isErased: boolean;
/** The commands with which an erasure was asked for. */
let commands: string[];
/** How the next erasures are answered, in order; then all are done. */
let answers: (() => Promise<Response>)[];

async function open(role: Role): Promise<void> {
  stage = await DeskStage.open({}, role);
  vi.stubGlobal("fetch", async (path: string, request?: RequestInit) => {
    if (path.startsWith("/v1/ended-sessions")) return new Response(JSON.stringify({ sessions }));
    if (path.includes("/transcript")) {
      const session = isErased ? ERASED : SESSION;
      const message = { position: 1, author: OWNER, message: { text: "On the third floor" } };
      const erased = { position: 2, time: ERASED.eraseTime, author: { name: "Ms Quill" }, erased: {} };
      return new Response(JSON.stringify({ session, events: [isErased ? erased : message] }));
    }
    expect(path).toBe("/v1/sessions/s/erase");
    expect(request?.method).toBe("POST");
    commands.push(JSON.parse(String(request?.body)).commandId);
    const answer = answers.shift();
    if (answer !== undefined) return answer();
    isErased = true;
    return new Response(JSON.stringify({ session: ERASED }));
  });
  root = document.createElement("div");
  document.body.append(root);
  render(<Transcripts desk={stage.desk} />, root);
}

beforeEach(() => {
  sessions = [SESSION];
  isErased = false;
  commands = [];
  answers = [];
});

afterEach(() => {
  render(null, root);
  root.remove();
  stage.end();
});

const buttons = () => [...root.querySelectorAll("button")];
const dialog = () => root.querySelector("dialog");

async function press(name: RegExp): Promise<void> {
  const button = () => buttons().find((one) => one.textContent?.match(name));
  await until(() => expect(button()).toBeDefined());
  button()?.click();
  await drawn();
  await drawn();
}

describe("an administrator who erases a session (R20)", () => {
  beforeEach(async () => {
    await open(Role.ADMINISTRATOR);
    await press(/Ricky/);
    await until(() => expect(root.textContent).toContain("third floor"));
  });

  it("is told what is lost and that it cannot be undone, and does nothing by a stray Enter", async () => {
    await press(/^Erase…$/);
    expect(dialog()?.getAttribute("role")).toBe("alertdialog");
    for (const words of ["Ricky", "messages", "notes", "cannot be undone", "audit"]) {
      expect(dialog()?.textContent).toContain(words);
    }
    expect(document.activeElement?.textContent).toBe("Keep it");
    await press(/^Keep it$/);
    expect(dialog()).toBeNull();
    expect(commands).toEqual([]);
  });

  it("reads in words that it was erased, in the list and in the transcript", async () => {
    await press(/^Erase…$/);
    await press(/^Erase$/);
    await until(() => expect(dialog()).toBeNull());
    await until(() => expect(root.querySelector("[role=log]")?.textContent).toContain("Erased by Ms Quill"));
    expect(root.querySelector(".row")?.textContent).toContain("Erased");
    expect(root.querySelector(".row")?.textContent).toContain("with Harbor");
    expect(root.querySelector(".transcript-pane h2")?.textContent).toBe("Erased");
    for (const gone of ["Ricky", "plat book", "Ms Map", "third floor"]) expect(root.textContent).not.toContain(gone);
    expect(buttons().some((one) => one.textContent === "Erase…")).toBe(false);
  });

  it("asks once while it is under way, and again with the same command after an error", async () => {
    let fail: (error: Error) => void = () => {};
    answers = [
      () =>
        new Promise((_, reject) => {
          fail = reject;
        }),
    ];
    await press(/^Erase…$/);
    await press(/^Erase$/);
    const busy = buttons().find((one) => one.textContent === "Erasing …");
    expect(busy?.getAttribute("aria-disabled")).toBe("true");
    await press(/^Erasing …$/);
    await press(/^Keep it$/);
    expect(dialog()).not.toBeNull();
    fail(new TypeError("no network"));
    await until(() => expect(dialog()?.querySelector("[role=alert]")?.textContent).toContain("is not answering"));
    await press(/^Erase$/);
    await until(() => expect(dialog()).toBeNull());
    expect(commands).toHaveLength(2);
    expect(commands[0]).toBe(commands[1]);
  });
});

describe("a session that cannot be erased here", () => {
  it.each([Role.ASK_ADMINISTRATOR, Role.LIBRARIAN])("offers nothing to role %i", async (role) => {
    await open(role);
    await press(/Ricky/);
    await until(() => expect(root.textContent).toContain("third floor"));
    expect(buttons().some((one) => one.textContent?.startsWith("Erase"))).toBe(false);
  });
});
