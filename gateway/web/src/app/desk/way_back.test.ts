import { beforeEach, describe, expect, it } from "vitest";
import { type Steps, WayBack } from "./way_back";

/** A history that goes back a little later, as a browser's does. */
class FakeSteps implements Steps {
  readonly states: unknown[] = [null];
  here = 0;
  backs = 0;

  get state(): unknown {
    return this.states[this.here];
  }

  pushState(state: unknown): void {
    this.states.splice(this.here + 1);
    this.here = this.states.push(state) - 1;
  }

  back(): void {
    this.backs += 1;
  }
}

let steps: FakeSteps;
let open: boolean;
let way: WayBack;

beforeEach(() => {
  steps = new FakeSteps();
  open = false;
  begin();
});

function begin(): void {
  const leave = () => turn(false);
  way = new WayBack(() => open, leave, steps);
  way.sync();
}

function turn(to: boolean): void {
  open = to;
  way.sync();
}

/** The browser goes by a step, on the user's word or the page's. */
function go(by: number): void {
  steps.here += by;
  way.arrived();
}

describe("Back, where a session hides the lists", () => {
  it("leads to the lists, and the next one away from the desk", () => {
    turn(true);
    expect(steps.here).toBe(1);
    go(-1);
    expect([open, steps.here, steps.backs]).toEqual([false, 0, 0]);
  });

  it("makes one step, whatever else is opened meanwhile", () => {
    turn(true);
    turn(true);
    expect(steps.states).toHaveLength(2);
  });

  it("has no step left to go once the session is closed on the page", () => {
    turn(true);
    turn(false);
    expect(steps.backs).toBe(1);
    go(-1);
    expect([open, steps.here, steps.backs]).toEqual([false, 0, 1]);
  });

  it("leads to the lists also when the next session is opened before the step is taken back", () => {
    turn(true);
    turn(false);
    turn(true);
    expect(steps.states).toHaveLength(2);
    go(-1);
    expect([open, steps.here]).toEqual([true, 1]);
    go(-1);
    expect(open).toBe(false);
  });

  it("leads to the lists after a reload, where the step is there before the session", () => {
    turn(true);
    open = false;
    begin();
    expect(steps.backs).toBe(0);
    turn(true);
    expect(steps.states).toHaveLength(2);
    go(-1);
    expect(open).toBe(false);
  });

  it("opens nothing when it is taken back", () => {
    turn(true);
    go(-1);
    go(1);
    expect([open, steps.backs]).toEqual([false, 0]);
    turn(true);
    expect(steps.states).toHaveLength(2);
  });
});
