/** The page for an address that leads nowhere. It stands in its HTML, so that it needs no script; the colours do. */
import "./app/settings";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/index.css";
