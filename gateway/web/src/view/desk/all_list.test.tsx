import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QueueSchema, Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { WatchDeskResponseSchema } from "../../gen/carrel/presence/v1/presence_service_pb";
import { Part } from "../../gen/carrel/session/v1/session_pb";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, QUILL, ROW } from "../../testing/desk_stage";

let stage: DeskStage;

beforeEach(async () => {
  stage = await DeskStage.open({}, Role.ASK_ADMINISTRATOR);
  stage.desk.list.value = "all";
});

afterEach(() => stage.end());

/** Somebody else's session, in which the user may be inside on another monitor. */
async function listed(callerInside: boolean): Promise<void> {
  const owner = { ...QUILL, part: Part.OWNER };
  stage.lists({ case: "snapshot", value: { rows: [{ ...ROW, list: SessionList.ALL, owner, callerInside }] } });
  await drawn();
}

async function open(): Promise<void> {
  stage.root.querySelector<HTMLElement>(".row-main")?.click();
  await drawn();
}

describe("a session in All", () => {
  it("is entered after the warning (S9)", async () => {
    await listed(false);
    await open();
    expect(stage.desk.asked.value?.kind).toBe("warning");
    expect(stage.socket.all("attend")).toEqual([]);
  });

  it("is shown at once on a further monitor of who is inside, whom the warning would tell what is not true (R18)", async () => {
    await listed(true);
    await open();
    expect(stage.desk.asked.value).toBeUndefined();
    expect(stage.socket.all("attend").map(({ sessionId }) => sessionId)).toEqual(["s"]);
    await stage.attending(Part.COLLEAGUE);
    expect(stage.root.querySelector(".conference-banner")?.textContent).toContain("In Conference Mode");
  });
});

describe("patrons of the library who wait where the supervisor does not watch", () => {
  it("are told of above the sessions, with the way to their queue", async () => {
    const queues = [
      { queueId: "main", name: "Main", primary: true },
      { queueId: "maps", name: "Maps", primary: true },
      { queueId: "theirs", name: "Theirs" },
    ];
    Object.assign(stage.desk.profile.value ?? {}, { queues: queues.map((queue) => create(QueueSchema, queue)) });
    const oldestTime = timestampFromMs(Date.now() - 660_000);
    const waits = (queueId: string) => ({ queueId, waiting: 1, oldestTime, open: true, staffed: false, librarians: 0 });
    const change = {
      case: "snapshot" as const,
      value: { queues: [waits("main"), waits("maps"), waits("theirs")] },
    };
    stage.socket.push({ case: "desk", value: create(WatchDeskResponseSchema, { change }) });
    await listed(false);
    const lines = [...stage.root.querySelectorAll(".waiting-unseen .queue-line")].map(({ textContent }) => textContent);
    expect(lines).toEqual([expect.stringMatching(/^Maps1 waiting, the longest \d+ min.*Nobody there$/)]);
    await stage.click("Watch …");
    expect(stage.desk.asked.value?.kind).toBe("queues");
  });
});
