// What pages do more of where scripts run; every page is whole without them, and nothing is ever sent by itself.
"use strict";

// Show and hide what was typed into a password field.
for (const button of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(button.dataset.show);
  const showLabel = button.textContent;
  button.hidden = false;
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.textContent = shown ? showLabel : button.dataset.hideLabel;
  });
  // A password typed in clear must not be kept by the browser as an ordinary text.
  field.form.addEventListener("submit", () => { field.type = "password"; });
}

// A button for sending again rests until it can be used.
for (const button of document.querySelectorAll("[data-enable-after]")) {
  const seconds = Number(button.dataset.enableAfter);
  if (seconds > 0) {
    button.disabled = true;
    setTimeout(() => { button.disabled = false; }, seconds * 1000);
  }
}

// The page that waits for a mailed link moves on when the member's step has changed.
const waiting = document.querySelector("[data-events]");
if (waiting && "EventSource" in window) {
  const events = new EventSource(waiting.dataset.events);
  events.addEventListener("step", (event) => {
    if (event.data === waiting.dataset.step) return;
    events.close();
    waiting.textContent = waiting.dataset.moving;
    setTimeout(() => { location.assign("/"); }, 1500);
  });
  events.addEventListener("end", () => {
    events.close();
    location.assign("/");
  });
}

// A double press sends a form once; should no answer come, it can be sent again after some seconds.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
}

// Warn two minutes before the session ends, and offer to stay without losing what was typed.
const session = document.querySelector("[data-session]");
if (session) {
  const warning = session.querySelector("[data-session-warning]");
  const extend = session.querySelector("[data-session-extend]");
  let timers = [];

  // What is being filled in must not lie under the warning.
  const warn = () => {
    warning.hidden = false;
    if (document.activeElement !== document.body) document.activeElement.scrollIntoView({ block: "nearest" });
  };

  const watch = (seconds) => {
    timers.forEach(clearTimeout);
    warning.hidden = true;
    timers = [
      setTimeout(warn, Math.max(seconds - 120, 0) * 1000),
      setTimeout(() => { location.assign("/"); }, (seconds + 1) * 1000),
    ];
  };
  watch(Number(session.dataset.seconds));

  extend?.addEventListener("click", async (event) => {
    event.preventDefault();
    try {
      const answer = await fetch(extend.href, { cache: "no-store" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const seconds = Number(fresh.querySelector("[data-session]").dataset.seconds);
      session.querySelector("p").textContent = fresh.querySelector("[data-session] p").textContent;
      watch(seconds);
      document.getElementById("main").focus({ preventScroll: true });
    } catch {
      location.assign(extend.href);
    }
  });
}
