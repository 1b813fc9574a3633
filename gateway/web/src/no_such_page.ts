/** The page for an unknown address. Its content is in the HTML and needs no script; the script applies the theme. */
import "./app/parts/settings";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/index.css";
