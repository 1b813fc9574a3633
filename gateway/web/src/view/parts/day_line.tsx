import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { day, machineTime } from "../../time";

/** Whether an item is of another day than the one before it. */
export function beginsDay(time: Timestamp | undefined, before: Timestamp | undefined): boolean {
  return time !== undefined && day(time) !== day(before);
}

interface DayLineProps {
  time: Timestamp | undefined;
  /** Whether it is only for print, as the first one is where the screen shows the day elsewhere. */
  onPaper?: boolean;
}

/** Shows the day of the items below. */
export function DayLine({ time, onPaper = false }: DayLineProps) {
  return (
    <li class={onPaper ? "fact day on-paper" : "fact day"}>
      <time dateTime={machineTime(time).slice(0, 10)}>{day(time)}</time>
    </li>
  );
}
