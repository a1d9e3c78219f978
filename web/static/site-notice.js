/* The site notice. A page includes it with its member's token:
     <script src="https://policies.example.com/site-notice.js" data-token="…" defer></script>
   It asks only where it came from. Under a strict content policy it needs that origin in script-src and connect-src:
   styles come as a constructed sheet inside a shadow root, and nothing is ever parsed as HTML. Whatever fails, the
   page stays as it was. */
(() => {
  "use strict";

  const script = document.currentScript;
  const token = script && script.dataset.token;
  if (!token || !window.fetch || !Element.prototype.attachShadow) return;

  const IN_VIEW = 2000; // milliseconds without a break until it counts as shown
  const PARTS = [0, 0.25, 0.5, 0.75, 1]; // of it in view, at which the browser is to look

  const LOOK = `
    :host { all: initial; display: block; }
    section { --paper: #fff; --ink: #1b1e1c; --soft: #535852; --edge: #84897f; --accent: #0c5a49; --on: #fff;
      box-sizing: border-box; padding: 18px 24px 20px; border: 1px solid var(--edge); border-top: 4px solid var(--accent);
      background: var(--paper); color: var(--ink);
      font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif; }
    h2 { margin: 0; font: 700 20px/1.3 Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif; }
    p { margin: 6px 0 0; max-width: 42rem; }
    .when { font-weight: 600; }
    .deeds { display: flex; flex-wrap: wrap; align-items: center; gap: 10px 20px; margin-top: 14px; }
    a { color: var(--accent); text-underline-offset: 0.2em; padding-block: 10px; }
    button { min-height: 44px; padding: 8px 16px; border: 1px solid var(--accent); border-radius: 3px; cursor: pointer;
      background: var(--accent); color: var(--on); font-family: inherit; font-size: 15px; font-weight: 600; line-height: 1.3; }
    button.quiet { background: var(--paper); border-color: var(--edge); color: var(--ink); }
    a.main { font-weight: 600; }
    a:focus-visible, button:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    h2, p { overflow-wrap: anywhere; }
    @media (prefers-color-scheme: dark) {
      section { --paper: #131615; --ink: #e6e8e3; --soft: #b3b8b0; --edge: #737a72; --accent: #74c9b1; --on: #06231b; }
    }
    @media (max-width: 480px) { section { padding-inline: 16px; } }
    @media print { :host { display: none; } }`;

  async function ask(what, notice) {
    const answer = await fetch(new URL(`site-notice/${what}`, script.src), {
      method: "POST",
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
      keepalive: what !== "pending", // so that it arrives though the reader goes on to another page
      headers: { "Content-Type": "text/plain" },
      body: JSON.stringify({ token, notice }),
    });
    return answer.ok ? answer.json() : null;
  }

  const tell = (what, notice) => ask(what, notice).catch(() => null);

  function element(name, text, more) {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    return Object.assign(made, more);
  }

  function whenItApplies(said) {
    if (!said.at) return said.applies;
    let date = said.at.slice(0, 10);
    try {
      date = new Intl.DateTimeFormat(said.dates, { dateStyle: "long", timeZone: said.zone }).format(new Date(said.at));
    } catch { /* a browser that does not know the zone shows the day by the clock of UTC */ }
    return said.applies.replace("{date}", date);
  }

  function build(said, close) {
    const section = element("section", "", { lang: said.language });
    const heading = element("h2", said.heading, { id: "heading" });
    section.setAttribute("role", "region");
    section.setAttribute("aria-label", `${said.label}: ${said.heading}`);
    section.append(heading);
    if (said.summary) section.append(element("p", said.summary, { lang: said.summary_language }));
    if (said.applies) section.append(element("p", whenItApplies(said), { className: "when" }));
    const deeds = element("div", "", { className: "deeds" });
    if (said.acknowledge) {
      const read = element("button", said.acknowledge, { type: "button", className: said.asks ? "quiet" : "" });
      read.addEventListener("click", async () => {
        if (await tell("acknowledged", said.notice)) close(); // else it can be said again, once the network is back
      });
      deeds.append(read);
    }
    const link = { className: said.asks ? "main" : "", href: said.link, referrerPolicy: "no-referrer", target: "_blank", rel: "noopener noreferrer" };
    deeds.append(element("a", said.link_words, link));
    const shut = element("button", said.close, { type: "button", className: "quiet" });
    shut.addEventListener("click", close);
    deeds.append(shut);
    section.append(deeds);
    section.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { event.stopPropagation(); close(); }
    });
    return section;
  }

  /* Calls back once it has been in view for a while: enough of it, on a page that is itself in view, and where the
     browser can tell, with nothing lying over it. */
  function onceInView(host, seen) {
    if (!window.IntersectionObserver) return () => {};
    const canTell = "isVisible" in IntersectionObserverEntry.prototype;
    let timer = 0;
    let inView = false;
    const look = () => {
      clearTimeout(timer);
      if (inView && document.visibilityState === "visible") timer = setTimeout(() => { stop(); seen(); }, IN_VIEW);
    };
    const observer = new IntersectionObserver((entries) => {
      const entry = entries[entries.length - 1];
      const enough = entry.intersectionRatio >= 0.5 || entry.intersectionRect.height >= innerHeight / 2;
      inView = entry.isIntersecting && enough && (!canTell || entry.isVisible);
      look();
    }, canTell ? { threshold: PARTS, trackVisibility: true, delay: 100 } : { threshold: PARTS });
    const stop = () => {
      clearTimeout(timer);
      observer.disconnect();
      document.removeEventListener("visibilitychange", look);
    };
    document.addEventListener("visibilitychange", look);
    observer.observe(host);
    return stop;
  }

  function show(notices) {
    const said = notices.shift();
    if (!said) return;
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(LOOK);
      root.adoptedStyleSheets = [sheet];
    } catch { /* without constructed sheets it is plain, and still can be read */ }
    let stop = () => {};
    const close = () => { stop(); host.remove(); show(notices); };
    root.append(build(said, close));
    const place = script.dataset.place && document.querySelector(script.dataset.place);
    (place || document.body).prepend(host);
    stop = onceInView(host, () => tell("shown", said.notice));
  }

  async function begin() {
    try {
      const found = await ask("pending");
      if (found && found.notices) show(found.notices);
    } catch { /* no answer, or not for this page: there is nothing to show */ }
  }

  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
