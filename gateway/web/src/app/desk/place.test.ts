import { describe, expect, it } from "vitest";
import { Role } from "../../gen/carrel/directory/v1/directory_service_pb";
import { Place, tabsFor } from "./place";

it("A role has its own tabs; every librarian finds what they answered (R16, D68)", () => {
  expect(tabsFor(Role.LIBRARIAN)).toEqual(["chat", "im", "transcripts"]);
  expect(tabsFor(Role.ASK_ADMINISTRATOR)).toEqual(["chat", "im", "transcripts", "reports"]);
  expect(tabsFor(Role.ADMINISTRATOR)).toEqual(["chat", "im", "transcripts", "reports", "audit"]);
});

describe("the way back after a reload (R8)", () => {
  it("is taken as soon as the user may see what was shown", () => {
    const place = new Place();
    place.restore({ tab: "transcripts", list: "all", sessionId: "s" });
    expect(place.tab.value).toBe("chat");
    place.welcomed(Role.ASK_ADMINISTRATOR);
    expect([place.tab.value, place.list.value]).toEqual(["transcripts", "all"]);
    expect(place.sessionId.value).toBeUndefined();
    place.attended("other");
    expect(place.sessionId.value).toBeUndefined();
    place.attended("s");
    expect(place.sessionId.value).toBe("s");
  });

  it("leads nowhere that a librarian's role does not let them (S3)", () => {
    const place = new Place();
    place.restore({ tab: "audit", list: "all" });
    place.welcomed(Role.LIBRARIAN);
    expect([place.tab.value, place.list.value]).toEqual(["chat", "new"]);
    place.welcomed(Role.ADMINISTRATOR);
    expect([place.tab.value, place.list.value]).toEqual(["chat", "new"]);
  });

  it("is remembered also over another reload before it was taken", () => {
    const place = new Place();
    const stored = { tab: "im", list: "mine", sessionId: "s" } as const;
    place.restore(stored);
    expect(place.stored).toEqual(stored);
    place.welcomed(Role.LIBRARIAN);
    expect(place.stored).toEqual(stored);
  });

  it("is given up when the user goes elsewhere, or has lost the session", () => {
    for (const giveUp of [
      (place: Place) => place.show("t"),
      (place: Place) => place.lost("s"),
      (place: Place) => place.clear(),
    ]) {
      const place = new Place();
      place.restore({ tab: "chat", list: "mine", sessionId: "s" });
      giveUp(place);
      const before = place.sessionId.value;
      place.attended("s");
      expect(place.sessionId.value).toBe(before);
    }
  });
});
