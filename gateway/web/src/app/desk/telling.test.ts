import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SessionList } from "../../gen/carrel/session/v1/session_service_pb";
import { DeskStage, drawn, MAP, QUILL, ROW } from "../../testing/desk_stage";

const waits = { ...ROW, list: SessionList.NEW, queueIds: ["main"] };
const transferOffer = { offerId: "o", from: QUILL, to: { case: "librarian", value: MAP } } as const;
const offered = { ...ROW, sessionId: "t", patronName: "Ada", list: SessionList.OFFERED, transferOffer };

let stage: DeskStage;

/** Sends a new snapshot of the lists of which only the first, empty part has arrived: both rows are doubtful. */
async function toldAnew(): Promise<void> {
  stage.lists({ case: "snapshot", value: { rows: [] } });
  await drawn();
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "Date"] });
  stage = await DeskStage.open();
  stage.lists({ case: "snapshot", value: { rows: [waits, offered] } });
  await drawn();
});

afterEach(() => stage.end());

const told = () => stage.desk.notices.shown.value.map(({ text }) => text);

describe("a list that is told anew in parts", () => {
  it("calls nobody to whom they know already", async () => {
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    const say = vi.spyOn(stage.desk.announcer, "say");
    await toldAnew();
    vi.advanceTimersByTime(1_000);
    stage.lists({ case: "changed", value: waits });
    stage.lists({ case: "changed", value: offered });
    vi.advanceTimersByTime(4_000);
    expect(ring).not.toHaveBeenCalled();
    expect(say).not.toHaveBeenCalled();
    stage.lists({ case: "changed", value: { ...waits, sessionId: "u" } });
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it("calls to who has gone and comes back, also when the page slept meanwhile", async () => {
    const ring = vi.spyOn(stage.desk.alerts, "ring");
    await toldAnew();
    vi.setSystemTime(Date.now() + 30_000);
    stage.lists({ case: "changed", value: waits });
    expect(ring).toHaveBeenCalledTimes(1);
  });

  it("takes no offer from under the hands of who types why they decline it", async () => {
    const reason = stage.root.querySelector<HTMLInputElement>(".offer input");
    await stage.types(reason?.id ?? "", "I know no");
    await toldAnew();
    expect(document.activeElement).toBe(reason);
    stage.lists({ case: "changed", value: offered });
    vi.advanceTimersByTime(4_000);
    await drawn();
    expect(document.activeElement).toBe(reason);
    expect(reason?.value).toBe("I know no");
    expect(told()).toEqual([]);
  });

  it("leaves an offer aside that was put there", async () => {
    await stage.click("Later: put the offer of Ada aside");
    await toldAnew();
    stage.lists({ case: "changed", value: offered });
    vi.advanceTimersByTime(4_000);
    await drawn();
    expect(stage.root.querySelector(".offer")).toBeNull();
  });

  it("says after a while that an offer is over of which it has told no more", async () => {
    await toldAnew();
    vi.advanceTimersByTime(1_000);
    expect(told()).toEqual([]);
    vi.advanceTimersByTime(2_000);
    expect(told()).toEqual(["Mr Quill's offer of Ada is over."]);
    await drawn();
    expect(stage.root.querySelector(".offer")).toBeNull();
  });
});
