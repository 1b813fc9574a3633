import type { ComponentChildren } from "preact";
import type { PagedList } from "../../app/pages";

interface PagedProps<T> {
  list: PagedList<T>;
  title: string;
  lead: string;
  /** What is said when there is nothing. */
  empty: string;
  children: (entries: readonly T[]) => ComponentChildren;
}

/** A list that comes page by page, with its title, its errors and the way to more. */
export function Paged<T>({ list, title, lead, empty, children }: PagedProps<T>) {
  const entries = list.entries.value;
  return (
    <div class="paged">
      <header class="paged-head">
        <div>
          <h2 class="display">{title}</h2>
          <p class="lead">{lead}</p>
        </div>
        <button type="button" class="button small" aria-disabled={list.busy.value} onClick={() => void list.reload()}>
          Read again
        </button>
      </header>
      {list.error.value && (
        <p class="notice bad" role="alert">
          {list.error.value}
        </p>
      )}
      {entries === undefined && !list.error.value && <p class="quiet-text">Reading …</p>}
      {entries?.length === 0 && <p class="quiet-text">{empty}</p>}
      {entries !== undefined && entries.length > 0 && children(entries)}
      {list.next.value !== "" && (
        <button type="button" class="button" aria-disabled={list.busy.value} onClick={() => void list.more()}>
          {list.busy.value ? "Reading …" : "Show more"}
        </button>
      )}
    </div>
  );
}
