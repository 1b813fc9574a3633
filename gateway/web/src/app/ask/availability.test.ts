import { create } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Availability, GetAvailabilityResponseSchema } from "../../gen/carrel/presence/v1/presence_service_pb";
import { AvailabilityWatch } from "./availability";

let hidden = false;

beforeEach(() => {
  vi.useFakeTimers();
  hidden = false;
  vi.spyOn(document, "hidden", "get").mockImplementation(() => hidden);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function show(shown: boolean): void {
  hidden = !shown;
  document.dispatchEvent(new Event("visibilitychange"));
}

function answering(...answers: (Availability | "failure")[]) {
  let next = 0;
  return vi.fn(async () => {
    const answer = answers[Math.min(next, answers.length - 1)];
    next += 1;
    if (answer === "failure" || answer === undefined) throw new Error("no answer");
    return create(GetAvailabilityResponseSchema, { availability: answer });
  });
}

const settle = () => vi.advanceTimersByTimeAsync(0);
const pause = () => vi.advanceTimersByTimeAsync(15_000);

describe("the watch over a library's availability (D34)", () => {
  it("asks at once, then about every fifteen seconds, and no longer than anybody wants to know", async () => {
    const wanted = signal(true);
    const ask = answering(Availability.OPEN, Availability.UNSTAFFED, Availability.CLOSED);
    const watch = new AvailabilityWatch("maple", wanted, ask);
    await settle();
    expect(watch.openness.value).toBe("open");
    await pause();
    expect(watch.openness.value).toBe("unstaffed");
    await pause();
    expect(watch.openness.value).toBe("closed");
    wanted.value = false;
    await pause();
    await pause();
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it("asks nothing while nobody looks, and at once when somebody does", async () => {
    const ask = answering(Availability.OPEN);
    new AvailabilityWatch("maple", signal(true), ask);
    await settle();
    show(false);
    await pause();
    await pause();
    expect(ask).toHaveBeenCalledTimes(1);
    show(true);
    await settle();
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it("turns nobody away when the server cannot tell or does not answer", async () => {
    const unknown = new AvailabilityWatch("maple", signal(true), answering(Availability.UNKNOWN));
    const silent = new AvailabilityWatch("maple", signal(true), answering("failure"));
    await settle();
    expect(unknown.openness.value).toBe("open");
    expect(silent.openness.value).toBe("open");
  });

  it("keeps what it knows while it cannot ask, and goes on asking", async () => {
    const ask = answering(Availability.CLOSED, "failure", Availability.OPEN);
    const watch = new AvailabilityWatch("maple", signal(true), ask);
    await settle();
    await pause();
    expect(watch.openness.value).toBe("closed");
    await pause();
    expect(watch.openness.value).toBe("open");
  });
});
