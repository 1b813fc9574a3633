import { texts } from "../../texts/texts";

/** Says that the page's content is on its way. */
export function OneMoment() {
  return (
    <section class="quiet" aria-busy="true">
      <span class="spinner" aria-hidden="true" />
      <p>{texts().page.oneMoment}</p>
    </section>
  );
}
