import { create } from "@bufbuild/protobuf";
import { afterEach, describe, expect, it } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { SessionEndedSchema } from "../../gen/carrel/session/v1/session_event_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { DeskStage, QUILL, RICKY } from "../../testing/desk_stage";

let stage: DeskStage;

afterEach(() => stage.end());

describe("the mark of a list in which a session has something new", () => {
  const says = (text: string) =>
    stage.event({ case: "message", value: { $typeName: "carrel.session.v1.MessagePosted", text } }, RICKY);
  const marks = () =>
    [...stage.root.querySelectorAll(".list-tabs [role=tab]")]
      .filter((tab) => tab.querySelector(".tab-mark")?.textContent === "1 unread")
      .map((tab) => tab.textContent?.match(/^\D+/)?.[0].trim());

  it("stands where the session is listed: of who owns it, under My Active", async () => {
    stage = await DeskStage.open({ held: ["s"] });
    await stage.attending();
    await says("Hello?");
    expect(marks()).toEqual(["My Active"]);
  });

  it("stands at All for who is inside in conference mode, until the session has ended", async () => {
    stage = await DeskStage.open({ held: ["s"] }, Role.ASK_ADMINISTRATOR);
    await stage.attending(Part.COLLEAGUE);
    await says("Hello?");
    expect(marks()).toEqual(["All"]);
    await stage.event({ case: "ended", value: create(SessionEndedSchema) }, QUILL);
    expect(marks()).toEqual(["My Active"]);
  });
});
