import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RenewOutcome } from "./api";
import { GatewaySocket } from "./socket";
import { FakeSocket } from "./testing/gateway";
import type { HeldToken } from "./token";

const token = (accessToken: string): HeldToken => ({ accessToken, expiresAt: 0, renewUntil: 0 });

let socket: GatewaySocket;
let kept: string[];
let answer: (outcome: RenewOutcome) => void;

beforeEach(() => {
  vi.stubGlobal("WebSocket", FakeSocket);
  kept = [];
  socket = new GatewaySocket(
    {
      address: "ws://localhost/v1/socket",
      now: () => 0,
      random: () => 0,
      renew: () =>
        new Promise((resolve) => {
          answer = resolve;
        }),
    },
    { changed() {}, ready() {}, frame() {}, token: ({ accessToken }) => kept.push(accessToken) },
  );
  socket.start(token("first"));
  FakeSocket.last?.onclose?.({ code: 4401, reason: "" });
});

afterEach(() => {
  socket.stop();
  vi.unstubAllGlobals();
});

/** The exchange of the token is answered. */
async function answered(outcome: RenewOutcome): Promise<void> {
  answer(outcome);
  await new Promise((resolve) => setTimeout(resolve));
}

const greeted = () => FakeSocket.last?.all("hello").map(({ accessToken }) => accessToken);

describe("the exchange of a token over HTTP", () => {
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
