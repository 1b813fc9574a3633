// The debug build complains about faulty rendering.
import "preact/debug";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, ROW } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { dayAndTime } from "../../time";
import { Audit } from "./audit";

/** What entries of the same millisecond and act share. They have no number, as an ask administrator gets them. */
const ENTRY = {
  time: "2026-11-23T12:00:00Z",
  act: "AUDIT_ACT_TRANSCRIPT_READ",
  librarianId: "quill",
  librarianName: "Mr Quill",
  sessionId: "s",
};
const STAFF = { ...ENTRY, detail: "STAFF" };
const PATRON = { ...ENTRY, detail: "PATRON" };

let stage: DeskStage;
let root: HTMLElement;
let entries: object[];

beforeEach(async () => {
  stage = await DeskStage.open();
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ entries })));
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  stage.end();
});

const rows = () =>
  [...root.querySelectorAll("tbody tr")].map((row) => row.querySelectorAll("td")[2]?.textContent?.split(" ")[2]);

/** The list is read again. */
async function readAgain(): Promise<void> {
  [...root.querySelectorAll("button")].find(({ textContent }) => textContent === "Refresh")?.click();
  await drawn();
  await drawn();
}

describe("entries of the audit that differ in nothing but what was read (R21)", () => {
  it("are each drawn once and in their order, also when others come before them", async () => {
    const complaints = vi.spyOn(console, "error").mockImplementation(() => {});
    entries = [STAFF, PATRON];
    render(<Audit desk={stage.desk} />, root);
    await until(() => expect(rows()).toEqual(["staff", "patron's"]));
    const other = { ...ENTRY, time: "2026-11-23T12:00:01Z", detail: "PATRON" };
    for (const next of [
      [other, STAFF, PATRON],
      [PATRON, STAFF, PATRON],
      [STAFF, other, PATRON],
      [PATRON],
      [STAFF, PATRON, STAFF],
    ]) {
      entries = next;
      await readAgain();
      await until(() => expect(rows()).toEqual(next.map(({ detail }) => (detail === "STAFF" ? "staff" : "patron's"))));
    }
    expect(complaints).not.toHaveBeenCalled();
    complaints.mockRestore();
  });
});

describe("the session that an entry is about (R21)", () => {
  const ENDED = { sessionId: "s", state: "SESSION_STATE_ENDED", patronName: "Ricky", openTime: "2026-11-23T11:00:00Z" };
  const asked = `asked ${dayAndTime(timestampFromDate(new Date(ENDED.openTime)))}`;
  /** The session as its transcript has it. */
  const WHOLE = {
    ...ENDED,
    institutionName: "Maple Library",
    patronEmail: "ricky@example.org",
    endTime: "2026-11-23T12:00:00Z",
  };
  let reads: string[];

  /** Opens the page at the audit, with one entry about a session of which this is known. */
  const show = async (known: object | undefined) => {
    stage.end();
    stage = await DeskStage.open({}, Role.ADMINISTRATOR);
    reads = [];
    vi.stubGlobal("fetch", async (path: string) => {
      if (path.startsWith("/v1/role-changes")) return new Response(JSON.stringify({ changes: [] }));
      if (path.startsWith("/v1/ended-sessions")) return new Response(JSON.stringify({ sessions: [WHOLE] }));
      if (path.startsWith("/v1/sessions/")) {
        reads.push(path);
        return new Response(JSON.stringify({ session: WHOLE, events: [] }));
      }
      return new Response(JSON.stringify({ entries: [{ ...STAFF, sessionId: "s" }], sessions: known ? [known] : [] }));
    });
    stage.desk.tab.value = "audit";
    await until(() => expect(cell()).not.toBeUndefined());
  };
  const cell = () => [...stage.root.querySelectorAll<HTMLElement>("tbody td")].at(-1);
  const link = () => cell()?.querySelector("button");

  it("is called by its patron and when they asked, and leads to its transcript, which is read once", async () => {
    await show(ENDED);
    expect(link()?.textContent).toBe(` Transcript of Ricky, ${asked}`);
    link()?.click();
    const pane = () => stage.root.querySelector(".transcript-pane");
    await until(() => expect(pane()?.querySelector(".session-facts")?.textContent).toContain("ricky@example.org"));
    expect(document.activeElement).toBe(pane()?.querySelector("h2"));
    expect(reads).toEqual(["/v1/sessions/s/transcript?audience=staff"]);
    stage.root.querySelector<HTMLElement>("[aria-label='Close the transcript']")?.click();
    await until(() => expect((document.activeElement as HTMLInputElement).type).toBe("search"));
    // Who comes back by the tab finds the list alone.
    stage.desk.tab.value = "audit";
    await drawn();
    stage.desk.tab.value = "transcripts";
    await drawn();
    expect(pane()).toBeNull();
  });

  it("leads to the list in which it is while it runs, as far as this page has it", async () => {
    await show({ ...ENDED, state: "SESSION_STATE_ACTIVE", patronName: "" });
    // Who gave no name is called by the time to the second, as everywhere on the desk.
    expect(cell()?.textContent).toMatch(/^\D*Patron \d+:00:00/);
    expect(cell()?.textContent).toContain(`, ${asked}`);
    expect(link()).toBeNull();
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.ALL }] } });
    await drawn();
    expect(cell()?.textContent).toContain("under All");
    link()?.click();
    await drawn();
    expect([stage.desk.tab.value, stage.desk.list.value]).toEqual(["chat", "all"]);
    await until(() => expect(document.activeElement?.id).toBe("tab-list-all"));
  });

  it("reads as erased once it was, and as its id where nothing else may be known", async () => {
    await show({ ...ENDED, patronName: "", eraseTime: "2026-12-23T11:00:00Z" });
    expect(cell()?.textContent).toBe(`Erased, ${asked}`);
    expect(link()).toBeNull();
    await show(undefined);
    expect(cell()?.textContent).toBe("s");
  });
});

describe("the changes of roles in the audit (R21)", () => {
  const change = (number: number, time: string, roleBefore: string, roleAfter: string, means: string) => ({
    number: String(number),
    time,
    librarianName: "Mr Lee",
    logInName: "lee@maple",
    roleBefore: `ROLE_${roleBefore}`,
    roleAfter: `ROLE_${roleAfter}`,
    means: `ROLE_CHANGE_MEANS_${means}`,
  });
  const changes = [
    change(3, "2026-11-23T13:00:00Z", "ADMINISTRATOR", "UNSPECIFIED", "COMMAND"),
    change(2, "2026-11-23T11:00:00Z", "LIBRARIAN", "ADMINISTRATOR", "DIRECTORY_FILE"),
    change(1, "2026-11-23T10:00:00Z", "UNSPECIFIED", "LIBRARIAN", "DIRECTORY_FILE"),
  ];
  let asked: string[];

  const show = async (role: Role) => {
    stage.end();
    stage = await DeskStage.open({}, role);
    asked = [];
    vi.stubGlobal("fetch", async (path: string) => {
      asked.push(path.split("?")[0] ?? "");
      const isRoles = path.startsWith("/v1/role-changes");
      return new Response(JSON.stringify(isRoles ? { changes } : { entries: [{ ...STAFF, number: "7" }] }));
    });
    render(<Audit desk={stage.desk} />, root);
    await until(() => expect(root.querySelector("tbody tr")).not.toBeNull());
  };
  const cells = () =>
    [...root.querySelectorAll("tbody tr")].map((row) => {
      const [number, , who, what, session] = [...row.querySelectorAll("td")].map(({ textContent }) => textContent);
      return [number, who, what, session];
    });

  it("stand among the other entries in the order of time, for administrators", async () => {
    await show(Role.ADMINISTRATOR);
    const file = "The operator, with a directory file";
    expect(cells()).toEqual([
      [
        "R3",
        "The operator, with a command",
        "Took Mr Lee (lee@maple), an administrator, out of the library's staff",
        "",
      ],
      ["7", "Mr Quill", "Read the staff transcript", "s"],
      ["R2", file, "Made Mr Lee (lee@maple) an administrator instead of a librarian", ""],
      ["R1", file, "Added Mr Lee (lee@maple) to the library's staff as a librarian", ""],
    ]);
  });

  it("are not asked for by an ask administrator, who may not see them", async () => {
    await show(Role.ASK_ADMINISTRATOR);
    expect(asked).toEqual(["/v1/audit"]);
    expect(cells()).toHaveLength(1);
  });
});
