// Keeps the progress of a notice up to date: asks for the part of the page anew while letters leave and the page is
// seen, and says aloud now and then how far it is. Without it the page has a link that does the same by reloading.
(() => {
  "use strict";
  const EVERY = 3000;
  const LONGEST = 60000; // between two tries, where the server does not answer
  const ALOUD = 30000; // no more often is anything said aloud
  let wait = EVERY;
  let timer = 0;
  let asking = false;
  let lastSaid = Date.now();

  const part = () => document.getElementById("notice-progress");
  const isGoing = () => part() !== null && part().dataset.going === "yes";

  const say = (words) => {
    const voice = document.getElementById("notice-progress-said");
    if (!voice || voice.textContent === words) return;
    if (isGoing() && Date.now() - lastSaid < ALOUD) return;
    voice.textContent = words;
    lastSaid = Date.now();
  };

  const show = (html) => {
    const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("notice-progress");
    if (!fresh) return false;
    if (fresh.outerHTML !== part().outerHTML) part().replaceWith(fresh);
    say(fresh.dataset.words);
    return true;
  };

  const ask = async () => {
    asking = true;
    let goesOn = true;
    try {
      const answer = await fetch(part().dataset.from, { credentials: "same-origin", redirect: "manual" });
      if (answer.type === "opaqueredirect") return location.reload(); // signed out: it leads to signing in, and back
      goesOn = answer.ok ? show(await answer.text()) : answer.status >= 500;
      wait = answer.ok ? EVERY : Math.min(wait * 2, LONGEST);
    } catch {
      wait = Math.min(wait * 2, LONGEST);
    }
    asking = false;
    if (goesOn) plan();
  };

  const plan = () => {
    clearTimeout(timer);
    if (asking || document.hidden || !isGoing()) return;
    timer = setTimeout(ask, wait);
  };

  document.addEventListener("visibilitychange", plan);
  plan();
})();
