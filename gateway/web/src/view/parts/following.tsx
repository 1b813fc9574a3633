import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { texts } from "../../texts/texts";
import { Icon } from "./icon";

/** A region that scrolls and stays at its end. */
export interface Following {
  /** The region's element. */
  box: RefObject<HTMLDivElement | null>;
  /** Whether the reader is at the end. */
  atEnd: boolean;
  /** Scrolls to the end, and stays there. */
  toEnd: () => void;
  /** To be called when the region was scrolled, by the reader or by the browser. */
  scrolled: () => void;
}

const NEAR_END = 80;

/**
 * Keeps a region at its end while the reader is there. `key` names what it shows; with a new key it starts at the end.
 */
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
    // The browser scrolls a region whose height changes; with the same height, scrolling up is the reader's.
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

/**
 * A button that goes to the end and says how much is new there. It moves the focus to the region, since it disappears.
 */
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
          {texts().stream.news(news)}
          <span class="visually-hidden">{texts().stream.goToNewest}</span>
        </>
      ) : (
        texts().stream.newest
      )}
    </button>
  );
}
