import type { PageLanguage } from "../../app/ask/page_language";
import { LANGUAGES } from "../../texts/languages";
import { language, texts } from "../../texts/texts";

/** Lets the patron choose the page's language, each by its own name, where the library has several (D84). */
export function LanguageSwitch({ of }: { of: PageLanguage }) {
  const offers = of.offers.value;
  if (offers.length === 0) return null;
  return (
    <nav class="languages" aria-label={texts().head.language}>
      {offers.map((offer) => (
        <button
          key={offer}
          type="button"
          class="language"
          lang={offer}
          aria-pressed={offer === language.value}
          onClick={() => void of.select(offer)}
        >
          {LANGUAGES[offer]}
        </button>
      ))}
    </nav>
  );
}
