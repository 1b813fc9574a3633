import { create } from "@bufbuild/protobuf";
import { render } from "preact";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Desk } from "../../app/desk/desk";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { AcceptedSchema, RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { SessionState } from "../../gen/carrel/session/v1/session_pb";
import { AuditedSessionSchema, SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, RICKY, ROW } from "../../testing/desk_stage";
import { until } from "../../testing/until";
import { Transcripts } from "./transcripts";

const SESSION = {
  sessionId: "s",
  patronName: "Ricky",
  patronEmail: "ricky@example.org",
  institutionName: "Maple Library",
};

let stage: DeskStage;
let root: HTMLElement;
/** The views that cannot be read at present. */
let broken: Set<string>;
/** The views that were asked for. */
let asked: string[];
/** Called before each answer, which waits for it. */
let before: () => Promise<void>;
let goOn: () => void;

beforeEach(async () => {
  stage = await DeskStage.open();
  broken = new Set();
  asked = [];
  before = async () => {};
  vi.stubGlobal("fetch", async (path: string) => {
    const view = new URL(path, "http://x").searchParams.get("audience");
    if (view === null) return new Response(JSON.stringify({ sessions: [SESSION] }));
    asked.push(view);
    await before();
    if (broken.has(view)) throw new TypeError("no network");
    return new Response(JSON.stringify({ session: SESSION, events: [] }));
  });
  root = document.createElement("div");
  document.body.append(root);
});

afterEach(() => {
  render(null, root);
  root.remove();
  stage.end();
});

async function open(desk: Desk): Promise<void> {
  render(<Transcripts desk={desk} />, root);
  await press(/Ricky/);
}

async function press(name: RegExp): Promise<void> {
  const button = () => [...root.querySelectorAll("button")].find((one) => one.textContent?.match(name));
  await until(() => expect(button()).toBeDefined());
  button()?.click();
  await drawn();
  await drawn();
}

const heading = () => root.querySelector(".transcript-pane h2");
const alert = () => root.querySelector("[role=alert]")?.textContent ?? "";

describe("a transcript that could not be read", () => {
  it("is read again when the user wants it", async () => {
    broken.add("staff");
    await open(stage.desk);
    await until(() => expect(alert()).toContain("is not answering"));
    broken.clear();
    [...root.querySelectorAll("button")].find((one) => one.textContent === "Try again")?.focus();
    await press(/^Try again$/);
    expect(document.activeElement).toBe(heading());
    await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
    expect(alert()).toBe("");
  });

  it("says nothing of the other view, which can be read, however late it is known", async () => {
    broken.add("staff");
    const late = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    before = () => late;
    await open(stage.desk);
    before = async () => {};
    await press(/^Patron's view$/);
    await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
    goOn();
    await drawn();
    await drawn();
    expect(alert()).toBe("");
    await press(/^Staff view/);
    expect(alert()).toContain("is not answering");
  });
});

describe("a session whose patron's name was erased (R20)", () => {
  const nameless = { ...SESSION, patronName: "", patronEmail: "", identityEraseTime: "2026-12-23T12:00:00Z" };
  const question = { position: 1, author: { part: "PART_PATRON" }, opened: { question: "Where?" } };
  const erased = { position: 2, time: nameless.identityEraseTime, identityErased: {} };

  it.each([
    ["before the list was read", nameless, /Name erased/],
    ["since the list was read", SESSION, /Ricky/],
  ])("reads so, with its text, when it was %s", async (_, listed, row) => {
    let reads = 0;
    vi.stubGlobal("fetch", async (path: string) => {
      if (path.startsWith("/v1/ended-sessions")) return new Response(JSON.stringify({ sessions: [listed] }));
      if (path === "/v1/profile") return new Response("{}");
      reads += 1;
      return new Response(JSON.stringify({ session: nameless, events: [question, erased] }));
    });
    render(<Transcripts desk={stage.desk} />, root);
    await press(row);
    await until(() => expect(root.querySelector("[role=log]")?.textContent).toContain("Where?"));
    expect(root.querySelector("[role=log]")?.textContent).toContain("name and e-mail address were erased");
    expect(root.querySelector(".row")?.textContent).toContain("Name erased");
    expect(heading()?.textContent).toBe("Patron");
    expect(root.textContent).not.toContain("Ricky");
    expect(root.textContent).not.toContain("ricky@example.org");
    // Reading is written to the audit.
    expect(reads).toBe(1);
  });
});

describe("a transcript that is being read", () => {
  it("is not asked for again when the other view is looked at meanwhile", async () => {
    const late = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    before = () => late;
    await open(stage.desk);
    await press(/^Patron's view$/);
    await press(/^Staff view/);
    await press(/^Patron's view$/);
    expect(asked).toEqual(["staff", "patron"]);
    goOn();
    await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
  });
});

describe("what is first known of a session by its transcript, opened from the audit (R21)", () => {
  const AUDITED = create(AuditedSessionSchema, { sessionId: "s", state: SessionState.ENDED, patronName: "Ricky" });
  const WHOLE = { ...SESSION, endTime: "2026-11-23T12:00:00Z" };
  const OTHER = { ...WHOLE, sessionId: "o", patronName: "Lucy" };
  let reads: string[];
  const close = () => root.querySelector<HTMLElement>("[aria-label='Close the transcript']")?.click();

  /** Opens it from the audit, and waits until it is being read. The answer comes when `goOn` is called. */
  const openFromAudit = async () => {
    reads = [];
    const late = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    vi.stubGlobal("fetch", async (path: string) => {
      if (path.startsWith("/v1/ended-sessions")) return new Response(JSON.stringify({ sessions: [WHOLE, OTHER] }));
      if (path === "/v1/profile") return new Response("{}");
      reads.push(path);
      const isOther = path.startsWith("/v1/sessions/o/");
      if (!isOther) await late;
      return new Response(JSON.stringify({ session: isOther ? OTHER : WHOLE, events: [] }));
    });
    stage.desk.openTranscript(AUDITED);
    render(<Transcripts desk={stage.desk} />, root);
    await until(() => expect(reads).toHaveLength(1));
    await until(() => expect(root.querySelectorAll(".row")).toHaveLength(2));
  };
  /** The answer comes, and time passes. */
  const answered = async () => {
    goOn();
    for (let turn = 0; turn < 5; turn++) await drawn();
  };

  it("does not open it again after it was closed meanwhile, nor is it read, and audited, again", async () => {
    await openFromAudit();
    close();
    await until(() => expect(heading()).toBeNull());
    await answered();
    expect(heading()).toBeNull();
    expect(reads).toHaveLength(1);
  });

  it("does not come before another one that was opened meanwhile", async () => {
    await openFromAudit();
    await press(/Lucy/);
    await until(() => expect(heading()?.textContent).toBe("Lucy"));
    await answered();
    expect(heading()?.textContent).toBe("Lucy");
    expect(reads).toHaveLength(2);
  });
});

describe("the focus of who reads transcripts (D82)", () => {
  it("goes to the transcript that is opened, and back to its session when it is closed", async () => {
    await open(stage.desk);
    expect(heading()?.textContent).toBe("Ricky");
    expect(document.activeElement).toBe(heading());
    root.querySelector<HTMLElement>("[aria-label='Close the transcript']")?.click();
    await until(() => expect(document.activeElement?.className).toBe("row-main"));
    expect(heading()).toBeNull();
  });
});

describe("a session that several librarians owned (D46, D49)", () => {
  const [map, key] = [{ name: "Ms Map" }, { name: "Mr Key" }];
  const by = (name: string) => ({ part: "PART_OWNER", name, librarianId: name });

  const show = async (session: object, shownName = (name: string) => name) => {
    vi.stubGlobal("fetch", async (path: string) => {
      const isPatrons = path.endsWith("audience=patron");
      const author = (name: string) => by(isPatrons ? shownName(name) : name);
      const events = [
        { position: 1, author: author("Ms Map"), pickedUp: {} },
        { position: 2, author: author("Mr Key"), transferred: isPatrons ? {} : { from: by("Ms Map") } },
      ];
      const answer = path.startsWith("/v1/ended-sessions") ? { sessions: [session] } : { session, events };
      return new Response(JSON.stringify(answer));
    });
    await open(stage.desk);
    await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
  };
  const row = () => root.querySelector(".row")?.textContent;
  const facts = () => root.querySelector(".transcript-pane .session-facts")?.textContent;

  it("names all of them, in their order, in the list and in both views", async () => {
    await show({ ...SESSION, formerOwners: [map], owner: key });
    expect(row()).toContain("with Ms Map, then Mr Key, ");
    expect(facts()).toContain("with Ms Map, then Mr Key");
    await press(/^Patron's view$/);
    await until(() => expect(facts()).toContain("with Ms Map, then Mr Key"));
  });

  it("names nobody in the view of a patron who is told no names (R12)", async () => {
    await show({ ...SESSION, formerOwners: [map], owner: key }, () => "Librarian");
    await press(/^Patron's view$/);
    await until(() => expect(root.querySelector("[role=log]")?.textContent).toContain("The librarian joined the chat"));
    expect(facts()).not.toContain("with");
  });

  it("names who had it before it went back to its queue, for a patron who then left", async () => {
    await show({ ...SESSION, formerOwners: [map, key] });
    expect(row()).toContain("with Ms Map, then Mr Key, then the patron left the queue");
  });

  it("says that nobody ended it, for a patron who did not come back (D53)", async () => {
    const endReason = "END_REASON_ABANDONED";
    await show({ ...SESSION, formerOwners: [map, key], endReason });
    expect(row()).toContain("with Ms Map, then Mr Key, then the patron did not come back");
  });

  it("says so of one that a librarian still had, too", async () => {
    await show({ ...SESSION, formerOwners: [map], owner: key, endReason: "END_REASON_ABANDONED" });
    expect(root.querySelector(".row .tag")?.textContent).toBe("Patron did not come back");
  });
});

describe("the patron's e-mail address after the session", () => {
  it("stands above the staff's view, to write to, and not above the patron's", async () => {
    await open(stage.desk);
    const mail = () => root.querySelector(".transcript-pane a");
    expect(mail()?.getAttribute("href")).toBe("mailto:ricky@example.org");
    expect(mail()?.textContent).toBe("ricky@example.org");
    await press(/^Patron's view$/);
    expect(mail()).toBeNull();
  });
});

describe("the notes of a reviewer (R11, D68)", () => {
  const box = () => root.querySelector<HTMLTextAreaElement>(".transcript-pane textarea");
  const shown = () => [...root.querySelectorAll(".transcript-pane .note-text")].map(({ textContent }) => textContent);
  const acts = () => stage.socket.all("act");

  /** The user, of a library without an id, looks at the transcript of a session of this library. */
  const review = async (role: Role, institutionId = "", ownerId = "lee") => {
    stage.end();
    stage = await DeskStage.open({}, role);
    const session = { ...SESSION, institutionId, owner: { librarianId: ownerId } };
    vi.stubGlobal("fetch", async (path: string) => {
      if (!path.includes("transcript")) return new Response(JSON.stringify({ sessions: [session] }));
      asked.push("staff");
      const events = [{ position: "1", opened: { question: "Where?" } }];
      return new Response(JSON.stringify({ session, events }));
    });
    await open(stage.desk);
    await until(() => expect(root.querySelector("[role=log]")).not.toBeNull());
  };

  const write = async (text: string) => {
    const area = box() as HTMLTextAreaElement;
    area.value = text;
    area.dispatchEvent(new Event("input", { bubbles: true }));
    await drawn();
    area.form?.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
    await drawn();
    return acts().at(-1)?.commandId ?? "";
  };

  it("are written below the staff's view, and stand in it without its being read again", async () => {
    await review(Role.ASK_ADMINISTRATOR);
    const commandId = await write("Well answered.");
    expect(acts().at(-1)?.act).toMatchObject({ case: "writeNote", value: { text: "Well answered." } });
    expect(shown()).toEqual(["Well answered."]);
    expect(root.querySelector(".transcript-pane .note")?.textContent).toContain("Sending");
    stage.socket.push({ case: "accepted", value: create(AcceptedSchema, { sessionId: "s", commandId, position: 2n }) });
    await drawn();
    expect(shown()).toEqual(["Well answered."]);
    expect(root.querySelector(".transcript-pane .note")?.textContent).toContain("Ms Map");
    await press(/^Patron's view$/);
    expect([box(), ...shown()]).toEqual([null]);
    await press(/^Staff view/);
    expect(shown()).toEqual(["Well answered."]);
    // Reading one is written to the audit.
    expect(asked).toHaveLength(2);
  });

  it("say why they were refused, and can be taken back into the box", async () => {
    await review(Role.ADMINISTRATOR);
    const commandId = await write("Too late.");
    const refusal = { code: 9, reason: "ENDED", message: "This session has ended." };
    stage.socket.push({ case: "refused", value: create(RefusedSchema, { sessionId: "s", commandId, refusal }) });
    await drawn();
    expect(alert()).toContain("Not sent. This session has ended.");
    await press(/^Edit$|^Discard$/);
    expect(shown()).toEqual([]);
  });

  it("may be of who owned the session last", async () => {
    await review(Role.LIBRARIAN, "", "map");
    expect(root.textContent).toContain("in which you were the last librarian");
    await write("I have sent the map.");
    expect(shown()).toEqual(["I have sent the map."]);
  });

  it("are not offered to who may not write them", async () => {
    await review(Role.ASK_ADMINISTRATOR, "harbor");
    expect(box()).toBeNull();
    render(null, root);
    await review(Role.LIBRARIAN);
    expect(box()).toBeNull();
  });
});

describe("the list of ended sessions while it is open (D71)", () => {
  const named = (sessionId: string, patronName: string, more: object = {}) => ({
    ...SESSION,
    sessionId,
    patronName,
    ...more,
  });
  let listed: object[];

  const names = () => [...root.querySelectorAll(".row-name")].map(({ textContent }) => textContent);
  const button = (name: RegExp) => [...root.querySelectorAll("button")].find((one) => one.textContent?.match(name));
  const status = () => root.querySelector(".news")?.textContent;

  beforeEach(async () => {
    listed = [named("s", "Ricky")];
    vi.stubGlobal("fetch", async (path: string) => {
      if (path.startsWith("/v1/ended-sessions")) return new Response(JSON.stringify({ sessions: listed }));
      return new Response(JSON.stringify({ session: SESSION, events: [] }));
    });
    vi.spyOn(document, "hasFocus").mockReturnValue(true);
    render(<Transcripts desk={stage.desk} />, root);
    await until(() => expect(names()).toEqual(["Ricky"]));
  });

  afterEach(() => vi.restoreAllMocks());

  it("is brought up to date when the user comes back, without moving what they are at", async () => {
    const at = button(/Ricky/);
    at?.focus();
    listed = [
      named("t", "Lola"),
      named("s", "Ricky", { resolution: "RESOLUTION_ANSWERED", owner: { part: "PART_OWNER" } }),
    ];
    dispatchEvent(new Event("focus"));
    await until(() => expect(status()).toBe("Show 1 session that ended since"));
    expect(names()).toEqual(["Ricky"]);
    expect(root.textContent).toContain("Answered");
    expect(document.activeElement).toBe(at);
    await press(/^Show 1/);
    await until(() => expect(names()).toEqual(["Lola", "Ricky"]));
    expect(status()).toBe("");
    await until(() => expect(document.activeElement).toBe(button(/Lola/)));
  });

  it("says which other library has answered, where it was one (D31)", async () => {
    const by = (institutionName: string) => ({ owner: { part: "PART_OWNER", name: "Ms Map", institutionName } });
    listed = [named("t", "Lola", by("Harbor Library")), named("s", "Ricky", by("Maple Library"))];
    await press(/^Refresh$/);
    await until(() => expect(names()).toEqual(["Lola", "Ricky"]));
    expect(button(/Lola/)?.textContent).toContain("Answered by Harbor Library");
    expect(button(/Ricky/)?.textContent).not.toContain("Answered by");
  });

  it("is brought up to date when a session on the desk has ended", async () => {
    stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.MY_ACTIVE }] } });
    await stage.attending();
    listed = [named("t", "Lola"), named("s", "Ricky")];
    expect(status()).toBe("");
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
    await until(() => expect(status()).toBe("Show 1 session that ended since"));
  });

  it("is brought up to date each minute while it is looked at", async () => {
    render(null, root);
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    render(<Transcripts desk={stage.desk} />, root);
    await until(() => expect(names()).toEqual(["Ricky"]));
    listed = [named("t", "Lola"), named("u", "Kim"), named("s", "Ricky")];
    vi.advanceTimersByTime(60_000);
    await until(() => expect(status()).toBe("Show 2 sessions that ended since"));
  });
});
