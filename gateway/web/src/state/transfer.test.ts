import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { RefusalSchema } from "../gen/carrel/refusal/v1/refusal_pb";
import {
  SessionEndedSchema,
  type SessionEvent,
  SessionEventSchema,
  TransferOutcome,
} from "../gen/carrel/session/v1/session_event_pb";
import {
  Part,
  PatronConnection,
  PersonSchema,
  PositionSchema,
  SessionSchema,
  SessionState,
  type TransferOffer,
  TransferOfferSchema,
} from "../gen/carrel/session/v1/session_pb";
import { JoinedSchema } from "../gen/carrel/session/v1/session_service_pb";
import { acceptTransfer } from "./deeds";
import { reduceSession, type SessionInput, type SessionView, unknownSession, unread } from "./session";
import { isHandedOver, mayOffer, newOwnerOf, offerIn, secondsLeft } from "./transfer";

const map = create(PersonSchema, { part: Part.OWNER, name: "Ms Map", librarianId: "map" });
const plat = create(PersonSchema, { part: Part.OWNER, name: "Mr Plat", librarianId: "plat" });

function offer(offerId: string): TransferOffer {
  return create(TransferOfferSchema, { offerId, from: map, to: { case: "librarian", value: plat } });
}

function event(position: number, payload: SessionEvent["payload"], author = map): SessionEvent {
  const one = create(SessionEventSchema, { position: BigInt(position), author });
  one.payload = payload;
  return one;
}

function offered(position: number, offerId: string): SessionEvent {
  const value = { $typeName: "carrel.session.v1.TransferOffered" as const, offer: offer(offerId) };
  return event(position, { case: "transferOffered", value });
}

function closed(position: number, offerId: string): SessionEvent {
  const value = { offerId, outcome: TransferOutcome.LAPSED, reason: "" };
  return event(position, {
    case: "transferClosed",
    value: { $typeName: "carrel.session.v1.TransferClosed", ...value },
  });
}

function transferred(position: number): SessionEvent {
  const value = { $typeName: "carrel.session.v1.SessionTransferred" as const, from: map };
  return event(position, { case: "transferred", value }, plat);
}

function fold(view: SessionView, ...inputs: SessionInput[]): SessionView {
  return inputs.reduce((before, input) => reduceSession(before, input, 1_000)[0], view);
}

/** Returns a session that the user attends, with `head` events already in its log. */
function inHand(part = Part.OWNER, head = 0, owner = map): SessionView {
  const joined = create(JoinedSchema, {
    session: create(SessionSchema, { sessionId: "s", state: SessionState.ACTIVE, owner }),
    head: create(PositionSchema, { epoch: "1", number: BigInt(head) }),
    part,
  });
  return fold(unknownSession("s"), { kind: "attend" }, { kind: "attending", joined });
}

describe("an offer (R15)", () => {
  it("stands from being made to being closed", () => {
    const standing = fold(inHand(), { kind: "event", event: offered(1, "o1") });
    expect(standing.session?.transferOffer?.offerId).toBe("o1");
    expect(fold(standing, { kind: "event", event: closed(2, "o1") }).session?.transferOffer).toBeUndefined();
  });

  it("is not closed by the end of the one before it", () => {
    const inputs = [offered(1, "o1"), offered(2, "o2"), closed(3, "o1")].map(
      (one): SessionInput => ({ kind: "event", event: one }),
    );
    expect(fold(inHand(), ...inputs).session?.transferOffer?.offerId).toBe("o2");
  });

  it("is found among the events by its id, for the words at its end", () => {
    expect(offerIn([offered(1, "o1"), offered(2, "o2")], "o2")?.offerId).toBe("o2");
    expect(offerIn([offered(1, "o1")], "o3")).toBeUndefined();
  });

  it("can be made by the owner of a running session and by nobody else (R6)", () => {
    expect(mayOffer(inHand())).toBe(true);
    expect(mayOffer(inHand(Part.COLLEAGUE))).toBe(false);
    expect(mayOffer(undefined)).toBe(false);
    const ended = event(1, { case: "ended", value: create(SessionEndedSchema) });
    expect(mayOffer(fold(inHand(), { kind: "event", event: ended }))).toBe(false);
  });

  it("counts down to zero and no further", () => {
    const made = create(TransferOfferSchema, { time: timestampFromMs(1_000), lapseTime: timestampFromMs(61_000) });
    expect(secondsLeft(made, 1_000)).toBe(60);
    expect(secondsLeft(made, 60_001)).toBe(1);
    expect(secondsLeft(made, 99_000)).toBe(0);
    expect(secondsLeft(undefined, 1_000)).toBe(0);
    // A clock that is behind adds no time.
    expect(secondsLeft(made, -1_500)).toBe(60);
  });
});

describe("a session that was handed over", () => {
  it("has its new owner, and no offer any more", () => {
    const view = fold(inHand(), { kind: "event", event: offered(1, "o1") }, { kind: "event", event: transferred(2) });
    expect(view.session?.owner?.name).toBe("Mr Plat");
    expect(view.session?.transferOffer).toBeUndefined();
  });

  it("is as long as it was: its length counts from the pick-up (R15)", () => {
    const at = (ms: number, one: SessionEvent) => Object.assign(one, { time: timestampFromMs(ms) });
    const pickedUp = event(1, { case: "pickedUp", value: { $typeName: "carrel.session.v1.SessionPickedUp" } });
    const view = fold(
      inHand(),
      { kind: "event", event: at(60_000, pickedUp) },
      { kind: "event", event: at(240_000, transferred(2)) },
    );
    expect(view.session?.pickUpTime).toEqual(timestampFromMs(60_000));
  });

  const ends = (reason: string, metadata = {}): SessionInput => ({
    kind: "detached",
    refusal: create(RefusalSchema, { code: 9, reason, metadata }),
  });

  it("stays with all its words until it is put away, and says who has it", () => {
    for (const reason of ["NO_LONGER_OWNER", "NOT_INSIDE"]) {
      const view = fold(inHand(), { kind: "event", event: transferred(1) }, ends(reason));
      expect(isHandedOver(view)).toBe(true);
      expect(newOwnerOf(view)).toBe("Mr Plat");
      expect(view.events).toHaveLength(1);
      expect(mayOffer(view)).toBe(false);
    }
  });

  it("is known as such to who was away when it was accepted", () => {
    const away = fold(inHand(), { kind: "event", event: offered(1, "o1") }, { kind: "disconnected" });
    const view = fold(away, { kind: "attend" }, ends("NO_LONGER_OWNER", { owner: "Mr Plat" }));
    expect(isHandedOver(view)).toBe(true);
    expect(newOwnerOf(view)).toBe("Mr Plat");
  });

  it("is not one that was lost, also after it was accepted from somebody", () => {
    expect(isHandedOver(fold(inHand(), ends("NO_LONGER_OWNER", { owner: "Mr Plat" })))).toBe(false);
    const accepted = fold(inHand(Part.OWNER, 1, plat), { kind: "event", event: transferred(1) });
    expect(isHandedOver(fold(accepted, ends("NO_LONGER_OWNER")))).toBe(false);
  });

  it("is in hand again when it comes back", () => {
    const gone = fold(inHand(), { kind: "event", event: transferred(1) }, ends("NO_LONGER_OWNER"));
    const deed = acceptTransfer("o2");
    const back = fold(gone, { kind: "send", commandId: "c", deed }, { kind: "accepted", commandId: "c", position: 0 });
    expect(isHandedOver(back)).toBe(false);
    expect(back.wanted).toBe(true);
  });
});

describe("the facts of a session", () => {
  it("are not set back by history that they already tell of", () => {
    const view = inHand(Part.OWNER, 3, plat);
    const returned = event(1, { case: "returned", value: { $typeName: "carrel.session.v1.SessionReturned" } });
    for (const one of [returned, offered(2, "o1"), transferred(3)]) {
      const next = fold(view, { kind: "event", event: one });
      expect(next.session?.owner?.name).toBe("Mr Plat");
      expect(next.session?.transferOffer).toBeUndefined();
    }
  });

  it("say whether the patron is there (R8, D50)", () => {
    const value = { connection: PatronConnection.LOST };
    const lost = event(1, {
      case: "patronConnection",
      value: { $typeName: "carrel.session.v1.PatronConnectionChanged", ...value },
    });
    const view = fold(inHand(), { kind: "event", event: lost });
    expect(view.session?.patronConnection).toBe(PatronConnection.LOST);
    // It is not counted as a new message.
    expect(unread(view, () => false)).toBe(0);
  });
});
