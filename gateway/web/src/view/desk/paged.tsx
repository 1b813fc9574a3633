import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { PagedList } from "../../app/parts/pages";

/** The words for a number of new entries, after "Show", and what follows when they are shown. */
interface News {
  words: (count: number) => string;
  onShown: () => void;
}

interface PagedProps<T> {
  list: PagedList<T>;
  /** Whether the desk has its connection. A list that could not be read without it is read when it is back. */
  connected: boolean;
  title: string;
  lead: string;
  /** What narrows the list, above it. */
  tools?: ComponentChildren;
  /** The text for an empty list. */
  empty: string;
  /** The text while entries are being read. */
  progress?: string;
  /** What is said of entries that came since the list was read. */
  news?: News;
  children: (entries: readonly T[]) => ComponentChildren;
}

/** A list that is read page by page, with its title, its errors and a button for more. */
export function Paged<T>(props: PagedProps<T>) {
  const { list, connected, title, lead, tools, empty, progress = "Loading …", news, children } = props;
  const entries = list.entries.value;
  const hasMore = list.next.value !== "";
  const [grown, setGrown] = useState(false);
  const end = useRef<HTMLParagraphElement>(null);
  // Another list begins without its end having been looked for.
  useEffect(() => setGrown(false), [list]);
  useEffect(() => {
    if (connected && list.error.peek() !== "") void list.again();
  }, [list, connected]);
  useEffect(() => {
    // The button that had the focus disappeared with the last page.
    if (!hasMore && document.activeElement === document.body) end.current?.focus();
  }, [hasMore]);
  return (
    <div class="paged">
      <header class="paged-head">
        <div>
          <h2 class="display">{title}</h2>
          <p class="lead">{lead}</p>
          <p class="visually-hidden" role="status">
            {standing(list, empty)}
          </p>
        </div>
        <button type="button" class="button small" aria-disabled={list.busy.value} onClick={() => void list.reload()}>
          Refresh
        </button>
      </header>
      {tools}
      {news && <NewEntries list={list} news={news} />}
      {list.error.value && (
        <p class="notice bad" role="alert">
          {list.error.value}{" "}
          <button type="button" class="link-button" onClick={() => void list.again()}>
            Try again
          </button>
        </p>
      )}
      {entries === undefined && !list.error.value && <p class="quiet-text">{progress}</p>}
      {entries?.length === 0 && <p class="quiet-text">{empty}</p>}
      {entries !== undefined && entries.length > 0 && children(entries)}
      {hasMore && (
        <button
          type="button"
          class="button"
          aria-disabled={list.busy.value}
          onClick={() => {
            setGrown(true);
            void list.more();
          }}
        >
          {list.busy.value ? progress : "Show more"}
        </button>
      )}
      {grown && !hasMore && !list.busy.value && entries !== undefined && (
        <p class="quiet-text" ref={end} tabIndex={-1}>
          That is all.
        </p>
      )}
    </div>
  );
}

/** The button that shows what came since the list was read; screen readers are told that it is there. */
function NewEntries<T>({ list, news: { words, onShown } }: { list: PagedList<T>; news: News }) {
  const count = list.news.value.length;
  return (
    <div class="news" role="status">
      {count > 0 && (
        <button
          type="button"
          class="button small"
          aria-disabled={list.busy.value}
          onClick={() => void list.showNews().then(() => requestAnimationFrame(onShown))}
        >
          Show {words(count)}
        </button>
      )}
    </div>
  );
}

/** How far a list has been read, for screen readers. Errors are announced separately. */
function standing<T>({ busy, error, entries, next }: PagedList<T>, empty: string): string {
  if (busy.value) return "Loading …";
  if (error.value !== "" || entries.value === undefined) return "";
  if (entries.value.length === 0) return empty;
  return `${entries.value.length} shown, ${next.value === "" ? "which is all" : "and there are more"}.`;
}
