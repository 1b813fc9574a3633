/**
 * The widget's own words. All languages are in the one file that a site loads, since a plain script can't fetch a part
 * of itself, and there are few words.
 */
import type { Language } from "../texts/languages";

/** What the widget says in one language. */
export interface WidgetWords {
  /** The words on the button of a site that chooses none. */
  label: string;
  back: string;
  minimise: string;
  trouble: string;
  newTab: string;
  unread: (count: number) => string;
}

/** The words by language. */
export const WIDGET_WORDS: Readonly<Record<Language, WidgetWords>> = {
  en: {
    label: "Ask a librarian",
    back: "Back to your chat",
    minimise: "Minimise",
    trouble: "The chat can't be shown here at the moment.",
    newTab: "Open it in a new tab",
    unread: (count) => (count === 1 ? "1 new message" : `${count} new messages`),
  },
  es: {
    label: "Pregunte a la biblioteca",
    back: "Volver a su chat",
    minimise: "Minimizar",
    trouble: "En este momento no se puede mostrar el chat aquí.",
    newTab: "Abrirlo en otra pestaña",
    unread: (count) => (count === 1 ? "1 mensaje nuevo" : `${count} mensajes nuevos`),
  },
  fr: {
    label: "Demandez à la bibliothèque",
    back: "Revenir à votre chat",
    minimise: "Réduire",
    trouble: "Le chat ne peut pas être affiché ici en ce moment.",
    newTab: "L’ouvrir dans un nouvel onglet",
    unread: (count) => (count === 1 ? "1 nouveau message" : `${count} nouveaux messages`),
  },
  de: {
    label: "Fragen Sie die Bibliothek",
    back: "Zurück zu Ihrem Chat",
    minimise: "Verkleinern",
    trouble: "Der Chat kann hier im Moment nicht gezeigt werden.",
    newTab: "In einem neuen Tab öffnen",
    unread: (count) => (count === 1 ? "1 neue Nachricht" : `${count} neue Nachrichten`),
  },
};
