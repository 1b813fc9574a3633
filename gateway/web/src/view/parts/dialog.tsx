import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import type { Confirmation } from "../../app/parts/confirmation";
import { Announcements } from "./announcements";
import { focusOpenTab } from "./open_tab";

interface DialogProps {
  title: string;
  /** An alert asks for a decision that matters; a screen reader reads it out at once. */
  alert?: boolean;
  /** Called when the user presses Esc. */
  onCancel: () => void;
  children: ComponentChildren;
  class?: string;
}

/** A modal dialog: it holds the focus, and gives it back to where it was. */
export function Dialog({ title, alert = false, onCancel, children, class: extra = "" }: DialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const goes = useRef(false);
  const id = useId();
  // A layout effect: whatever takes the focus as the dialog goes keeps it, even if closing a dialog gives the focus
  // back.
  useLayoutEffect(() => {
    const dialog = ref.current;
    const before = document.activeElement;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>("[data-first]")?.focus();
    return () => {
      goes.current = true;
      dialog?.close();
      // The element that opened it may be gone, as it is right after the log-in: then the open tab gets the focus.
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        if (before instanceof HTMLElement && before !== document.body && before.isConnected) before.focus();
        else focusOpenTab();
      });
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={`dialog ${extra}`}
      role={alert ? "alertdialog" : "dialog"}
      aria-labelledby={`${id}-title`}
      aria-describedby={alert ? `${id}-text` : undefined}
      onCancel={(event) => {
        event.preventDefault();
        onCancel();
      }}
      onClose={() => {
        // Some browsers close a dialog at the second Esc in a row even if `cancel` was prevented: only unmounting
        // closes it.
        if (!goes.current && ref.current?.isConnected && !ref.current.open) ref.current.showModal();
      }}
    >
      <h2 id={`${id}-title`} class="dialog-title">
        {title}
      </h2>
      <div id={`${id}-text`}>{children}</div>
      <Announcements />
    </dialog>
  );
}

interface ConfirmProps extends Confirmation {
  onCancel: () => void;
}

/**
 * Asks before something that cannot be undone. The focus is on the button that cancels, so a stray Enter does nothing.
 */
export function Confirm({ title, text, action, otherwise, onConfirm, onCancel }: ConfirmProps) {
  return (
    <Dialog title={title} alert onCancel={onCancel}>
      <p>{text}</p>
      <div class="dialog-actions">
        <button type="button" class="button" data-first onClick={onCancel}>
          {otherwise}
        </button>
        <button type="button" class="button danger" onClick={onConfirm}>
          {action}
        </button>
      </div>
    </Dialog>
  );
}
