/** Says that the page's content is on its way. */
export function OneMoment() {
  return (
    <section class="quiet" aria-busy="true">
      <span class="spinner" aria-hidden="true" />
      <p>One moment …</p>
    </section>
  );
}
