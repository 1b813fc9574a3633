import { Hidden } from "../parts/hidden";

/** The weekdays, from Monday; the first of January 2024 was one. */
const WEEKDAYS = Array.from({ length: 7 }, (_, n) =>
  new Intl.DateTimeFormat(undefined, { weekday: "long" }).format(new Date(2024, 0, 1 + n)),
);

/** How many shades there are besides none. */
const SHADES = 4;

/** When patrons asked: a table of weekdays and hours, the busiest hours with the darkest ground. */
export function AskedTable({ asked }: { asked: readonly (readonly number[])[] }) {
  const most = Math.max(1, ...asked.flat());
  return (
    // Wider than a phone: it scrolls by itself, also by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be within reach of the keyboard
    <section class="table-frame" tabIndex={0} aria-label="When patrons asked">
      <table class="report-table asked-table">
        <caption>When patrons asked</caption>
        <thead>
          <tr>
            <th scope="col">Hour</th>
            {asked[0]?.map((_, hour) => (
              <th key={hour} scope="col">
                {hour}
                <Hidden> o'clock</Hidden>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {asked.map((hours, weekday) => (
            <tr key={WEEKDAYS[weekday]}>
              <th scope="row">{WEEKDAYS[weekday]}</th>
              {hours.map((count, hour) => (
                <td key={hour} class={`shade-${Math.ceil((SHADES * count) / most)}`}>
                  {count === 0 ? <Hidden>0</Hidden> : count}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
