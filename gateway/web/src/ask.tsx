/** The patron page. */
import { render } from "preact";
import { libraryIn } from "./app/ask/address";
import { PatronChat } from "./app/ask/chat";
import { WidgetLink } from "./app/ask/widget_link";
import { isEmbedded } from "./app/parts/embedded";
import { askBeforeLeaving, isChatUnsent } from "./app/parts/leaving";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/stream.css";
import "./styles/marks.css";
import "./styles/ask.css";
import "./styles/ask_head.css";
import "./styles/ask_frame.css";
import "./styles/ask_short.css";
import { AskPage } from "./view/ask/ask_page";

const practice = new URLSearchParams(location.search).has("practice");
const chat = new PatronChat(libraryIn(location.pathname), practice);
const root = document.getElementById("page");
if (root) render(<AskPage chat={chat} />, root);
askBeforeLeaving(() => isChatUnsent(chat));
if (isEmbedded()) new WidgetLink(chat).begin();
void chat.begin();
