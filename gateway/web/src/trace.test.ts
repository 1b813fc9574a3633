import { expect, test } from "vitest";
import { Visit } from "./trace";

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-00$/;

test("frames of one visit share a trace, and each is a span of its own", () => {
  const visit = new Visit();
  const [one, other] = [visit.frame(), visit.frame()].map((frame) => TRACEPARENT.exec(frame) ?? []);
  expect(one?.[1]).toBeDefined();
  expect(other?.[1]).toBe(one?.[1]);
  expect(other?.[2]).not.toBe(one?.[2]);
  expect(TRACEPARENT.exec(new Visit().frame())?.[1]).not.toBe(one?.[1]);
});
