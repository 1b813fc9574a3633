import { useRef } from "preact/hooks";
import type { Desk } from "../../app/desk/desk";
import type { Notice } from "../../app/desk/notices";
import { Icon } from "../parts/icon";
import { useFocusAfter } from "../parts/open_tab";

/** The desk's short messages. They stay while the pointer or the focus is on one of them. */
export function Notices({ desk }: { desk: Desk }) {
  if (desk.notices.shown.value.length === 0) return null;
  return <Shown desk={desk} />;
}

function Shown({ desk }: { desk: Desk }) {
  const region = useRef<HTMLElement>(null);
  useFocusAfter(region);
  const shown = desk.notices.shown.value;
  const hold = () => desk.notices.hold(true);
  const letGo = () => {
    const { current } = region;
    desk.notices.hold(current !== null && (current.matches(":hover") || current.contains(document.activeElement)));
  };
  return (
    <aside
      ref={region}
      aria-label="Messages of the desk"
      onPointerEnter={hold}
      onPointerLeave={letGo}
      onFocusIn={hold}
      // The focus has arrived elsewhere only after this event.
      onFocusOut={() => setTimeout(letGo)}
    >
      <ul class="notices">
        {shown.map((notice) => (
          <Toast
            key={notice.id}
            notice={notice}
            onClose={() => {
              desk.notices.remove(notice.id);
              // Not every browser fires an event when the element that has the focus is removed.
              setTimeout(letGo);
            }}
          />
        ))}
        {shown.length > 1 && (
          <li key="all">
            <button type="button" class="button small close-all" onClick={() => desk.notices.clear()}>
              Close all messages
            </button>
          </li>
        )}
      </ul>
    </aside>
  );
}

function Toast({ notice, onClose }: { notice: Notice; onClose: () => void }) {
  const toast = useRef<HTMLLIElement>(null);
  // It also disappears by itself, after a while.
  useFocusAfter(toast);
  return (
    <li class={`toast ${notice.tone}`} ref={toast}>
      <span>{notice.text}</span>
      <button type="button" class="icon-button" aria-label="Close this message" onClick={onClose}>
        <Icon name="close" />
      </button>
    </li>
  );
}
