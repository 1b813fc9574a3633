import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { type SessionEvent, SessionEventSchema } from "../gen/carrel/session/v1/session_event_pb";
import { Part, PersonSchema, type Session, SessionSchema, SessionState } from "../gen/carrel/session/v1/session_pb";
import { ownedBy, ownersIn, ownersOf, wasUnowned } from "./owners";

type Kind = "pickedUp" | "transferred" | "returned";

function by(kind: Kind, name: string, librarianId = ""): SessionEvent {
  const event = create(SessionEventSchema, { author: { name, librarianId } });
  const $typeName = { pickedUp: "SessionPickedUp", transferred: "SessionTransferred", returned: "SessionReturned" }[
    kind
  ];
  return Object.assign(event, { payload: { case: kind, value: { $typeName: `carrel.session.v1.${$typeName}` } } });
}

const names = (people: readonly { name: string }[]) => people.map(({ name }) => name);

describe("who owned a session (D49)", () => {
  it("is told by its events: each once, in the order in which they last had it", () => {
    const events = [
      by("pickedUp", "Ms Map", "map"),
      by("transferred", "Mr Key", "key"),
      by("returned", "Mr Key", "key"),
      by("pickedUp", "Dr Pine", "pine"),
      by("transferred", "Ms Map", "map"),
    ];
    expect(names(ownersIn(events.slice(0, 1)))).toEqual(["Ms Map"]);
    expect(names(ownersIn(events))).toEqual(["Mr Key", "Dr Pine", "Ms Map"]);
  });

  it("is one librarian to a patron who is told nobody's name (R12)", () => {
    expect(names(ownersIn([by("pickedUp", "Librarian"), by("transferred", "Librarian")]))).toEqual(["Librarian"]);
  });

  it("is known to staff at once when it changes, and no list of it is made for a patron", () => {
    const step = (session: Session, name: string | undefined, librarianId = "") =>
      Object.assign(session, ownedBy(session, name ? create(PersonSchema, { name, librarianId }) : undefined));
    const staff = create(SessionSchema);
    for (const id of ["map", "key", undefined, "map"]) step(staff, id, id);
    expect([names(staff.formerOwners), staff.owner?.name]).toEqual([["key"], "map"]);
    expect(staff.formerOwners[0]?.part).toBe(Part.COLLEAGUE);
    const patrons = create(SessionSchema);
    for (const name of ["Librarian", undefined, "Librarian"]) step(patrons, name);
    expect([patrons.formerOwners, patrons.owner?.name]).toEqual([[], "Librarian"]);
  });

  it("is told by what staff know of it, also when nobody owns it at the end", () => {
    const [map, key] = [{ name: "Ms Map" }, { name: "Mr Key" }];
    expect(names(ownersOf(create(SessionSchema, { formerOwners: [map], owner: key })))).toEqual(["Ms Map", "Mr Key"]);
    expect(names(ownersOf(create(SessionSchema, { formerOwners: [map] })))).toEqual(["Ms Map"]);
  });

  it("was nobody only if the patron left before any librarian came", () => {
    const ended = { state: SessionState.ENDED };
    expect(wasUnowned(create(SessionSchema, ended))).toBe(true);
    expect(wasUnowned(create(SessionSchema, { state: SessionState.WAITING }))).toBe(false);
    expect(wasUnowned(create(SessionSchema, { ...ended, owner: { name: "Ms Map" } }))).toBe(false);
    expect(wasUnowned(create(SessionSchema, { ...ended, formerOwners: [{ name: "Ms Map" }] }))).toBe(false);
    expect(wasUnowned(create(SessionSchema, { ...ended, firstPickUpTime: { seconds: 1n } }))).toBe(false);
  });
});
