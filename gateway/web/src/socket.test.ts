import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RenewOutcome } from "./api";
import { GatewaySocket } from "./socket";
import { FakeSocket } from "./testing/gateway";
import type { HeldToken } from "./token";

const token = (accessToken: string): HeldToken => ({ accessToken, expiresAt: 0, renewUntil: 0 });

let socket: GatewaySocket;
let phases: string[];
let frames: (string | undefined)[];
let clock: number;
let kept: string[];
let answer: (outcome: RenewOutcome) => void;

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  kept = [];
  phases = [];
  frames = [];
  clock = 0;
  socket = new GatewaySocket(
    {
      address: "ws://localhost/v1/socket",
      now: () => clock,
      serverNow: () => clock,
      random: () => 0,
      renew: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    },
    {
      changed: ({ phase }) => phases.push(phase.name),
      ready() {},
      frame: ({ frame }) => frames.push(frame.case),
      token: ({ accessToken }) => kept.push(accessToken),
    },
  );
  socket.start(token("first"));
});

afterEach(() => {
  socket.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answers the renewal of the token. */
async function answered(outcome: RenewOutcome): Promise<void> {
  answer(outcome);
  await new Promise((resolve) => setTimeout(resolve));
}

const greeted = () => FakeSocket.last?.all("hello").map(({ accessToken }) => accessToken);

describe("the exchange of a token over HTTP", () => {
  beforeEach(() => FakeSocket.last?.onclose?.({ code: 4401, reason: "" }));

  it("is followed by another attempt, with the fresh token", async () => {
    await answered({ kind: "renewed", token: token("fresh") });
    FakeSocket.last?.open();
    expect(greeted()).toEqual(["fresh"]);
    expect(kept).toEqual(["fresh"]);
  });

  it("is nothing to who has come in with another token meanwhile", async () => {
    socket.stop();
    socket.start(token("second"));
    await answered({ kind: "renewed", token: token("fresh") });
    FakeSocket.last?.open();
    expect(greeted()).toEqual(["second"]);
    expect(kept).toEqual([]);
  });
});

describe("what comes on the socket and is no frame", () => {
  const garbage: [string, unknown][] = [
    ["bytes that mean nothing", new Uint8Array([0xff, 0xff, 0xff]).buffer],
    ["a frame that was cut off", new Uint8Array([0x0a, 0x7f, 0x01]).buffer],
    ["text", "hello"],
  ];

  it.each(garbage)("breaks the connection, which comes back by itself: %s", (_, data) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    socket.stop();
    socket.start(token("first"));
    const broken = FakeSocket.last as FakeSocket;
    broken.open();
    const closed = vi.spyOn(broken, "close");
    expect(() => broken.receive(data)).not.toThrow();
    expect(phases.at(-1)).toBe("waiting");
    expect(closed).toHaveBeenCalled();
    expect(frames).toEqual(["welcome"]);
    clock = 1_000;
    vi.advanceTimersByTime(1_000);
    expect(FakeSocket.last).not.toBe(broken);
    FakeSocket.last?.open();
    expect(phases.at(-1)).toBe("connected");
  });
});
