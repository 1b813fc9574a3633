// The debug build complains about faulty rendering.
import "preact/debug";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { DeskStage, drawn } from "../../testing/desk_stage";
import { until } from "../../testing/until";
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
