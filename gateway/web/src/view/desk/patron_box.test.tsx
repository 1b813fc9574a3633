import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { DeskStage, RICKY, THROW_AWAY } from "../../testing/desk_stage";
import { until } from "../../testing/until";

const ADDRESS = "https://maple.example/maps";
let stage: DeskStage;

/** The user owns session `s`, which is shown, and has typed the address of a web page. */
beforeEach(async () => {
  stage = await DeskStage.openAtWork();
  await stage.click("Web page");
  await stage.types("page-address", ADDRESS);
});

afterEach(() => stage.end());

const isOpen = () => stage.root.querySelector("#page-push") !== null;
const boxHasFocus = () => until(() => expect(document.activeElement?.id).toBe("patron-box"));

describe("the address of a web page that is typed (D60)", () => {
  it.each(["Escape", "Cancel", "Web page"])("is not thrown away by %s without a question", async (way) => {
    if (way === "Escape") await stage.press(way);
    else await stage.click(way);
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    expect(stage.find("dialog", /./)?.textContent).toContain(ADDRESS);
    await stage.answer("Keep writing");
    expect(stage.dialogs).toEqual([]);
    expect(stage.field("page-address").value).toBe(ADDRESS);
    if (way === "Escape") await stage.press(way);
    else await stage.click(way);
    await stage.answer("Throw away");
    expect(isOpen()).toBe(false);
    await boxHasFocus();
    await stage.click("Web page");
    expect(stage.field("page-address").value).toBe("");
  });

  it("is not thrown away for the scripts either", async () => {
    await stage.click("Scripts");
    expect(stage.dialogs).toEqual([THROW_AWAY]);
    await stage.answer("Throw away");
    expect(isOpen()).toBe(false);
    await until(() => expect(document.activeElement?.closest("#scripts")).not.toBeNull());
  });

  it("is there again when another session was looked at meanwhile, and takes no focus", async () => {
    stage.desk.unselect();
    await stage.atWork();
    expect(stage.field("page-address").value).toBe(ADDRESS);
    expect(document.activeElement?.id).not.toBe("page-address");
  });

  it("is shown as not sent when the session ends", async () => {
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, RICKY);
    expect(stage.root.querySelector(".patron-box .unsent")?.textContent).toContain(ADDRESS);
  });

  it("is gone once it is sent, and nothing is asked", async () => {
    await stage.submit("#page-push");
    await boxHasFocus();
    expect(stage.dialogs).toEqual([]);
    await stage.click("Web page");
    expect(stage.field("page-address").value).toBe("");
  });
});

describe("the box for a web page in which nothing is typed", () => {
  it.each(["", "  "])("is closed by Esc at once (%j)", async (typed) => {
    await stage.types("page-address", typed);
    await stage.press("Escape");
    expect(stage.dialogs).toEqual([]);
    expect(isOpen()).toBe(false);
    await boxHasFocus();
  });
});
