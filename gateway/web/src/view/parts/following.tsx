import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon";

/** A region that scrolls and stays at its end. */
export interface Following {
  /** Where the region is. */
  box: RefObject<HTMLDivElement | null>;
  /** Whether the reader is at the end. */
  atEnd: boolean;
  /** Goes to the end, and stays there. */
  toEnd: () => void;
  /** Takes up that the region was scrolled, by whomever. */
  scrolled: () => void;
}

const NEAR_END = 80;

/** Stays at the end of a region while the reader is there. `key` is what it shows: another one begins at its end. */
export function useFollowing(key: string): Following {
  const box = useRef<HTMLDivElement>(null);
  const [atEnd, setAtEnd] = useState(true);
  const stays = useRef(true);
  stays.current = atEnd;
  const last = useRef({ top: 0, height: 0 });
  const toEnd = () => {
    const element = box.current;
    if (element) {
      element.scrollTop = element.scrollHeight;
      last.current = { top: element.scrollTop, height: element.clientHeight };
    }
    setAtEnd(true);
  };
  const scrolled = () => {
    if (box.current === null) return;
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    const { top, height } = last.current;
    last.current = { top: scrollTop, height: clientHeight };
    if (scrollHeight - scrollTop - clientHeight < NEAR_END) setAtEnd(true);
    // A region that became lower is scrolled by the browser, and only a reader scrolls back.
    else if (clientHeight === height && scrollTop < top) setAtEnd(false);
  };
  useLayoutEffect(toEnd, [key]);
  // A keyboard on the screen, or a box that grows, must not cover the newest message.
  useLayoutEffect(() => {
    const observer = new ResizeObserver(() => {
      if (stays.current) toEnd();
    });
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, atEnd, toEnd, scrolled };
}

/** The way back to the end, and how much has come there meanwhile. The focus goes along: the button is gone then. */
export function ToEnd({ following, news }: { following: Following; news: number }) {
  if (following.atEnd) return null;
  return (
    <button
      type="button"
      class="button small to-end"
      onClick={() => {
        following.box.current?.focus({ preventScroll: true });
        following.toEnd();
      }}
    >
      <Icon name="down" />
      {news > 0 ? (
        <>
          {news} new<span class="visually-hidden">, go to the newest</span>
        </>
      ) : (
        "Newest"
      )}
    </button>
  );
}
