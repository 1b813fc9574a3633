import type { ComponentChildren } from "preact";

interface TabsProps<Id extends string> {
  label: string;
  class?: string;
  /**
   * Stands before a tab's id in the element ids: `tab-<prefix><id>` for the tab, `panel-<prefix><id>` for its panel.
   */
  idPrefix: string;
  tabs: readonly { id: Id; label: ComponentChildren }[];
  selected: Id;
  onSelect: (id: Id) => void;
}

/** A row of tabs. The arrow keys, Home and End go from one to another. */
export function Tabs<Id extends string>({
  label,
  class: extra = "",
  idPrefix,
  tabs,
  selected,
  onSelect,
}: TabsProps<Id>) {
  const move = (event: KeyboardEvent) => {
    // With one of these modifiers an arrow key is the browser's: Alt+Left goes back in its history.
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const here = tabs.findIndex((tab) => tab.id === selected);
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
    const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
    if (next === undefined) return;
    event.preventDefault();
    onSelect(next.id);
    document.getElementById(`tab-${idPrefix}${next.id}`)?.focus();
  };
  return (
    <div class={`tabs ${extra}`} role="tablist" aria-label={label} onKeyDown={move}>
      {tabs.map((tab) => (
        <button
          key={tab.id}
          type="button"
          role="tab"
          id={`tab-${idPrefix}${tab.id}`}
          aria-controls={`panel-${idPrefix}${tab.id}`}
          aria-selected={tab.id === selected}
          tabIndex={tab.id === selected ? 0 : -1}
          class="tab"
          onClick={() => onSelect(tab.id)}
        >
          {tab.label}
        </button>
      ))}
    </div>
  );
}
