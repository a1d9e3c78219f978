/* For readers: the contents follow the text, keys lead from change to change, and a link that leads nowhere says so.
   Everything on these pages works without it. */
(() => {
  "use strict";

  const LINE = 0.3; // of the window's height: what stands above is what is read
  const HEAD = 120; // pixels under the window's top, where a link sets its target, and some more

  const target = (link) => document.getElementById(named(link.hash));
  const top = (element) => element.getBoundingClientRect().top;

  function named(hash) {
    try {
      return decodeURIComponent(hash.slice(1));
    } catch {
      return hash.slice(1); // a stray "%"
    }
  }

  /* -- the contents follow -- */

  function follow(nav) {
    const links = [...nav.querySelectorAll("a[href^='#']")];
    const places = links.map((link) => [link, target(link)]).filter(([, place]) => place);
    places.sort(([, one], [, other]) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    let marked = null;
    let waiting = false;

    function here() {
      const atEnd = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 2;
      const passed = places.filter(([, place]) => top(place) <= window.innerHeight * (atEnd ? 1 : LINE));
      return passed.length ? passed[passed.length - 1][0] : null;
    }

    function mark() {
      waiting = false;
      const link = here();
      if (link === marked) return;
      if (marked) marked.removeAttribute("aria-current");
      if (link) link.setAttribute("aria-current", "true");
      marked = link;
      if (link) keepInSight(nav, link);
    }

    function soon() {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(mark);
    }

    addEventListener("scroll", soon, { passive: true });
    addEventListener("resize", soon);
    mark();
  }

  /* Only where the list scrolls by itself, and only the list: the page stays where it is. */
  function keepInSight(nav, link) {
    if (nav.scrollHeight <= nav.clientHeight) return;
    const above = top(link) - top(nav);
    const below = above + link.offsetHeight - nav.clientHeight;
    if (above < 0) nav.scrollTop += above - 8;
    else if (below > 0) nav.scrollTop += below + 8;
  }

  /* -- from change to change -- */

  const KEYS = { j: 1, n: 1, k: -1, p: -1 };
  const OFF = "gazette-keys-off"; // in the browser's own store, and only once somebody has switched the keys off

  function stored() {
    try {
      return localStorage.getItem(OFF) === "1";
    } catch {
      return false;
    }
  }

  function store(off) {
    try {
      if (off) localStorage.setItem(OFF, "1");
      else localStorage.removeItem(OFF);
    } catch {
      /* then it holds for this page */
    }
  }

  function steps(bar) {
    const changes = bar.dataset.changes.split(" ").map((id) => document.getElementById(id)).filter(Boolean);
    const said = document.getElementById("step-said");
    const toggle = document.getElementById("keys");
    let at = -1;
    let off = stored();

    /* Where the reader is: at the change they went to while it is in sight, else at the last one above the line. */
    function place() {
      if (at >= 0) {
        const { top: high, bottom: low } = changes[at].getBoundingClientRect();
        if (low > 0 && high < window.innerHeight) return at;
      }
      return changes.findLastIndex((change) => top(change) < HEAD);
    }

    function go(way) {
      const from = place();
      at = (from + way + changes.length + (from < 0 && way < 0 ? 1 : 0)) % changes.length;
      const change = changes[at];
      change.tabIndex = -1;
      location.replace(`#${change.id}`); // `:target` marks it; going back leads out of the page, not through all steps
      change.focus({ preventScroll: true });
      said.textContent = `Change ${at + 1} of ${changes.length}`;
    }

    function tell() {
      toggle.textContent = off ? "Turn the keys on" : "Turn the keys off";
    }

    addEventListener("keydown", (event) => {
      const way = KEYS[event.key];
      const typing = event.target.closest("input, textarea, select, [contenteditable]");
      if (!way || off || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      go(way);
    });
    for (const link of bar.querySelectorAll("[data-step]")) {
      link.addEventListener("click", (event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go(Number(link.dataset.step));
      });
    }
    addEventListener("hashchange", () => {
      at = changes.findIndex((change) => change.id === named(location.hash));
    });
    toggle.addEventListener("click", () => {
      off = !off;
      store(off);
      tell();
    });
    tell();
  }

  /* -- a passage that is gone -- */

  function gone() {
    const note = document.getElementById("gone");
    if (!note) return;
    const hash = named(location.hash);
    note.hidden = !hash || document.getElementById(hash) !== null;
    if (!note.hidden) note.scrollIntoView({ block: "center" });
  }

  for (const nav of document.querySelectorAll("[data-follows]")) follow(nav);
  for (const bar of document.querySelectorAll("[data-changes]")) if (bar.dataset.changes) steps(bar);
  addEventListener("hashchange", gone);
  gone();
})();
