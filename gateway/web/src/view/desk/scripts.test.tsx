import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../app/desk/desk";
import { AttendingSchema, WelcomeSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { JoinedSchema } from "../../gen/carrel/session/v1/session_service_pb";
import { FakeSocket } from "../../testing/gateway";
import { until } from "../../testing/until";
import { DeskPage } from "./desk_page";

let root: HTMLElement;
let desk: Desk;
let socket: FakeSocket;

/** What the directory says, and how often it was asked. */
let answer: () => Response;
let asked = 0;

const policies = [
  {
    institutionId: "birch",
    institutionName: "Birch College",
    text: "No renewals by phone.",
    contact: "desk@birch.example.org",
    scripts: [{ name: "Loan", text: "You can order it by interlibrary loan." }],
  },
  {
    institutionId: "maple",
    institutionName: "Maple Library",
    text: "Fines are 10 cents.",
    scripts: [{ name: "Hello", text: "Hello! How can I help?" }],
  },
  { institutionId: "oak", institutionName: "Oak Library", scripts: [{ name: "Oak", text: "Oaks." }] },
];

const drawn = () => new Promise<void>((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

/** A librarian of Maple answers a patron of Birch, whose session is shown. */
beforeEach(async () => {
  vi.stubGlobal("WebSocket", FakeSocket);
  localStorage.clear();
  FakeSocket.profile = { librarianId: "map", institutionId: "maple" };
  asked = 0;
  answer = () => new Response(JSON.stringify({ profile: { policies } }));
  vi.stubGlobal("fetch", async () => {
    asked += 1;
    return answer();
  });
  const token = { accessToken: "t", expiresAt: Date.now() + 900_000, renewUntil: Date.now() + 900_000 };
  sessionStorage.setItem("carrel.desk", JSON.stringify({ token, queueIds: [], seen: {}, held: ["s"] }));
  root = document.createElement("div");
  document.body.append(root);
  desk = new Desk();
  render(<DeskPage desk={desk} />, root);
  desk.begin();
  socket = FakeSocket.last as FakeSocket;
  socket.open();
  const session = { sessionId: "s", institutionId: "birch", state: SessionState.ACTIVE, owner: { librarianId: "map" } };
  const joined = create(JoinedSchema, { session, head: { epoch: "1", number: 0n }, part: Part.OWNER });
  socket.push({ case: "attending", value: create(AttendingSchema, { sessionId: "s", joined }) });
  desk.select("s");
  await drawn();
});

afterEach(() => {
  render(null, root);
  root.remove();
  sessionStorage.clear();
  vi.unstubAllGlobals();
});

async function click(selector: string, text: RegExp): Promise<void> {
  const found = [...root.querySelectorAll<HTMLElement>(selector)].find((one) => text.test(one.textContent ?? ""));
  if (found === undefined) throw new Error(`There is no ${selector} ${text}.`);
  found.click();
  await drawn();
}

const box = () => root.querySelector<HTMLTextAreaElement>("#patron-box");

describe("the policy (D37)", () => {
  it("is that of the patron's library, one click away, for staff only", async () => {
    await click("button", /^\s*Policy/);
    await until(() => expect(root.querySelector(".policy-text")).not.toBeNull());
    const panel = root.querySelector("#policy")?.textContent;
    expect(panel).toContain("No renewals by phone.");
    expect(panel).toContain("Corrections to: desk@birch.example.org");
    expect(panel).toContain("Staff only");
    expect(panel).not.toContain("Fines are 10 cents.");
  });

  it("is read when it is looked at, and again when the desk was away", async () => {
    expect(asked).toBe(0);
    for (const reads of [1, 1]) {
      await click("button", /^\s*Policy/);
      await until(() => expect(root.querySelector(".policy-text")).not.toBeNull());
      await click("button", /^\s*Policy/);
      expect(asked).toBe(reads);
    }
    answer = () =>
      new Response(JSON.stringify({ profile: { policies: [{ ...policies[0], text: "By phone, too." }] } }));
    socket.push({ case: "welcome", value: create(WelcomeSchema, { profile: FakeSocket.profile }) });
    await click("button", /^\s*Policy/);
    await until(() => expect(root.querySelector(".policy-text")?.textContent).toBe("By phone, too."));
    expect(asked).toBe(2);
  });

  it("says why it could not be read, and is read again when it is tried again", async () => {
    const good = answer;
    answer = () => new Response("{}", { status: 503 });
    await click("button", /^\s*Policy/);
    await until(() => expect(root.querySelector("#policy [role=alert]")).not.toBeNull());
    expect(root.querySelector("#policy [role=alert]")?.textContent).toContain("The policies could not be read.");
    answer = good;
    await click("#policy button", /^Try again$/);
    expect(document.activeElement?.id).toBe("policy-library");
    await until(() => expect(root.querySelector(".policy-text")?.textContent).toBe("No renewals by phone."));
    expect(root.querySelector("#policy [role=alert]")).toBeNull();
  });

  it("is nothing that the next librarian finds", async () => {
    await click("button", /^\s*Policy/);
    await until(() => expect(desk.policies.all.value).toHaveLength(3));
    desk.logOut();
    expect(desk.policies.all.value).toBeUndefined();
  });
});

describe("the scripts (D38)", () => {
  it("are those of the patron's library, of one's own and one's own, and of no other", async () => {
    desk.scripts.add({ name: "Bye", text: "Good-bye!" });
    await click("button", /^\s*Scripts/);
    await until(() => expect(root.querySelectorAll(".script")).toHaveLength(3));
    const names = [...root.querySelectorAll(".script strong")].map((name) => name.textContent);
    expect(names).toEqual(["Loan", "Hello", "Bye"]);
  });

  it("go into the box after what is typed, and send nothing", async () => {
    desk.writing.type("s", { patron: "One moment." });
    await click("button", /^\s*Scripts/);
    await until(() => expect(root.querySelectorAll(".script")).toHaveLength(2));
    await click(".script", /^Loan/);
    expect(box()?.value).toBe("One moment.\nYou can order it by interlibrary loan.");
    expect(document.activeElement).toBe(box());
    expect(socket.all("act")).toEqual([]);
    expect(root.querySelector("#scripts")).toBeNull();
  });

  it("are found by name or text, and left with Esc", async () => {
    await click("button", /^\s*Scripts/);
    const search = root.querySelector<HTMLInputElement>("#scripts input");
    await until(() => expect(document.activeElement).toBe(search));
    if (search) search.value = "interlibrary";
    search?.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    expect([...root.querySelectorAll(".script strong")].map((name) => name.textContent)).toEqual(["Loan"]);
    search?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
    await drawn();
    expect(root.querySelector("#scripts")).toBeNull();
    expect(document.activeElement).toBe(box());
  });
});
