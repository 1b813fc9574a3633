// The debug build complains about faulty rendering.
import "preact/debug";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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
