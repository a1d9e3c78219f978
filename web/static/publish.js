/* The publish form while somebody types: what is typed is kept a moment after typing stops, and the parts that are
   worked out from it are taken anew from the same page. Without this script a button does both. Saves go one after
   another and are never broken off, or a person would be in conflict with themselves; the parts only show what is
   kept, so a newer request for them breaks off the one before. */
(() => {
  "use strict";

  const form = document.getElementById("draft");
  const kept = document.getElementById("kept");
  if (!form || !kept || !window.fetch || !window.AbortController) return;

  const PAUSE = 1200; // after typing stops
  const LONGEST = 10000; // though it does not stop
  const OTHERS = 30000; // between two looks at who else is here
  const IDLE = 300000; // without a sign of its person, the page asks for nothing: their session may end
  const ALOUD = 8000; // no more often is anything said aloud
  const LARGEST = 4000000; // bytes of a file; a text has at most a million
  const OWN = ["text", "revision_date", "effective", "rule", "notice_days", "summary", "controller"];

  const text = form.elements.text;
  const summary = form.elements.summary;
  const memory = `draft ${form.action}`;
  const plainly = (words) => words.replace(/\r\n?/g, "\n").trim();

  let dirty = false; // typed, and not on its way yet
  let saving = null; // the save under way
  let stopped = form.dataset.loose === "clash" ? "clash" : "";
  let timer = 0;
  let since = 0; // when the oldest of what is dirty was typed
  let asked = null; // the request for the parts under way
  let leaving = false;
  let tries = 0;
  let acted = Date.now();

  // -- what is said ------------------------------------------------------------------------------

  let lastSaid = 0;
  let lastWords = "";
  const aloud = (words) => {
    if (words === lastWords || Date.now() - lastSaid < ALOUD) return;
    document.getElementById("said").textContent = words;
    [lastWords, lastSaid] = [words, Date.now()];
  };

  const trouble = (heading, sentence, deeds = []) => {
    const place = document.getElementById("trouble");
    place.querySelector("h2").textContent = heading;
    place.querySelector("p").textContent = sentence;
    place.querySelector(".buttons").replaceChildren(...deeds);
    place.hidden = !heading;
  };

  const button = (words, deed) => {
    const made = document.createElement("button");
    Object.assign(made, { type: "submit", name: "deed", value: deed, textContent: words });
    made.className = "button button--second button--small";
    return made;
  };

  const link = (words, href, apart) => {
    const made = document.createElement("a");
    Object.assign(made, { href, textContent: words });
    if (apart) Object.assign(made, { target: "_blank", rel: "noopener" });
    return made;
  };

  const state = (words, bad = false) => {
    kept.textContent = words;
    kept.classList.toggle("is-bad", bad);
  };

  // -- keeping -----------------------------------------------------------------------------------

  const changed = () => {
    if (!dirty) since = Date.now();
    dirty = true;
    if (stopped) return;
    if (!saving) state("Not kept yet");
    plan(Math.max(0, Math.min(PAUSE, since + LONGEST - Date.now())));
  };

  const plan = (wait) => {
    clearTimeout(timer);
    timer = setTimeout(save, wait);
  };

  const save = () => {
    clearTimeout(timer);
    if (saving) return saving;
    if (!dirty || stopped === "clash" || stopped === "gone") return Promise.resolve();
    dirty = false;
    saving = send().finally(() => {
      saving = null;
      if (dirty && !stopped && !tries) plan(PAUSE);
    });
    return saving;
  };

  const send = async (again = true) => {
    const body = new FormData(form);
    body.delete("file");
    body.set("deed", "keep");
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(form.action, { method: "POST", body, headers, redirect: "manual" });
      const isSaid = (answer.headers.get("Content-Type") || "").startsWith("application/json");
      const said = isSaid ? await answer.json() : {};
      if (answer.ok && isSaid) return done(said);
      if (said.token && again) {
        for (const one of document.querySelectorAll("[name=csrf_token]")) one.value = said.token;
        return send(false);
      }
      return refused(answer, said);
    } catch {
      return later("no answer came");
    }
  };

  const done = (said) => {
    form.elements.version.value = said.version;
    remember();
    tries = 0;
    if (stopped === "out") trouble("", "");
    stopped = "";
    state(`Kept at ${said.at}`);
    refresh();
  };

  const refused = (answer, said) => {
    dirty = true;
    if (answer.status >= 500) return later("something went wrong there");
    if (said.signed_out || answer.type === "opaqueredirect") return signedOut(said.sign_in);
    if (answer.status === 409) return clash(said.sentence);
    if (answer.status === 404) {
      stopped = "gone";
      state("Not kept", true);
      return trouble("The draft is gone", said.sentence || "", [button("Take what I typed along", "keep")]);
    }
    state(`Not kept: ${said.sentence || "it was not taken."}`, true);
    return aloud(kept.textContent);
  };

  const later = (why) => {
    dirty = true;
    tries += 1;
    const seconds = Math.min(60, 2 ** tries);
    state(`Not kept: ${why}. It is tried again in ${seconds} s.`, true);
    aloud("Not kept");
    plan(seconds * 1000);
  };

  const signedOut = (address) => {
    stopped = "out";
    state("Not kept: you were signed out", true);
    const deeds = [link("Sign in again, in another window", address || "/admin/sign-in", true)];
    trouble("You were signed out", "What you typed stays here, and is kept as soon as you are back.", deeds);
  };

  const clash = (sentence) => {
    stopped = "clash";
    state("Not kept", true);
    const deeds = [button("Show both texts", "keep"), link("Go on with theirs", location.pathname)];
    trouble("Another text was kept meanwhile", `${sentence} Yours stands here.`, deeds);
  };

  const remember = () => {
    try {
      sessionStorage.setItem(memory, form.elements.version.value);
    } catch { /* nowhere to remember it */ }
  };

  // -- the parts that are worked out ---------------------------------------------------------------

  const refresh = async () => {
    if (asked) asked.abort();
    asked = new AbortController();
    const address = new URL(kept.dataset.script, location.href);
    const member = form.elements.member ? form.elements.member.value : "";
    if (member) address.searchParams.set("member", member);
    if (form.elements.tell_first && form.elements.tell_first.checked) address.searchParams.set("tell_first", "yes");
    try {
      const answer = await fetch(address, { signal: asked.signal, redirect: "error" });
      if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* a newer one is under way, or the next one tells */ }
  };

  const read = new WeakMap(); // parts as they came, before anybody opened a fold in them

  const isAt = (field) => document.activeElement === field;
  const holds = (part) => part.contains(document.activeElement) && !document.activeElement.matches("[role=region]");
  let held = null; // a page of which some part waits until the focus has left the one it is to replace

  const show = (page) => {
    held = null;
    follow(page);
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
      const isHeld = holds(part) || (part.dataset.live === "proposal" && isAt(summary) && follows());
      if (!fresh || fresh.outerHTML === (read.get(part) || part.outerHTML)) continue;
      if (isHeld) held = page;
      else swap(part, document.importNode(fresh, true));
    }
    preview();
    const head = document.querySelector("#publish h2");
    const verdict = document.querySelector("#decision .verdict");
    aloud([verdict, head].map((one) => (one ? one.textContent : "")).join(". "));
  };

  const follows = () => plainly(summary.value) === plainly(form.elements.proposed.value);

  // A summary that is as it was proposed goes with the findings; a word of one's own, and it stays.
  const follow = (page) => {
    const after = page.querySelector("[name=proposed]");
    if (after && !isAt(summary) && follows() && summary.value !== after.value) summary.value = after.value;
  };

  const swap = (part, fresh) => {
    const was = fresh.outerHTML;
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    const tops = [...part.querySelectorAll("[role=region]")].map((one) => one.scrollTop);
    const focused = [...part.querySelectorAll("[role=region]")].indexOf(document.activeElement);
    part.replaceWith(fresh);
    read.set(fresh, was);
    fresh.querySelectorAll("details").forEach((one, index) => { one.open = open[index] || one.open; });
    fresh.querySelectorAll("[role=region]").forEach((one, index) => {
      one.scrollTop = tops[index] || 0;
      if (index === focused) one.focus({ preventScroll: true });
    });
  };

  const frame = document.querySelector(".preview__frame");
  const preview = () => {
    if (!frame || !frame.closest("details").open) return;
    let top = 0;
    try { top = frame.contentWindow.scrollY; } catch { /* nothing of ours in it */ }
    frame.addEventListener("load", () => {
      try { frame.contentWindow.scrollTo(0, top); } catch { /* as above */ }
    }, { once: true });
    frame.contentWindow.location.replace(frame.src);
  };

  // -- who else is here ----------------------------------------------------------------------------

  const look = async () => {
    if (document.hidden || saving || stopped || Date.now() - acted > IDLE) return;
    const mine = form.elements.version.value;
    try {
      const answer = await fetch(form.dataset.others, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) return;
      const said = await answer.json();
      const place = document.getElementById("others");
      if (place.innerHTML.trim() !== said.html.trim()) {
        place.replaceChildren(...new DOMParser().parseFromString(said.html, "text/html").body.childNodes);
      }
      if (saving || mine !== form.elements.version.value || said.version <= Number(mine)) return;
      clash(`${said.by} kept it, or you did from another window. Nothing was overwritten.`);
    } catch { /* the next look tells */ }
  };

  // -- a file ----------------------------------------------------------------------------------------

  const take = async (file) => {
    if (file.size > LARGEST) return state("Not taken: the file is larger than any text may be.", true);
    let words = "";
    try {
      words = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
    } catch {
      return state("Not taken: the file is not UTF-8 text.", true);
    }
    text.focus();
    text.select();
    // so that it can be undone; of what is very long, browsers make heavy weather
    if (words.length > 200000 || !document.execCommand("insertText", false, words)) text.value = words;
    text.setSelectionRange(0, 0);
    text.scrollTop = 0;
    changed();
    return aloud(`The text of ${file.name} stands in the form.`);
  };

  const hasFile = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  text.addEventListener("dragover", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    text.classList.add("is-over");
  });
  for (const name of ["dragleave", "drop"]) text.addEventListener(name, () => text.classList.remove("is-over"));
  text.addEventListener("drop", (event) => {
    if (!hasFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
  });

  // -- what a person does ----------------------------------------------------------------------------

  form.addEventListener("input", (event) => {
    if (OWN.includes(event.target.name)) changed();
  });
  form.addEventListener("change", (event) => {
    if (event.target.name === "file" && event.target.files[0]) {
      take(event.target.files[0]);
      event.target.value = "";
    }
    if (["member", "tell_first"].includes(event.target.name)) refresh();
  });
  form.addEventListener("focusout", () => setTimeout(() => held && show(held)));
  form.addEventListener("submit", (event) => {
    const { submitter } = event;
    if (submitter && ["work", "letter"].includes(submitter.value) && !stopped && !form.dataset.loose) {
      event.preventDefault(); // all of it is done here
      if (dirty) save();
      else refresh();
      return;
    }
    if (saving) { // its version is about to change
      event.preventDefault();
      saving.finally(() => form.requestSubmit(submitter));
      return;
    }
    clearTimeout(timer);
    if (asked) asked.abort();
    leaving = true;
  });
  for (const name of ["keydown", "pointerdown", "wheel", "focus"]) {
    window.addEventListener(name, () => { acted = Date.now(); }, { capture: true, passive: true });
  }
  // The Enter key in a field of one line keeps the draft; it would press the first button, and leave the place.
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches("input:not([type=file])") || stopped) return;
    event.preventDefault();
    if (event.target.name === "member") refresh();
    else save();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
    event.preventDefault();
    save();
  });
  for (const fold of form.querySelectorAll("#preview")) fold.addEventListener("toggle", preview);
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && (dirty || saving)) event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? save() : back()));
  window.addEventListener("focus", () => back());
  window.addEventListener("pageshow", (event) => {
    leaving = false;
    if (event.persisted) back();
  });
  const back = () => {
    if (stopped === "out") save();
    else look();
  };
  setInterval(look, OTHERS);

  // What a browser put back after a reload belongs to the version that was typed over, not to the one just read.
  const isPutBack = (one) => (one.type === "radio" ? one.checked !== one.defaultChecked : one.value !== one.defaultValue);
  if (!form.dataset.loose && OWN.some((name) => [...form.querySelectorAll(`[name=${name}]`)].some(isPutBack))) {
    try {
      form.elements.version.value = sessionStorage.getItem(memory) || form.elements.version.value;
    } catch { /* then of this one */ }
    changed();
  }
  if (form.dataset.loose) dirty = true;
  else remember();
})();
