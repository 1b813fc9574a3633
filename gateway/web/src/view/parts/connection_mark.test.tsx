import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeSocket } from "../../testing/gateway";
import { PatronPage } from "../../testing/patron_page";

let page: PatronPage;
let clock: number;

/** Lets seconds pass for the page, one by one. */
async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock += 1_000;
    vi.advanceTimersByTime(1_000);
  }
  await page.drawn();
}

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  clock = Date.now();
  vi.spyOn(Date, "now").mockImplementation(() => clock);
  page = await PatronPage.open(true);
  await page.chats();
});

afterEach(() => {
  page.close();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const says = () => page.root.querySelector("[aria-label=Connection]")?.textContent;
const pings = () => FakeSocket.last?.all("ping").length;
const answers = () =>
  FakeSocket.last?.push({ case: "pong", value: { $typeName: "carrel.gateway.v1.Pong", number: 1n } });

describe("the state of the connection in the head (D60)", () => {
  it("is in doubt while the device has no network, until something is heard", async () => {
    dispatchEvent(new Event("offline"));
    expect(pings()).toBe(1);
    await pass(1);
    expect(says()).toBe("Checking the connection …");
    answers();
    await page.drawn();
    expect(says()).toBe("Connected");
  });

  it("does not flicker when the answer comes at once", async () => {
    dispatchEvent(new Event("offline"));
    await page.drawn();
    expect(says()).toBe("Connected");
    answers();
    await pass(2);
    expect(says()).toBe("Connected");
  });

  it("is in doubt when a message has no answer and nothing else is heard, and not when only the answer is late", async () => {
    await page.types("message", "Hello");
    page.chat.send();
    await pass(4);
    expect(pings()).toBe(0);
    await pass(3);
    expect(pings()).toBe(1);
    expect(says()).toBe("Checking the connection …");
    answers();
    await pass(3);
    expect(says()).toBe("Connected");
    expect(pings()).toBe(1);
  });

  it("keeps its connection when the network is back at once and the gateway answers", async () => {
    const before = FakeSocket.last;
    dispatchEvent(new Event("offline"));
    dispatchEvent(new Event("online"));
    expect(pings()).toBe(2);
    answers();
    await pass(5);
    expect(FakeSocket.last).toBe(before);
    expect(says()).toBe("Connected");
  });

  it("connects anew soon after the network is back if the gateway does not answer", async () => {
    const before = FakeSocket.last;
    dispatchEvent(new Event("offline"));
    dispatchEvent(new Event("online"));
    await page.drawn();
    expect(FakeSocket.last).toBe(before);
    await pass(3);
    expect(FakeSocket.last).not.toBe(before);
    FakeSocket.last?.open();
    await page.drawn();
    expect(says()).toBe("Connected");
  });
});
