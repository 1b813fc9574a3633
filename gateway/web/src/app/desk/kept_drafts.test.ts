import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemberSchema } from "../../gen/carrel/im/v1/im_service_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part, SessionState } from "../../gen/carrel/session/v1/session_pb";
import { DeskStage, drawn, MAP } from "../../testing/desk_stage";
import { FakeSocket } from "../../testing/gateway";
import { isDeskUnsent } from "../parts/leaving";

const KEY = "carrel.desk.drafts";
const kept = () => sessionStorage.getItem(KEY);

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.openAtWork();
});

afterEach(() => stage.end());

/** Loads the page again, as whoever is logged in, with session `s` still theirs. */
async function reload(): Promise<void> {
  stage.close();
  stage = await DeskStage.again();
  await stage.attending();
  await drawn();
}

/** Writes to a librarian for the first time. */
const QUILL = { librarianId: "quill", screenName: "Mr Quill", institutionName: "Harbor" };
function typesToQuill(text: string): void {
  const row = QUILL as Parameters<typeof stage.desk.im.start>[0];
  stage.desk.im.start(row);
  const thread = stage.desk.im.thread.value;
  if (thread === undefined) throw new Error("no thread");
  stage.desk.im.type(thread, text);
}

describe("what a librarian has begun to type (D60)", () => {
  it("is back in its boxes after a reload, which the page therefore does not ask about", async () => {
    await stage.types("patron-box", "The map of 18");
    await stage.types("note-box", "Ask Ms P");
    expect(isDeskUnsent(stage.desk)).toBe(false);
    await reload();
    expect(stage.field("patron-box").value).toBe("The map of 18");
    expect(stage.field("note-box").value).toBe("Ask Ms P");
    expect(stage.desk.drafts.of("s").begun).toBeGreaterThan(0);
  });

  it("is back in the conversation with a librarian to whom nothing was sent yet", async () => {
    typesToQuill("Do you kn");
    expect(isDeskUnsent(stage.desk)).toBe(false);
    await reload();
    const [thread] = [...stage.desk.im.conversations.value.threads.values()];
    expect(thread?.counterpart).toEqual({ kind: "librarian", member: create(MemberSchema, QUILL) });
    expect(stage.desk.im.draftOf(thread?.key ?? "")).toBe("Do you kn");
  });

  it("still says that it may have been sent", async () => {
    stage.desk.writing.type("s", { patron: "Hello", doubtful: new Set(["patron"]) });
    await reload();
    expect(stage.desk.drafts.of("s").doubtful).toEqual(new Set(["patron"]));
  });

  it("is gone once it was sent", async () => {
    await stage.types("patron-box", "Hello");
    await stage.types("note-box", "A note");
    expect(kept()).not.toBeNull();
    stage.desk.writing.sendToPatron("s");
    stage.desk.writing.sendNote("s");
    expect(kept()).toBeNull();
    typesToQuill("Hello");
    expect(kept()).toContain("Hello");
    stage.desk.im.send("librarian/quill");
    expect(kept()).toBeNull();
  });

  it("is gone with the end for the patron, and later for staff with the session", async () => {
    await stage.types("patron-box", "A word for Ricky");
    await stage.types("note-box", "A word for staff");
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, MAP);
    expect(stage.desk.view.value?.session?.state).toBe(SessionState.ENDED);
    expect(kept()).not.toContain("A word for Ricky");
    expect(kept()).toContain("A word for staff");
    // It is on the page as long as that is open.
    expect(stage.desk.drafts.of("s").patron).toBe("A word for Ricky");
    expect(isDeskUnsent(stage.desk)).toBe(true);
    stage.desk.dismiss("s");
    expect(kept()).toBeNull();
  });

  it("is gone when the librarian logs out", async () => {
    await stage.types("patron-box", "Hello");
    typesToQuill("Hello");
    stage.desk.logOut();
    expect(kept()).toBeNull();
  });

  it("is not kept of what belongs to a dialog, about which the page asks", async () => {
    await stage.types("patron-box", "Hello");
    stage.desk.drafts.change("s", { offer: "Take over?" });
    expect(isDeskUnsent(stage.desk)).toBe(true);
    expect(kept()).not.toContain("Take over?");
  });
});

describe("what somebody else has begun to type on this computer", () => {
  it("is neither shown to another librarian nor there for the first one afterwards", async () => {
    await stage.types("patron-box", "A secret");
    typesToQuill("Another secret");
    stage.close();
    // The log-in had expired, and another librarian logs in: Ms Map's drafts are in the tab, and not in the page's memory.
    vi.stubGlobal("fetch", async () => {
      const token = { accessToken: "t", expireTime: "2099-01-01T00:00:00Z", renewUntilTime: "2099-01-01T00:00:00Z" };
      return new Response(JSON.stringify({ token, profile: { librarianId: "lee", screenName: "Mr Lee" } }));
    });
    stage = DeskStage.loggedOut();
    FakeSocket.profile = { ...FakeSocket.profile, librarianId: "lee", screenName: "Mr Lee" };
    expect(kept()).toContain("A secret");
    expect(await stage.desk.logIn("lee", "x")).toBeUndefined();
    expect(kept()).toBeNull();
    await stage.greet();
    await stage.attending(Part.COLLEAGUE);
    expect(stage.desk.drafts.any).toBe(false);
    expect(stage.desk.im.hasDrafts).toBe(false);
    expect(kept()).toBeNull();
  });

  it("is not shown where the browser has kept it damaged", async () => {
    for (const damaged of ["", "{}", "[]", '{"librarianId":"map","sessions":[{}],"im":[]}', '{"librarianId":"map"}']) {
      sessionStorage.setItem(KEY, damaged);
      await reload();
      expect(stage.desk.drafts.any).toBe(false);
    }
  });
});

describe("a browser that keeps nothing", () => {
  it("has the page ask before it is left", async () => {
    const stored = sessionStorage;
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => stored.getItem(key),
      removeItem: (key: string) => stored.removeItem(key),
      setItem: () => {
        throw new DOMException("The quota has been exceeded.", "QuotaExceededError");
      },
    });
    await stage.types("patron-box", "Hello");
    expect(isDeskUnsent(stage.desk)).toBe(true);
    vi.unstubAllGlobals();
  });
});
