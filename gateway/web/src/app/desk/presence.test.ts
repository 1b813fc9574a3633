import { create } from "@bufbuild/protobuf";
import { signal } from "@preact/signals";
import { beforeEach, describe, expect, it } from "vitest";
import { type Profile, ProfileSchema } from "../../gen/carrel/directory/v1/directory_service_pb";
import { RefusedSchema } from "../../gen/carrel/gateway/v1/frames_pb";
import { type Announcement, OwnPresenceSchema, Status } from "../../gen/carrel/presence/v1/presence_service_pb";
import { serverFrame } from "../../testing/log_server";
import { type ClientFrameInit, clientFrame } from "../../wire";
import type { Link } from "../parts/link";
import { Presence } from "./presence";

let sent: Announcement[];
let goodbyes: number;
let announced: number;
let said: string[];
let monitoring: (readonly string[])[];
let presence: Presence;

/** The part of a link that presence uses. */
const link = {
  send: (init: ClientFrameInit) => {
    const { frame } = clientFrame(init);
    if (frame.case === "announce") sent.push(frame.value);
    if (frame.case === "goodbye") goodbyes += 1;
  },
} as Link;

beforeEach(() => {
  sent = [];
  goodbyes = 0;
  announced = 0;
  said = [];
  monitoring = [];
  const profile = signal<Profile | undefined>(
    create(ProfileSchema, { queues: [{ queueId: "main" }, { queueId: "practice", practice: true }] }),
  );
  presence = new Presence(link, profile, {
    announced: () => {
      announced += 1;
    },
    monitoring: (queueIds) => monitoring.push(queueIds),
    chooseAgain: (why) => said.push(why),
    changed: () => {},
    monitors: (text) => said.push(text),
    say: (text) => said.push(text),
  });
});

function own(queueIds: string[], status = Status.AVAILABLE, monitors = 1): void {
  const value = create(OwnPresenceSchema, { queueIds, status, monitors });
  presence.frame(serverFrame({ case: "ownPresence", value }));
}

function refuse(code: number, reason: string, message = ""): void {
  const refusal = { code, reason, message, metadata: { request: "announce" } };
  presence.frame(serverFrame({ case: "refused", value: create(RefusedSchema, { refusal }) }));
}

const last = () => sent.at(-1);

describe("an open monitor", () => {
  it("says at the log-in only that it is there: no queue is monitored before it is chosen (D27)", () => {
    presence.connected();
    expect(last()?.queues).toBeUndefined();
    own([]);
    expect(sent).toHaveLength(1);
    expect(monitoring).toEqual([]);
  });

  it("has the queues and the status that the server says (R19)", () => {
    presence.connected();
    own([]);
    presence.monitor(["main"]);
    expect(last()?.queues?.queueIds).toEqual(["main"]);
    expect(presence.unconfirmed.value).toBe(true);
    own(["main"]);
    expect(presence.unconfirmed.value).toBe(false);
    presence.setStatus(Status.ACCEPT_NO_NEW);
    expect(last()?.queues?.queueIds).toEqual(["main"]);
    own(["main"], Status.ACCEPT_NO_NEW);
    expect(presence.status.value).toBe(Status.ACCEPT_NO_NEW);
    expect(said).toContain("Your status is Accept no new.");
  });

  it("is the same monitor after a reconnect, and says again what held if its lease ran out", () => {
    presence.connected();
    presence.monitor(["main"]);
    own(["main"]);
    presence.connected();
    expect(last()?.monitorId).toBe(sent[0]?.monitorId);
    expect(last()).toMatchObject({ returning: true, queues: { queueIds: ["main"] }, status: Status.AVAILABLE });
    own(["main"]);
    expect(sent).toHaveLength(3);
  });

  it("makes what it does not know of wait until its announcement on a new connection was answered (R13)", () => {
    presence.connected();
    expect(announced).toBe(0);
    own(["main"]);
    own(["main", "branch"]);
    expect(announced).toBe(1);
    presence.connected();
    refuse(10, "SUPERSEDED");
    expect(announced).toBe(1);
    refuse(14, "PRESENCE_UNAVAILABLE");
    expect(announced, "the server knows that it does not know").toBe(2);
    presence.tick(Date.now() + 60_000);
    expect(last()?.returning).toBe(true);
    own(["main", "branch"]);
    expect(announced).toBe(2);
  });

  it("says again what was under way when the connection broke", () => {
    presence.connected();
    own([]);
    presence.monitor(["main"]);
    presence.connected();
    expect(last()?.queues?.queueIds).toEqual(["main"]);
    expect(last()?.returning).toBe(false);
  });

  it("takes over what was chosen on another monitor, also while it was away (R18)", () => {
    presence.connected();
    presence.monitor(["main"]);
    own(["main"]);
    own(["main", "branch"], Status.BUSY, 2);
    expect(monitoring.at(-1)).toEqual(["main", "branch"]);
    presence.connected();
    own(["branch"], Status.AWAY, 2);
    expect(sent.filter((announcement) => announcement.queues && !announcement.returning)).toHaveLength(1);
    expect(presence.status.value).toBe(Status.AWAY);
    expect(monitoring.at(-1)).toEqual(["branch"]);
    presence.connected();
    own(["main"], Status.BUSY, 1);
    expect(sent.at(-1)?.returning, "chosen on a monitor that was closed since").toBe(true);
    expect(monitoring.at(-1)).toEqual(["main"]);
  });

  it("says that the account is open on several monitors, once (D24)", () => {
    presence.connected();
    own(["main"]);
    own(["main"], Status.AVAILABLE, 2);
    own(["main"], Status.AVAILABLE, 2);
    expect(said.filter((text) => text.includes("2 monitors"))).toHaveLength(1);
  });

  it("says no longer that the account is open on several monitors when it is not", () => {
    presence.connected();
    own(["main"], Status.AVAILABLE, 3);
    own(["main"], Status.AVAILABLE, 2);
    own(["main"]);
    expect(said.map((text) => text.slice(0, 30))).toEqual(["You are logged on at 3 monitor", "", ""]);
  });

  it("is practice when the practice queue is monitored (D36)", () => {
    own(["main"]);
    expect(presence.practising.value).toBe(false);
    own(["practice"]);
    expect(presence.practising.value).toBe(true);
  });

  it("says goodbye when it is left", () => {
    presence.leave();
    expect(goodbyes).toBe(1);
  });
});

describe("a refused announcement", () => {
  it("is made again after a while when it may pass", () => {
    presence.connected();
    presence.monitor(["main"]);
    refuse(14, "PRESENCE_UNAVAILABLE");
    const before = sent.length;
    presence.tick(Date.now());
    expect(sent).toHaveLength(before);
    presence.tick(Date.now() + 60_000);
    expect(last()?.queues?.queueIds).toEqual(["main"]);
    expect(sent).toHaveLength(before + 1);
  });

  it("asks for other queues when it will not pass", () => {
    presence.connected();
    own([]);
    presence.monitor(["main", "practice"]);
    refuse(3, "PRACTICE_MIXED", "Choose one or the other.");
    expect(said).toContain("Choose one or the other.");
    expect(presence.unconfirmed.value).toBe(false);
  });

  it("makes a copied tab a monitor of its own", () => {
    presence.connected();
    refuse(10, "SUPERSEDED");
    expect(last()?.monitorId).not.toBe(sent[0]?.monitorId);
  });
});
