import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { day, machineTime } from "../../time";

/** Whether something stands on another day than what stands before it. */
export function beginsDay(time: Timestamp | undefined, before: Timestamp | undefined): boolean {
  return time !== undefined && day(time) !== day(before);
}

interface DayLineProps {
  time: Timestamp | undefined;
  /** Whether only paper needs it, as the first one where the day stands elsewhere on the screen. */
  onPaper?: boolean;
}

/** The day of what stands below. */
export function DayLine({ time, onPaper = false }: DayLineProps) {
  return (
    <li class={onPaper ? "fact day on-paper" : "fact day"}>
      <time dateTime={machineTime(time).slice(0, 10)}>{day(time)}</time>
    </li>
  );
}
