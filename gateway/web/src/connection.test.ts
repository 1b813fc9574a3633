import { describe, expect, it } from "vitest";
import {
  backoff,
  type Connection,
  type ConnectionEffect,
  type ConnectionEvent,
  idle,
  isInDoubt,
  retryAfter,
  step,
} from "./connection";
import { generator } from "./testing/generator";
import type { HeldToken } from "./token";

const TOKEN: HeldToken = { accessToken: "first", expiresAt: 600_000, renewUntil: 36_000_000 };
const FRESH: HeldToken = { accessToken: "second", expiresAt: 1_200_000, renewUntil: 36_000_000 };

/** Returns the connection after the events, and the effects of the last one. */
function through(...events: [number, ConnectionEvent][]): [Connection, ConnectionEffect[]] {
  let connection = idle;
  let effects: ConnectionEffect[] = [];
  for (const [now, event] of events) [connection, effects] = step(connection, event, now, 0.5);
  return [connection, effects];
}

const START: [number, ConnectionEvent] = [0, { kind: "start", token: TOKEN }];
const OPENED: [number, ConnectionEvent] = [10, { kind: "opened" }];
const WELCOME: [number, ConnectionEvent] = [20, { kind: "welcome", silenceLimit: 20_000 }];
const lost = (now: number): [number, ConnectionEvent] => [now, { kind: "closed", code: 1006, reason: "" }];
const tick = (now: number): [number, ConnectionEvent] => [now, { kind: "tick" }];

describe("connecting", () => {
  it("opens a socket, says hello with the token, and is ready at the welcome", () => {
    expect(through(START)[1]).toEqual([{ kind: "open" }]);
    expect(through(START, OPENED)[1]).toEqual([{ kind: "hello", accessToken: "first" }]);
    const [connection, effects] = through(START, OPENED, WELCOME);
    expect(connection.phase.name).toBe("connected");
    expect(effects).toEqual([{ kind: "ready" }]);
  });

  it("gives up an attempt that hangs", () => {
    const [connection, effects] = through(START, tick(11_000));
    expect(connection.phase.name).toBe("waiting");
    expect(effects).toContainEqual({ kind: "close" });
  });
});

describe("coming back (I14)", () => {
  it.each([1001, 1006, 1011, 1012, 4408, 4409, 4429])("comes back after code %i", (code) => {
    const [connection] = through(START, OPENED, WELCOME, [100, { kind: "closed", code, reason: "" }]);
    expect(connection.phase.name).toBe("waiting");
  });

  it.each([1002, 1007, 1009, 4400])("does not come back after code %i, which is its own fault", (code) => {
    const [connection] = through(START, OPENED, WELCOME, [100, { kind: "closed", code, reason: "" }]);
    expect(connection.phase.name).toBe("rejected");
    expect(step(connection, { kind: "tick" }, 1_000_000, 0.5)[0].phase.name).toBe("rejected");
  });

  it("waits as long as the server asks", () => {
    const close: ConnectionEvent = { kind: "closed", code: 1012, reason: "retry_ms=2345" };
    const [connection] = through(START, OPENED, WELCOME, [1_000, close]);
    expect(connection.phase).toEqual({ name: "waiting", retryAt: 3_345, asked: true });
  });

  it("waits longer each time, and never as long as for ever", () => {
    for (let failures = 0; failures < 40; failures += 1) {
      expect(backoff(failures, 0)).toBeGreaterThanOrEqual(250);
      expect(backoff(failures, 0.999)).toBeLessThanOrEqual(20_000);
      expect(backoff(failures + 1, 0.5)).toBeGreaterThanOrEqual(backoff(failures, 0.5));
    }
  });

  it("forgets the failures at a welcome", () => {
    const [connection] = through(START, lost(5), tick(10_000), [10_001, { kind: "opened" }], [10_002, WELCOME[1]]);
    expect(connection.failures).toBe(0);
  });

  it("waits longer each time also when it is let in and sent away at once, until a connection lasts", () => {
    const delays: number[] = [];
    let [connection, now] = [through(START)[0], 0];
    const live = (lasts: number) => {
      now += 1;
      for (const event of [{ kind: "opened" }, WELCOME[1]] as const) [connection] = step(connection, event, now, 0.5);
      now += lasts;
      [connection] = step(connection, { kind: "closed", code: 4429, reason: "" }, now, 0.5);
      if (connection.phase.name !== "waiting") throw new Error(`it is ${connection.phase.name}`);
      delays.push(connection.phase.retryAt - now);
      now = connection.phase.retryAt;
      [connection] = step(connection, { kind: "tick" }, now, 0.5);
    };
    for (let count = 0; count < 5; count += 1) live(100);
    const first = backoff(0, 0.5);
    expect(delays).toEqual([first, 2 * first, 4 * first, 8 * first, 16 * first]);
    live(60_000);
    expect(delays.at(-1)).toBe(first);
  });

  it("tries at once when the user asks for it", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, lost(100), [101, { kind: "try-now" }]);
    expect(connection.phase.name).toBe("opening");
    expect(effects).toEqual([{ kind: "open" }]);
  });

  it("tries soon when the network is back, but not at the same moment as everybody else whose network it is", () => {
    // After many failures, each wait is long.
    const waiting = { ...through(START, OPENED, lost(100))[0], phase: { name: "waiting", retryAt: 20_000 } } as const;
    const attempts = [0.1, 0.5, 0.9].map((random) => {
      const [woken, effects] = step(waiting, { kind: "wake" }, 200, random);
      expect(effects).toEqual([]);
      return woken.phase.name === "waiting" && woken.phase.retryAt;
    });
    expect(attempts).toEqual([300, 700, 1_100]);
    const [late] = step({ ...waiting, phase: { name: "waiting", retryAt: 300 } }, { kind: "wake" }, 200, 0.9);
    expect(late.phase, "no attempt is put off").toEqual({ name: "waiting", retryAt: 300 });
    expect(step(waiting, { kind: "wake" }, 20_000, 0.9)[0].phase.name, "it is due").toBe("opening");
  });

  it("keeps to the wait that the server asked for when the page is shown again, unless the user asks", () => {
    const restart: ConnectionEvent = { kind: "closed", code: 1012, reason: "retry_ms=2500" };
    const [waiting] = through(START, OPENED, WELCOME, [100, restart]);
    expect(step(waiting, { kind: "wake" }, 200, 0)).toEqual([waiting, []]);
    expect(step(waiting, { kind: "try-now" }, 200, 0)[0].phase.name).toBe("opening");
    expect(step(waiting, { kind: "tick" }, 2_600, 0)[0].phase.name).toBe("opening");
  });

  it("ignores the close of a socket that it has given up", () => {
    const [before] = through(START, OPENED, WELCOME, lost(100));
    expect(step(before, { kind: "closed", code: 4401, reason: "" }, 101, 0.5)).toEqual([before, []]);
  });
});

describe("silence", () => {
  it("asks for a sign of life at half of the limit, once", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, tick(10_100));
    expect(effects).toEqual([{ kind: "ping" }]);
    expect(step(connection, { kind: "tick" }, 11_000, 0.5)[1]).toEqual([]);
  });

  it("takes the connection for lost after the limit", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, tick(20_100));
    expect(connection.phase.name).toBe("waiting");
    expect(effects).toEqual([{ kind: "close" }]);
  });

  it("counts from the last frame of any kind", () => {
    const [connection] = through(START, OPENED, WELCOME, [15_000, { kind: "heard" }], tick(30_000));
    expect(connection.phase.name).toBe("connected");
  });
});

describe("a connection in doubt (D60)", () => {
  const DOUBT = (now: number): [number, ConnectionEvent] => [now, { kind: "doubt" }];

  it("asks for a sign of life at once, and once", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, DOUBT(100));
    expect(effects).toEqual([{ kind: "ping" }]);
    expect(isInDoubt(connection)).toBe(true);
    expect(step(connection, { kind: "doubt" }, 200, 0.5)).toEqual([connection, []]);
    expect(step(connection, { kind: "tick" }, 11_000, 0.5)[1]).toEqual([]);
  });

  it("is in doubt no longer when anything is heard", () => {
    const [connection] = through(START, OPENED, WELCOME, DOUBT(100), [150, { kind: "heard" }]);
    expect(connection.phase).toEqual({ name: "connected", lastHeard: 150, pingSent: false });
    expect(step(connection, { kind: "wake" }, 200, 0.5)).toEqual([connection, []]);
  });

  const WAKE = (now: number): [number, ConnectionEvent] => [now, { kind: "wake" }];

  it("is asked once more when the network is back, and stays if it answers", () => {
    const [woken, effects] = through(START, OPENED, WELCOME, DOUBT(100), WAKE(5_000));
    expect([woken.phase.name, effects]).toEqual(["connected", [{ kind: "ping" }]]);
    expect(step(woken, { kind: "wake" }, 5_100, 0.5), "asked once").toEqual([woken, []]);
    expect(step(woken, { kind: "tick" }, 5_900, 0.5)).toEqual([woken, []]);
    const [heard] = step(woken, { kind: "heard" }, 5_950, 0.5);
    expect(step(heard, { kind: "tick" }, 7_000, 0.5)).toEqual([heard, []]);
  });

  it("is replaced if it does not answer soon after that, after a wait that is spread, and lost after the limit otherwise", () => {
    const woken = through(START, OPENED, WELCOME, DOUBT(30_000), WAKE(30_100))[0];
    // The silence limit is over by then, so that nothing is asked.
    expect(woken.phase.name).toBe("waiting");
    const [asked] = through(START, OPENED, WELCOME, DOUBT(15_000), WAKE(15_100));
    for (const random of [0, 0.5, 0.999]) {
      const [waiting, effects] = step(asked, { kind: "tick" }, 16_100, random);
      expect(effects).toEqual([{ kind: "close" }]);
      expect(waiting.phase).toEqual({ name: "waiting", retryAt: 16_100 + backoff(0, random) });
      expect(waiting.shortLived).toBe(0);
    }
    expect(through(START, OPENED, WELCOME, DOUBT(100), tick(20_100))[0].phase.name).toBe("waiting");
  });

  it("counts as short-lived if it is replaced soon after its Welcome, so that each wait is longer", () => {
    let [connection, now] = [through(START)[0], 0];
    const waits = Array.from({ length: 4 }, () => {
      for (const event of [OPENED[1], WELCOME[1], { kind: "doubt" }, { kind: "wake" }] as const)
        [connection] = step(connection, event, now, 0.5);
      now += 1_000;
      [connection] = step(connection, { kind: "tick" }, now, 0.5);
      if (connection.phase.name !== "waiting") throw new Error(`it is ${connection.phase.name}`);
      const wait = connection.phase.retryAt - now;
      now = connection.phase.retryAt;
      [connection] = step(connection, { kind: "tick" }, now, 0.5);
      return wait;
    });
    expect(waits).toEqual([0, 1, 2, 3].map((failures) => backoff(failures, 0.5)));
  });

  it("is nothing that there is no connection", () => {
    const [waiting] = through(START, lost(5));
    expect(step(waiting, { kind: "doubt" }, 10, 0.5)).toEqual([waiting, []]);
  });
});

describe("a frame that cannot be read", () => {
  const GARBLED = (now: number): [number, ConnectionEvent] => [now, { kind: "garbled" }];

  it("is a connection that is broken: it is closed, and tried again after a wait", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, GARBLED(60_000));
    expect(effects).toEqual([{ kind: "close" }]);
    expect(connection.phase).toEqual({ name: "waiting", retryAt: 60_000 + backoff(0, 0.5) });
    expect(step(connection, { kind: "tick" }, 61_000, 0.5)[1]).toEqual([{ kind: "open" }]);
  });

  it("makes the waits longer when it comes again after each Welcome", () => {
    let connection = idle;
    const waits = Array.from({ length: 4 }, (_, round) => {
      const now = round * 60_000;
      for (const event of [{ kind: "start", token: TOKEN }, OPENED[1], WELCOME[1], { kind: "garbled" }] as const) {
        // After the first round a tick reconnects, so nothing is started.
        if (event.kind === "start" && round > 0) [connection] = step(connection, { kind: "tick" }, now, 0.5);
        else [connection] = step(connection, event, now, 0.5);
      }
      return connection.phase.name === "waiting" ? connection.phase.retryAt - now : undefined;
    });
    expect(waits).toEqual([0, 1, 2, 3].map((failures) => backoff(failures, 0.5)));
  });

  it("is one before the Welcome, too", () => {
    expect(through(START, OPENED, GARBLED(20))[0].phase.name).toBe("waiting");
  });
});

describe("tokens", () => {
  const alive = (now: number): [number, ConnectionEvent] => [now, { kind: "heard" }];

  it("renews at half of a token's life, without losing the socket", () => {
    const [connection, effects] = through(START, OPENED, WELCOME, alive(300_500), tick(301_000));
    expect(effects).toEqual([{ kind: "renew-on-socket" }]);
    const [renewed, kept] = step(connection, { kind: "renewed", token: FRESH }, 301_100, 0.5);
    expect(renewed.phase.name).toBe("connected");
    expect(kept).toEqual([{ kind: "keep-token", token: FRESH }]);
    expect(step(renewed, { kind: "tick" }, 302_000, 0.5)[1]).toEqual([]);
  });

  it.each([
    ["slow", 600_000],
    ["fast", -600_000],
  ])("renews at half of a token's life when the local clock is ten minutes %s", (_, ahead) => {
    const token: HeldToken = { ...TOKEN, expiresAt: TOKEN.expiresAt + ahead };
    let [connection] = through([0, { kind: "start", token }], OPENED, WELCOME);
    const renewals: number[] = [];
    for (let now = 1_000; now < 400_000; now += 1_000) {
      connection = step(connection, { kind: "heard" }, now, 0.5)[0];
      const [next, effects] = step(connection, { kind: "tick" }, now, 0.5, ahead);
      connection = next;
      if (effects.some(({ kind }) => kind === "renew-on-socket")) renewals.push(now);
    }
    expect(renewals).toEqual([300_000, 330_000, 360_000, 390_000]);
  });

  it("does not renew without end when the local clock is wrong", () => {
    const old: HeldToken = { ...TOKEN, expiresAt: -1 };
    const renewals = Array.from({ length: 60 }, (_, second) => second * 1_000).reduce<[Connection, number]>(
      ([connection, count], now) => {
        const [heard] = step(connection, { kind: "heard" }, now, 0.5);
        const [next, effects] = step(heard, { kind: "tick" }, now, 0.5);
        const asked = effects.some((effect) => effect.kind === "renew-on-socket");
        if (!asked) return [next, count];
        return [step(next, { kind: "renewed", token: old }, now, 0.5)[0], count + 1];
      },
      [through([0, { kind: "start", token: old }], OPENED, WELCOME)[0], 0],
    )[1];
    expect(renewals).toBeLessThanOrEqual(2);
  });

  it("exchanges a token that the server no longer takes, then connects with the fresh one", () => {
    const bad: ConnectionEvent = { kind: "closed", code: 4401, reason: "" };
    const [renewing, effects] = through(START, OPENED, [30, bad]);
    expect(renewing.phase.name).toBe("renewing");
    expect(effects).toEqual([{ kind: "renew-by-http", accessToken: "first" }]);
    const [opening] = step(renewing, { kind: "renewed", token: FRESH }, 40, 0.5);
    expect(opening.phase.name).toBe("opening");
    expect(step(opening, { kind: "opened" }, 50, 0.5)[1]).toEqual([{ kind: "hello", accessToken: "second" }]);
  });

  it("asks for the log-in when the exchange is refused, or did not help", () => {
    const bad: ConnectionEvent = { kind: "closed", code: 4401, reason: "" };
    expect(through(START, OPENED, [30, bad], [40, { kind: "renewal-refused" }])[0].phase.name).toBe("expired");
    const again = through(
      START,
      OPENED,
      [30, bad],
      [40, { kind: "renewed", token: FRESH }],
      [50, OPENED[1]],
      [60, bad],
    );
    expect(again[0].phase.name).toBe("expired");
  });

  it("exchanges one again that has aged since its exchange, as while the server was away", () => {
    const bad: ConnectionEvent = { kind: "closed", code: 4401, reason: "" };
    const away: ConnectionEvent = { kind: "closed", code: 1006, reason: "" };
    const [waiting] = through(START, OPENED, [30, bad], [40, { kind: "renewed", token: FRESH }], [50, away]);
    const [opening] = step(waiting, { kind: "wake" }, 900_000, 0.5);
    const [greeting] = step(opening, { kind: "opened" }, 900_010, 0.5);
    const [renewing, effects] = step(greeting, bad, 900_020, 0.5);
    expect(renewing.phase.name).toBe("renewing");
    expect(effects).toEqual([{ kind: "renew-by-http", accessToken: "second" }]);
  });

  it("tries again when it is not known whether the exchange succeeded", () => {
    const bad: ConnectionEvent = { kind: "closed", code: 4401, reason: "" };
    expect(through(START, OPENED, [30, bad], [40, { kind: "renewal-failed" }])[0].phase.name).toBe("waiting");
  });
});

describe("retry_ms in a close reason", () => {
  it.each([
    ["retry_ms=2500", 2_500],
    ["restart; retry_ms=10", 10],
    ["", undefined],
    ["retry_ms=", undefined],
    ["retry_ms=-5", undefined],
    ["retry_ms=99999999999", undefined],
    ["xretry_ms=5", undefined],
  ])("reads %j", (reason, expected) => expect(retryAfter(reason)).toBe(expected));
});

describe("any order of events", () => {
  const KINDS: ((random: () => number) => ConnectionEvent)[] = [
    () => ({ kind: "opened" }),
    () => ({ kind: "welcome", silenceLimit: 20_000 }),
    () => ({ kind: "heard" }),
    () => ({ kind: "garbled" }),
    (random) => ({
      kind: "closed",
      code: [1001, 1006, 1012, 4401, 4408][Math.floor(random() * 5)] ?? 1006,
      reason: "",
    }),
    () => ({ kind: "renewed", token: FRESH }),
    () => ({ kind: "renewal-refused" }),
    () => ({ kind: "renewal-failed" }),
    () => ({ kind: "tick" }),
    () => ({ kind: "wake" }),
    () => ({ kind: "try-now" }),
    () => ({ kind: "doubt" }),
  ];

  it("never says hello without a token, and comes back unless the user has to log in", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = generator(seed);
      let [connection] = step(idle, { kind: "start", token: TOKEN }, 0, 0.5);
      let now = 0;
      for (let count = 0; count < 60; count += 1) {
        now += Math.floor(random() * 8_000);
        const event = KINDS[Math.floor(random() * KINDS.length)]?.(random) ?? { kind: "tick" };
        const [next, effects] = step(connection, event, now, random());
        for (const effect of effects) if (effect.kind === "hello") expect(effect.accessToken).not.toBe("");
        connection = next;
      }
      if (connection.phase.name === "expired") continue;
      if (connection.phase.name === "renewing") [connection] = step(connection, { kind: "renewal-failed" }, now, 0.5);
      for (let count = 0; count < 4 && connection.phase.name !== "opening"; count += 1) {
        now += 60_000;
        [connection] = step(connection, { kind: "tick" }, now, 0.5);
      }
      expect(connection.phase.name).toBe("opening");
    }
  });
});
