import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SessionTransferredSchema, TransferOfferedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { TransferOfferSchema } from "../../gen/carrel/session/v1/session_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, ROW } from "../../testing/desk_stage";
import { until } from "../../testing/until";

let stage: DeskStage;

/** The user owns session `s`, which is shown. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
});

afterEach(() => stage.end());

/** Presses Alt, Shift and a key, and returns whether it was one of the desk's shortcuts. */
async function press(code: string): Promise<boolean> {
  const event = new KeyboardEvent("keydown", { code, altKey: true, shiftKey: true, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
  await drawn();
  return event.defaultPrevented;
}

describe("an offer that is no longer to be seen", () => {
  it("takes the focus nowhere when it is the session that is not shown any more", async () => {
    const offer = create(TransferOfferSchema, { offerId: "o1", from: MAP, to: { case: "librarian", value: QUILL } });
    await stage.event({ case: "transferOffered", value: create(TransferOfferedSchema, { offer }) }, MAP);
    (document.activeElement as HTMLElement | null)?.blur();
    stage.desk.unselect();
    await drawn();
    await drawn();
    expect(stage.desk.wantsFocus.value).toBeUndefined();
  });
});

describe("the arrow keys on a tab", () => {
  it("go to the next one, and are the browser's with Alt", async () => {
    const arrow = async (altKey: boolean) => {
      const event = new KeyboardEvent("keydown", { key: "ArrowRight", altKey, bubbles: true, cancelable: true });
      stage.find("main [role=tab][aria-selected=true]", /./)?.dispatchEvent(event);
      await drawn();
      return event.defaultPrevented;
    };
    const list = stage.desk.list.value;
    expect(await arrow(true)).toBe(false);
    expect(stage.desk.list.value).toBe(list);
    expect(await arrow(false)).toBe(true);
    expect(stage.desk.list.value).not.toBe(list);
  });
});

describe("the keys that go to a list, while a session is open", () => {
  const inWindow = (isNarrow: boolean) =>
    vi.spyOn(globalThis, "matchMedia").mockImplementation(
      () => ({ matches: isNarrow }) as MediaQueryList, // Nothing listens to it here.
    );

  afterEach(() => vi.restoreAllMocks());

  it.each([
    ["put it away where it hides the lists", true, undefined],
    ["leave it beside them where there is room", false, "s"],
  ])("%s", async (_, isNarrow, left) => {
    inWindow(isNarrow);
    expect(stage.desk.view.value?.sessionId).toBe("s");
    expect(await press("Digit2")).toBe(true);
    expect(stage.desk.list.value).toBe("mine");
    expect(stage.desk.view.value?.sessionId).toBe(left);
    await until(() => expect(document.activeElement?.id).toBe("tab-list-mine"));
  });
});

describe("the keys that go to a box", () => {
  it.each([
    ["KeyM", "patron-box"],
    ["KeyN", "note-box"],
  ])("lead there from another tab, too: %s", async (code, box) => {
    stage.desk.tab.value = "im";
    await drawn();
    expect(await press(code)).toBe(true);
    expect(stage.desk.tab.value).toBe("chat");
    await until(() => expect(document.activeElement?.id).toBe(box));
  });

  it.each([
    ["KeyM", "patron-box"],
    ["KeyN", "note-box"],
  ])("have led there before the next key can come: %s", async (code, box) => {
    const arrived = press(code);
    // The drawing under way comes before the next key; the effects after it may not.
    await Promise.resolve();
    expect(document.activeElement?.id).toBe(box);
    await arrived;
  });

  it("do nothing where there is no box, and take the focus to none later", async () => {
    await stage.event({ case: "transferred", value: create(SessionTransferredSchema, { from: MAP }) }, QUILL);
    await stage.detached({ code: 9, reason: "NO_LONGER_OWNER" });
    expect(await press("KeyM")).toBe(false);
    expect(stage.desk.wantsFocus.value).toBeUndefined();
  });
});

describe("the keys that turn to another session", () => {
  it("open the next one and the one before, from another tab, too", async () => {
    const mine = { ...ROW, list: SessionList.MY_ACTIVE };
    stage.lists({ case: "snapshot", value: { rows: [mine] } });
    stage.desk.unselect();
    stage.desk.tab.value = "im";
    await drawn();
    for (const key of ["KeyJ", "KeyK"]) {
      expect(await press(key)).toBe(true);
      expect([stage.desk.tab.value, stage.desk.view.value?.sessionId]).toEqual(["chat", "s"]);
    }
  });

  it("do nothing where no session waits for an answer", async () => {
    expect(await press("KeyW")).toBe(false);
  });
});

describe("the key of the scripts", () => {
  it("opens them, and does nothing where there is no session to use them in", async () => {
    expect(await press("KeyS")).toBe(true);
    await until(() => expect(document.getElementById("scripts")).not.toBeNull());
    stage.desk.unselect();
    await drawn();
    expect(await press("KeyS")).toBe(false);
  });
});

describe("the list of the keys", () => {
  it("names All only for those who may open it", async () => {
    stage.desk.ask({ kind: "shortcuts" });
    await drawn();
    const keys = stage.root.querySelector(".shortcuts")?.textContent ?? "";
    expect(keys).toContain("Alt + Shift + 4");
    expect(keys).not.toContain("Alt + Shift + 3");
  });
});
